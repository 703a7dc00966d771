//! What Moltbot decided.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::finding::Finding;
use super::typed_events::{OtherShape, Source, TypedEvent, typed, typed_as};
use crate::event::EventType;
use crate::event::payload::{MoltbotCalled, MoltbotOutputRejected};
use crate::pack::{PackEvent, Section};
use crate::proof::Digest;

/// Every call of Moltbot, with what became of its output.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Decisions {
    /// The calls, in the order they were recorded.
    pub calls: Vec<Decision>,
    /// Judgements of outputs that no call of the request produced.
    pub unmatched_judgements: Vec<Judgement>,
}

/// One call of Moltbot.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Decision {
    /// The event that records it.
    #[serde(flatten)]
    pub source: Source,
    /// Which call of the request it is.
    pub attempt: Option<u32>,
    /// How many calls the request may make.
    pub attempts_max: Option<u32>,
    /// The model's provider.
    pub provider: Option<String>,
    /// The model that was asked for.
    pub model: Option<String>,
    /// The sampling temperature.
    #[serde(serialize_with = "crate::json::number")]
    pub temperature: Option<f64>,
    /// The sampling seed.
    pub seed: Option<i64>,
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
    /// The reason that Moltbot gave.
    pub why: Option<String>,
    /// The action.
    pub action: Option<Value>,
    /// The model that answered.
    pub served_model: Option<String>,
    /// The provider's id of its answer.
    pub response_id: Option<String>,
    /// Why the model stopped.
    pub finish_reason: Option<String>,
    /// Tokens of the input that no cache had.
    pub input_tokens: Option<u64>,
    /// Tokens of the input that the provider read from a cache.
    pub cache_read_input_tokens: Option<u64>,
    /// Tokens of the input that the provider wrote to a cache.
    pub cache_creation_input_tokens: Option<u64>,
    /// Tokens of the answer.
    pub output_tokens: Option<u64>,
    /// Tokens of reasoning before the answer.
    pub reasoning_output_tokens: Option<u64>,
    /// Price, in millionths of a US dollar.
    pub cost_microusd: Option<u64>,
    /// Version of the price list.
    pub price_list_version: Option<String>,
    /// What became of its output, in the order of the stream. Empty if no event says.
    pub judgements: Vec<Judgement>,
    /// The payload as it is, if it does not have the shape of its event type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_shape: Option<OtherShape>,
}

/// What became of an output.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Judgement {
    /// The event that records it.
    #[serde(flatten)]
    pub source: Source,
    /// `accepted`: it kept the contract. `blocked`: it kept the contract and was not safe to act on.
    /// `rejected`: it broke the contract.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["accepted", "blocked", "rejected"])))]
    pub verdict: &'static str,
    /// The `moltbot.called` event whose output was judged. If none is named, the last call before the judgement is
    /// meant.
    pub moltbot_event_id: Option<String>,
    /// What broke the contract, or made it unsafe, as far as the host says.
    pub reasons: Vec<String>,
    /// What the host did instead.
    pub fallback: Option<String>,
    /// The payload as it is, if it does not have the shape of its event type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_shape: Option<OtherShape>,
}

pub(super) fn section(content: Decisions) -> Section<Decisions> {
    if content.calls.is_empty() && content.unmatched_judgements.is_empty() {
        Section::Empty
    } else {
        Section::Recorded { content }
    }
}

pub(super) fn decisions(events: &[PackEvent]) -> Decisions {
    let mut calls: Vec<_> = typed::<MoltbotCalled>(events)
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
                temperature: call.input.temperature,
                seed: call.input.seed,
                prompt_version: call.input.prompt_version,
                policy_version: call.input.policy_version,
                input_hash: commitments.0,
                output_hash: commitments.1,
                action_type: member("type"),
                why: member("why").or_else(|| member("reason")),
                action,
                served_model: call.output.model,
                response_id: call.output.response_id,
                finish_reason: call.output.finish_reason,
                input_tokens: call.output.input_tokens,
                cache_read_input_tokens: call.output.cache_read_input_tokens,
                cache_creation_input_tokens: call.output.cache_creation_input_tokens,
                output_tokens: call.output.output_tokens,
                reasoning_output_tokens: call.output.reasoning_output_tokens,
                cost_microusd: call.output.cost_microusd,
                price_list_version: call.output.price_list_version,
                judgements: Vec::new(),
                source: call.source,
                other_shape: call.other_shape,
            }
        })
        .collect();
    let unmatched_judgements = judge(&mut calls, events);
    Decisions { calls, unmatched_judgements }
}

