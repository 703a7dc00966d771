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
        /// The model that was asked for.
        model: Option<String>,
        /// The sampling temperature, if the call sets one.
        #[serde(serialize_with = "crate::json::number")]
        temperature: Option<f64>,
        /// The sampling seed, if the call sets one.
        seed: Option<i64>,
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

    /// What Moltbot decided, and what the provider says of its call.
    ///
    /// Each token counts in one of the five numbers. Anthropic's usage reports them so. `OpenAI` and Gemini
    /// include cached tokens in their input, and `OpenAI` includes reasoning in its output: subtract them.
    /// What the provider does not say is `None`, and never 0.
    MoltbotOutput {
        /// The action, as the output contract has it: an object with a `type`.
        #[serde(deserialize_with = "crate::json::deserialize_option")]
        action: Option<Value>,
        /// The model that answered.
        model: Option<String>,
        /// The provider's id of its answer.
        response_id: Option<String>,
        /// Why the model stopped, in the provider's word: `stop`, `length`, …
        finish_reason: Option<String>,
        /// Tokens of the input that no cache had.
        input_tokens: Option<u64>,
        /// Tokens of the input that the provider read from a cache.
        cache_read_input_tokens: Option<u64>,
        /// Tokens of the input that the provider wrote to a cache.
        cache_creation_input_tokens: Option<u64>,
        /// Tokens of the answer.
        output_tokens: Option<u64>,
        /// Tokens of reasoning before the answer.
        reasoning_output_tokens: Option<u64>,
        /// Price, in millionths of a US dollar.
        cost_microusd: Option<u64>,
        /// Version of the price list by which the host computed the price.
        price_list_version: Option<String>,
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
