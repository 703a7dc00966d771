//! The request: its state, and every state it went through.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::Value;

use super::finding::Finding;
use super::typed_events::{OtherShape, Source, TypedEvent, typed};
use crate::event::EventType;
use crate::event::payload::{RequestCreated, RequestStateChanged, ShortlistGenerated};
use crate::event::request_state::leads;
use crate::pack::{PackEvent, Section};

/// Where the request stands, and how it got there.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct RequestSummary {
    /// What is known of it at the end.
    pub snapshot: Snapshot,
    /// Every step of the state machine that was recorded, including those that did not succeed.
    pub transitions: Vec<Transition>,
}

/// What is known of the request at the end of its events.
#[derive(Clone, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Snapshot {
    /// The event that opened it.
    pub created: Option<Source>,
    /// Where it came from.
    pub channel: Option<String>,
    /// The client's language.
    pub language: Option<String>,
    /// What was known of the need when it was opened.
    pub requirements: Option<Value>,
    /// The state it is in.
    pub state: Option<String>,
    /// How many events it has.
    pub events: usize,
    /// The host's time of the first event in the stream.
    pub first_event_at: Option<DateTime<Utc>>,
    /// The host's time of the last event in the stream, not counting exports.
    pub last_event_at: Option<DateTime<Utc>>,
    /// Seconds from the first event to the first shortlist that succeeded, by the host's times. The metric
    /// `time_to_shortlist_seconds` measures the same. None if the first event has a later time, or is not in the
    /// pack.
    #[serde(serialize_with = "crate::json::number")]
    pub seconds_to_shortlist: Option<f64>,
    /// The payload of the event that opened it, if it has another shape.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_shape: Option<OtherShape>,
}

/// One step of the state machine.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Transition {
    /// The event that records it.
    #[serde(flatten)]
    pub source: Source,
    /// The state left.
    pub from_state: Option<String>,
    /// The state entered.
    pub to_state: String,
    /// Why.
    pub reason: Option<String>,
    /// Whether the request was in the state left, and the host's state machine leads from there to the state
    /// entered.
    pub allowed: bool,
    /// The payload as it is, if it does not have the shape of its event type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_shape: Option<OtherShape>,
}

pub(super) fn section(events: &[PackEvent]) -> Section<RequestSummary> {
    if events.is_empty() {
        return Section::Empty;
    }
    let transitions = transitions(events);
    Section::Recorded {
        content: RequestSummary { snapshot: snapshot(events, &transitions), transitions },
    }
}

fn transitions(events: &[PackEvent]) -> Vec<Transition> {
    // The state is not known before the first step, because a trail may begin in the middle of a request.
    let mut state: Option<String> = None;
    let step = |step: TypedEvent<RequestStateChanged>| {
        let (from, to) = (step.input.from_state, step.input.to_state);
        let is_in_it = state.is_none() || state == from;
        let transition = Transition {
            allowed: is_in_it && leads(from.as_deref(), &to),
            source: step.source,
            from_state: from,
            to_state: to,
            reason: step.input.reason,
            other_shape: step.other_shape,
        };
        if transition.source.succeeded() {
            state = Some(transition.to_state.clone());
        }
        transition
    };
    typed::<RequestStateChanged>(events).map(step).collect()
}

/// Steps that were taken although the state machine does not allow them.
pub(super) fn findings(events: &[PackEvent]) -> Vec<Finding> {
    let mut state: Option<String> = None;
    let mut findings = Vec::new();
    for step in transitions(events).iter().filter(|step| step.source.succeeded()) {
        let (from, to) = (step.from_state.as_deref().unwrap_or("no state"), &step.to_state);
        if let Some(state) = state.as_deref().filter(|state| *state != from) {
            let what = format!("it leaves {from} for {to}, and the request was in {state}");
            findings.push(Finding::at(&step.source, what));
        } else if !step.allowed {
            let what = format!("the state machine does not lead from {from} to {to}");
            findings.push(Finding::at(&step.source, what));
        }
        state = Some(to.clone());
    }
    findings
}

/// From the first event to the first shortlist.
fn time_to_shortlist(events: &[PackEvent]) -> Option<TimeDelta> {
    let first = events.first().filter(|first| first.seq == 1)?;
    let shortlist =
        typed::<ShortlistGenerated>(events).find(|shortlist| shortlist.source.succeeded())?;
    let time = shortlist.source.at - first.header.created_at;
    (time >= TimeDelta::zero()).then_some(time)
}

fn snapshot(events: &[PackEvent], transitions: &[Transition]) -> Snapshot {
    let created = typed::<RequestCreated>(events).next();
    // First and last in the stream, because the clocks of different processes may disagree. A comparison or an
    // export is not part of what happened to the request.
    let looks = [EventType::AUDIT_RECONCILED, EventType::PACK_EXPORTED];
    let is_told = |event: &&PackEvent| !looks.iter().any(|of| event.is(of));
    let mut times = events.iter().filter(is_told).map(|event| event.header.created_at);
    let first_event_at = times.next();
    let mut taken = transitions.iter().filter(|step| step.source.succeeded());
    let state = taken.next_back().map(|step| step.to_state.clone());
    let snapshot = Snapshot {
        state,
        events: events.len(),
        first_event_at,
        last_event_at: times.next_back().or(first_event_at),
        seconds_to_shortlist: time_to_shortlist(events).map(|time| {
            // Whole milliseconds, because microseconds as a double would show digits that were never measured.
            TimeDelta::milliseconds(time.num_milliseconds()).as_seconds_f64()
        }),
        ..Snapshot::default()
    };
    match created {
        Some(created) => Snapshot {
            created: Some(created.source),
            channel: created.input.channel,
            language: created.input.language,
            requirements: created.input.requirements,
            other_shape: created.other_shape,
            ..snapshot
        },
        None => snapshot,
    }
}
