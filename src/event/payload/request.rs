//! The request itself.

use serde_json::Value;

use super::{Nothing, event, payload};

event! {
    /// A request was opened.
    RequestCreated = REQUEST_CREATED(RequestInput, Nothing);
    /// A request moved through its state machine.
    RequestStateChanged = REQUEST_STATE_CHANGED(StateChange, Nothing);
}

payload! {
    /// What the request started with.
    RequestInput {
        /// Where it came from: `whatsapp`.
        channel: Option<String>,
        /// `en`, `fr`, `rw`.
        language: Option<String>,
        /// What is known of the need.
        #[serde(deserialize_with = "crate::json::deserialize_option")]
        requirements: Option<Value>,
    }

    /// One step of the state machine.
    StateChange {
        /// The state left; absent for the first.
        from_state: Option<String>,
        /// The state entered.
        to_state: String,
        /// Why.
        reason: Option<String>,
    }
}
