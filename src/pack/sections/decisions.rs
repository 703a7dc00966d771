//! What Moltbot decided.

use serde::Serialize;
use serde_json::Value;

use super::told::{OtherShape, Source, told, told_as};
use crate::event::EventType;
use crate::event::payload::{MoltbotCalled, MoltbotOutputRejected};
use crate::pack::PackEvent;
use crate::proof::Digest;

/// One call of Moltbot.
#[derive(Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Decision {
    /// The event that says so.
    #[serde(flatten)]
    pub source: Source,
    /// Which call of the request it is.
    pub attempt: Option<u32>,
    /// How many calls the request may make.
    pub attempts_max: Option<u32>,
    /// The model's provider.
    pub provider: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// Version of the prompt.
    pub prompt_version: Option<String>,
    /// Version of the output contract and policies.
    pub policy_version: Option<String>,
    /// The commitment to what it was given.
    pub input_hash: Digest,
    /// The commitment to what it gave.
    pub output_hash: Digest,
    /// `ask_client`, `vendor_outreach_plan`, `shortlist`, `escalate`.
    pub action_type: Option<String>,
    /// Its own reason.
    pub why: Option<String>,
    /// The action.
    pub action: Option<Value>,
    /// Tokens read.
    pub input_tokens: Option<u64>,
    /// Tokens written.
    pub output_tokens: Option<u64>,
    /// Price, in millionths of a US dollar.
    pub cost_microusd: Option<u64>,
    /// Whether its output was used.
    pub judgement: Judgement,
    /// The payload, where it has another shape.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_shape: Option<OtherShape>,
}

/// What became of an output.
#[derive(Clone, PartialEq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Judgement {
    /// It kept the contract.
    Accepted {
        /// The event that says so.
        source: Source,
    },
    /// No event says.
    NotRecorded,
    /// It broke the contract.
    Rejected {
        /// The event that says so.
        source: Source,
        /// What broke it.
        errors: Vec<String>,
        /// What the host did instead.
        fallback: Option<String>,
    },
}

pub(super) fn decisions(events: &[PackEvent]) -> Vec<Decision> {
    let mut decisions: Vec<_> = told::<MoltbotCalled>(events)
        .map(|call| {
            let action = call.output.action;
            let member = |name| {
                let text = action.as_ref().and_then(|action| action.get(name)?.as_str());
                text.map(str::to_owned)
            };
            let commitments = commitments(events, call.source.seq);
            Decision {
                attempt: call.input.attempt,
                attempts_max: call.input.attempts_max,
                provider: call.input.provider,
                model: call.input.model,
                prompt_version: call.input.prompt_version,
                policy_version: call.input.policy_version,
                input_hash: commitments.0,
                output_hash: commitments.1,
                action_type: member("type"),
                why: member("why").or_else(|| member("reason")),
                action,
                input_tokens: call.output.input_tokens,
                output_tokens: call.output.output_tokens,
                cost_microusd: call.output.cost_microusd,
                judgement: Judgement::NotRecorded,
                source: call.source,
                other_shape: call.other_shape,
            }
        })
        .collect();
    judge(&mut decisions, events);
    decisions
}

fn commitments(events: &[PackEvent], seq: i64) -> (Digest, Digest) {
    let at = events.binary_search_by_key(&seq, |event| event.seq).unwrap_or_default();
    (events[at].input.commitment, events[at].output.commitment)
}

/// Finds for each judgement the call it speaks of: the one it names, else the last one before it.
fn judge(decisions: &mut [Decision], events: &[PackEvent]) {
    let rejected = told::<MoltbotOutputRejected>(events).map(|told| {
        let call = told.input.moltbot_event_id;
        let (errors, fallback) = (told.output.errors, told.output.fallback);
        (call, told.source.seq, Judgement::Rejected { source: told.source, errors, fallback })
    });
    let accepted = told_as::<MoltbotOutputRejected>(events, EventType::MOLTBOT_OUTPUT_ACCEPTED)
        .map(|told| {
            let call = told.input.moltbot_event_id;
            (call, told.source.seq, Judgement::Accepted { source: told.source })
        });
    for (call, seq, judgement) in rejected.chain(accepted) {
        let named = decisions
            .iter()
            .position(|decision| Some(decision.source.event_id.to_string()) == call);
        let at = named.or_else(|| decisions.iter().rposition(|decision| decision.source.seq < seq));
        if let Some(decision) = at.and_then(|at| decisions.get_mut(at)) {
            decision.judgement = judgement;
        }
    }
}
