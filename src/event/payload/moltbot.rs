//! The AI's decisions.

use serde_json::Value;

use super::{event, payload};

event! {
    /// Moltbot was asked for the next action.
    MoltbotCalled = MOLTBOT_CALLED(MoltbotInput, MoltbotOutput);
    /// Moltbot's answer broke the output contract.
    MoltbotOutputRejected = MOLTBOT_OUTPUT_REJECTED(RejectionInput, RejectionOutput);
}

payload! {
    /// What Moltbot was given.
    MoltbotInput {
        /// The model's provider.
        provider: Option<String>,
        /// The model.
        model: Option<String>,
        /// Version of the prompt.
        prompt_version: Option<String>,
        /// Version of the output contract and policies.
        policy_version: Option<String>,
        /// Which call of this request it is, from 1.
        attempt: Option<u32>,
        /// How many calls the request may make.
        attempts_max: Option<u32>,
        /// The context pack it decided from.
        #[serde(deserialize_with = "crate::json::deserialize_option")]
        context: Option<Value>,
    }

    /// What Moltbot decided.
    MoltbotOutput {
        /// The action, as the output contract has it: an object with a `type`.
        #[serde(deserialize_with = "crate::json::deserialize_option")]
        action: Option<Value>,
        /// Tokens read.
        input_tokens: Option<u64>,
        /// Tokens written.
        output_tokens: Option<u64>,
        /// Price, in millionths of a US dollar.
        cost_microusd: Option<u64>,
    }

    /// What was rejected.
    RejectionInput {
        /// The `moltbot.called` event whose output it was.
        moltbot_event_id: Option<String>,
        /// The output as it came.
        #[serde(deserialize_with = "crate::json::deserialize_option")]
        raw: Option<Value>,
    }

    /// Why, and what was done instead.
    RejectionOutput {
        /// What broke the contract.
        errors: Vec<String>,
        /// How many in a row.
        consecutive_failures: Option<u32>,
        /// What the host did instead.
        fallback: Option<String>,
    }
}
