//! The request: where it stands, and every state it went through.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::Value;

use super::told::{OtherShape, Source, told};
use crate::event::EventType;
use crate::event::payload::{RequestCreated, RequestStateChanged};
use crate::pack::{PackEvent, Section};

/// Where the request stands, and how it got there.
#[derive(Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RequestSummary {
    /// What is known of it at the end.
    pub snapshot: Snapshot,
    /// Every step of the state machine that was recorded, those that did not succeed too.
    pub transitions: Vec<Transition>,
}

/// What is known of the request at the end of its events.
#[derive(Clone, Default, PartialEq, Serialize)]
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
    /// The host's time of the first that was recorded.
    pub first_event_at: Option<DateTime<Utc>>,
    /// The host's time of the last that was recorded, exports apart.
    pub last_event_at: Option<DateTime<Utc>>,
    /// Seconds from the first event until the state `shortlist_ready`.
    pub seconds_to_shortlist: Option<f64>,
    /// The payload of the event that opened it, where it has another shape.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_shape: Option<OtherShape>,
}

/// One step of the state machine.
#[derive(Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Transition {
    /// The event that says so.
    #[serde(flatten)]
    pub source: Source,
    /// The state left.
    pub from_state: Option<String>,
    /// The state entered.
    pub to_state: String,
    /// Why.
    pub reason: Option<String>,
    /// Whether the host's state machine allows the step.
    pub allowed: bool,
    /// The payload, where it has another shape.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_shape: Option<OtherShape>,
}

/// The host's state machine: where each state may lead.
const STEPS: [(&str, &[&str]); 8] = [
    ("awaiting_vendor_replies", &["shortlist_ready", "vendor_outreach", "error"]),
    ("closed", &[]),
    ("collecting_requirements", &["ocr_processing", "vendor_outreach", "error", "closed"]),
    ("error", &["collecting_requirements", "closed"]),
    ("handed_off", &["closed"]),
    ("ocr_processing", &["collecting_requirements", "vendor_outreach", "error"]),
    ("shortlist_ready", &["handed_off", "closed", "error"]),
    ("vendor_outreach", &["awaiting_vendor_replies", "error"]),
];

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
    told::<RequestStateChanged>(events)
        .map(|step| Transition {
            allowed: is_allowed(step.input.from_state.as_deref(), &step.input.to_state),
            source: step.source,
            from_state: step.input.from_state,
            to_state: step.input.to_state,
            reason: step.input.reason,
            other_shape: step.other_shape,
        })
        .collect()
}

fn snapshot(events: &[PackEvent], transitions: &[Transition]) -> Snapshot {
    let created = told::<RequestCreated>(events).next();
    // In the order they were recorded: an export made later is no part of what happened, and clocks of
    // different processes may disagree.
    let export = EventType::PACK_EXPORTED;
    let is_told = |event: &&PackEvent| event.header.event_type != export.as_str();
    let mut times = events.iter().filter(is_told).map(|event| event.header.created_at);
    let first_event_at = times.next();
    let mut taken = transitions.iter().filter(|step| step.source.succeeded());
    let state = taken.clone().next_back().map(|step| step.to_state.clone());
    let shortlist = taken.find(|step| step.to_state == "shortlist_ready");
    let to_shortlist = shortlist.zip(first_event_at).map(|(step, first)| step.source.at - first);
    let snapshot = Snapshot {
        state,
        events: events.len(),
        first_event_at,
        last_event_at: times.next_back().or(first_event_at),
        seconds_to_shortlist: to_shortlist.map(|time| {
            // Whole milliseconds: a double of microseconds has digits nobody measured.
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

fn is_allowed(from: Option<&str>, to: &str) -> bool {
    match from {
        None => to == "collecting_requirements",
        Some(from) => STEPS.iter().any(|(state, next)| *state == from && next.contains(&to)),
    }
}
