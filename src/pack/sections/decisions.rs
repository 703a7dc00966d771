//! What Moltbot decided.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::told::{OtherShape, Source, Told, told, told_as};
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
        /// The payload, where it has another shape.
        #[serde(skip_serializing_if = "Option::is_none")]
        other_shape: Option<OtherShape>,
    },
    /// It kept the contract and was not safe to act on.
    Blocked {
        /// The event that says so.
        source: Source,
        /// What made it unsafe, as far as the host says.
        reasons: Vec<String>,
        /// What the host did instead.
        fallback: Option<String>,
        /// The payload, where it has another shape.
        #[serde(skip_serializing_if = "Option::is_none")]
        other_shape: Option<OtherShape>,
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
        /// The payload, where it has another shape.
        #[serde(skip_serializing_if = "Option::is_none")]
        other_shape: Option<OtherShape>,
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

/// Gives each judgement, in their order, to the call it names, else to the last one before it.
fn judge(decisions: &mut [Decision], events: &[PackEvent]) {
    let by_id: HashMap<_, _> =
        decisions.iter().enumerate().map(|(at, call)| (call.source.event_id, at)).collect();
    for (call, seq, judgement) in judgements(events) {
        let named = call.and_then(|call| by_id.get(&call).copied());
        let before = decisions.partition_point(|call| call.source.seq < seq);
        if let Some(at) = named.or(before.checked_sub(1)) {
            decisions[at].judgement = judgement;
        }
    }
}

/// Every judgement with the call it names and its own place, in the order of the stream.
fn judgements(events: &[PackEvent]) -> Vec<(Option<Uuid>, i64, Judgement)> {
    let types = [
        (EventType::MOLTBOT_OUTPUT_ACCEPTED, accepted as fn(_) -> _),
        (EventType::MOLTBOT_OUTPUT_BLOCKED, blocked),
        (EventType::MOLTBOT_OUTPUT_REJECTED, rejected),
    ];
    let mut judgements: Vec<_> = types
        .into_iter()
        .flat_map(|(event_type, judgement)| {
            told_as::<MoltbotOutputRejected>(events, event_type).map(move |told| {
                let call = told.input.moltbot_event_id.as_deref();
                (call.and_then(|id| id.parse().ok()), told.source.seq, judgement(told))
            })
        })
        .collect();
    judgements.sort_by_key(|(_, seq, _)| *seq);
    judgements
}

fn accepted(told: Told<MoltbotOutputRejected>) -> Judgement {
    Judgement::Accepted { source: told.source, other_shape: told.other_shape }
}

fn blocked(told: Told<MoltbotOutputRejected>) -> Judgement {
    let mut output = told.output;
    let mut reasons = output.errors;
    // No payload is laid down for a block, so both usual names are looked for.
    let (reason, warnings) = (output.extra.remove("reason"), output.extra.remove("warnings"));
    for said in reason.into_iter().chain(warnings) {
        match said {
            Value::String(text) => reasons.push(text),
            Value::Array(texts) => {
                reasons.extend(texts.iter().filter_map(Value::as_str).map(str::to_owned));
            }
            _ => {}
        }
    }
    Judgement::Blocked {
        source: told.source,
        reasons,
        fallback: output.fallback,
        other_shape: told.other_shape,
    }
}

fn rejected(told: Told<MoltbotOutputRejected>) -> Judgement {
    Judgement::Rejected {
        source: told.source,
        errors: told.output.errors,
        fallback: told.output.fallback,
        other_shape: told.other_shape,
    }
}