fn commitments(events: &[PackEvent], seq: i64) -> (Digest, Digest) {
    let at = events.binary_search_by_key(&seq, |event| event.seq).unwrap_or_default();
    (events[at].input.commitment, events[at].output.commitment)
}

/// Adds each judgement to the call that it names, or to the last call before it if it names none. Returns the
/// judgements without a call.
fn judge(calls: &mut [Decision], events: &[PackEvent]) -> Vec<Judgement> {
    let by_id: HashMap<_, _> =
        calls.iter().enumerate().map(|(at, call)| (call.source.event_id, at)).collect();
    let mut unmatched = Vec::new();
    for judgement in judgements(events) {
        let at = if let Some(id) = judgement.moltbot_event_id.as_deref() {
            id.parse::<Uuid>().ok().and_then(|id| by_id.get(&id).copied())
        } else {
            let seq = judgement.source.seq;
            calls.partition_point(|call| call.source.seq < seq).checked_sub(1)
        };
        match at {
            Some(at) => calls[at].judgements.push(judgement),
            None => unmatched.push(judgement),
        }
    }
    unmatched
}

/// Every judgement, in the order of the stream.
fn judgements(events: &[PackEvent]) -> Vec<Judgement> {
    let types = [
        (EventType::MOLTBOT_OUTPUT_ACCEPTED, "accepted"),
        (EventType::MOLTBOT_OUTPUT_BLOCKED, "blocked"),
        (EventType::MOLTBOT_OUTPUT_REJECTED, "rejected"),
    ];
    let mut judgements: Vec<_> = types
        .into_iter()
        .flat_map(|(event_type, verdict)| {
            typed_as::<MoltbotOutputRejected>(events, event_type)
                .map(move |typed| judgement(verdict, typed))
        })
        .collect();
    judgements.sort_by_key(|judgement| judgement.source.seq);
    judgements
}

fn judgement(verdict: &'static str, typed: TypedEvent<MoltbotOutputRejected>) -> Judgement {
    let mut output = typed.output;
    let mut reasons = output.errors;
    // The payload of a block is not specified, so we look for both usual names.
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
    Judgement {
        source: typed.source,
        verdict,
        moltbot_event_id: typed.input.moltbot_event_id,
        reasons,
        fallback: output.fallback,
        other_shape: typed.other_shape,
    }
}

/// Judgements that contradict each other or the calls, and decisions without a reason.
pub(super) fn findings(decisions: &Decisions) -> Vec<Finding> {
    let Decisions { calls, unmatched_judgements } = decisions;
    let mut findings = Vec::new();
    for judgement in unmatched_judgements {
        let what = match judgement.moltbot_event_id {
            Some(_) => {
                "it judges an output of a moltbot.called event that the request does not have"
            }
            None => "it judges an output, and no moltbot.called event stands before it",
        };
        findings.push(Finding::at(&judgement.source, what));
    }
    for call in calls {
        findings.extend(call.findings());
    }
    findings
}

impl Decision {
    fn findings(&self) -> Vec<Finding> {
        let seq = self.source.seq;
        let mut findings = Vec::new();
        let mut first: Option<&Judgement> = None;
        for judgement in &self.judgements {
            let verdict = judgement.verdict;
            let mut find = |what| findings.push(Finding::at(&judgement.source, what));
            if judgement.source.seq < seq {
                find(format!("the output of event {seq} is {verdict} before it was there"));
            }
            if verdict == "accepted" && !self.source.succeeded() {
                find(format!(
                    "the output of event {seq} is accepted, and that call did not succeed"
                ));
            }
            match first {
                Some(first) if first.verdict != verdict => find(format!(
                    "the output of event {seq} is {verdict}, and event {} says {}",
                    first.source.seq, first.verdict
                )),
                _ => first = Some(judgement),
            }
        }
        let is_used = self.judgements.iter().all(|judgement| judgement.verdict == "accepted");
        if self.source.succeeded() && is_used && self.lacks_reason() {
            let action = self.action_type.as_deref().unwrap_or("decision");
            findings.push(Finding::at(
                &self.source,
                format!("Moltbot gave no reason for its {action}"),
            ));
        }
        findings
    }

    /// True if there is an action without a reason.
    fn lacks_reason(&self) -> bool {
        self.action.as_ref().is_some_and(Value::is_object)
            && self.why.as_deref().is_none_or(|why| why.trim().is_empty())
    }
}
