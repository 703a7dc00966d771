//! Why a vendor dropped out before a decision about it.

use serde::Serialize;

use super::super::typed_events::{Source, read};
use crate::event::payload::{EffectRefused, RequestStateChanged, VendorBatchSent};
use crate::event::{ErrorCode, EventType};
use crate::pack::PackEvent;

/// The event that ended a vendor's chances.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Cause {
    /// That event.
    #[serde(flatten)]
    pub source: Source,
    /// Its type.
    pub event_type: String,
    /// The error code, `time_exceeded` if the request's time was over, or the state that the request went to and why.
    pub reason: String,
}

/// States in which no vendor is messaged any more.
const NO_MORE_MESSAGES: &[&str] = &["shortlist_ready", "handed_off", "closed", "error"];
/// States in which no shortlist is made any more.
const NO_MORE_SHORTLISTS: &[&str] = &["closed", "error"];

/// The events that ended vendors' chances, found in one pass.
pub(super) struct Causes {
    messages: Vec<(i64, Cause)>,
    shortlists: Vec<(i64, Cause)>,
}

impl Causes {
    pub(super) fn of(events: &[PackEvent]) -> Self {
        let all = |ends: fn(&PackEvent) -> Option<String>| {
            let cause = |event: &PackEvent| {
                let reason = ends(event)?;
                let (source, event_type) = (Source::of(event), event.header.event_type.clone());
                Some((event.seq, Cause { source, event_type, reason }))
            };
            events.iter().filter_map(cause).collect()
        };
        Self { messages: all(ends_messages), shortlists: all(ends_shortlists) }
    }

    /// Why a vendor was not messaged that was a candidate at this place in the stream.
    pub(super) fn of_no_message(&self, candidate_seq: i64) -> Option<Cause> {
        first_after(&self.messages, candidate_seq)
    }

    /// Why a vendor was not ranked that replied at this place in the stream.
    pub(super) fn of_no_rank(&self, reply_seq: i64) -> Option<Cause> {
        first_after(&self.shortlists, reply_seq)
    }
}

fn first_after(causes: &[(i64, Cause)], seq: i64) -> Option<Cause> {
    let after = causes.partition_point(|(at, _)| *at <= seq);
    causes.get(after).map(|(_, cause)| cause.clone())
}

fn ends_messages(event: &PackEvent) -> Option<String> {
    let has_failed = || event.header.outcome != crate::event::Outcome::Succeeded.as_str();
    if event.is(&EventType::EFFECT_REFUSED) {
        let refused = read::<EffectRefused>(event);
        let is_batch = [EventType::VENDOR_BATCH_SENT, EventType::VENDOR_OUTREACH_SENT]
            .iter()
            .any(|effect| refused.input.effect.as_deref() == Some(effect.as_str()));
        return is_batch.then(|| {
            let code = error_code(event);
            let budget = refused.output.budget.or(refused.output.switch);
            budget.map_or_else(|| code.clone(), |budget| format!("{code}: {budget}"))
        });
    }
    if event.is(&EventType::VENDOR_BATCH_SENT) && has_failed() {
        // Each message of a batch that went out has an event of its own.
        let batch = read::<VendorBatchSent>(event);
        return batch.output.sent.is_none_or(|sent| sent == 0).then(|| error_code(event));
    }
    if event.is(&EventType::VENDOR_BATCH_LIMIT_REACHED) || is_out_of_time(event) {
        return Some(error_code(event));
    }
    entered(event, NO_MORE_MESSAGES)
}

fn ends_shortlists(event: &PackEvent) -> Option<String> {
    let has_failed = event.header.outcome != crate::event::Outcome::Succeeded.as_str();
    let is_failed_shortlist = event.is(&EventType::SHORTLIST_GENERATED) && has_failed;
    if is_failed_shortlist || is_out_of_time(event) {
        return Some(error_code(event));
    }
    entered(event, NO_MORE_SHORTLISTS)
}

fn is_out_of_time(event: &PackEvent) -> bool {
    event.is(&EventType::REQUEST_TIME_BUDGET_EXCEEDED)
        || event.header.error_code.as_deref() == Some(ErrorCode::TimeExceeded.as_str())
}

/// The state that the request went to, if it is one of these, and why.
fn entered(event: &PackEvent, states: &[&str]) -> Option<String> {
    if !event.is(&EventType::REQUEST_STATE_CHANGED) {
        return None;
    }
    let step = read::<RequestStateChanged>(event);
    let to = step.input.to_state;
    if !step.source.succeeded() || !states.contains(&to.as_str()) {
        return None;
    }
    Some(match step.input.reason {
        Some(reason) => format!("{to}: {reason}"),
        None => to,
    })
}

fn error_code(event: &PackEvent) -> String {
    // The time limit is a budget too, and some hosts record its end with the code of a budget.
    if event.is(&EventType::REQUEST_TIME_BUDGET_EXCEEDED) {
        return ErrorCode::TimeExceeded.as_str().to_owned();
    }
    let code = event.header.error_code.clone();
    code.unwrap_or_else(|| event.header.outcome.clone())
}
