//! What was done in a request: effects that happened or may have, and events that report one.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::compensation::Compensation;
use crate::event::payload::{AdmissionInput, EffectAdmitted};
use crate::event::request_state::way_to_closed;
use crate::event::{EventType, Outcome, Reversal, Until};
use crate::pack::PackEvent;
use crate::pack::sections::budgets::{AdmittedEffect, EffectState};
use crate::pack::sections::typed_events::{Source, is_hidden, typed};

/// Events that report what was done, for a host that only records.
const REPORTS: [EventType; 10] = [
    EventType::CALL_CONSENT_REQUESTED,
    EventType::CALL_STARTED,
    EventType::MOLTBOT_CALLED,
    EventType::OCR_JOB_DONE,
    EventType::REQUEST_STATE_CHANGED,
    EventType::SHORTLIST_GENERATED,
    EventType::SHORTLIST_HANDOFF,
    EventType::SHORTLIST_SENT,
    EventType::VENDOR_OUTREACH_SENT,
    EventType::WHATSAPP_OUTBOUND_SENT,
];

/// Something that was done.
pub(super) struct Act {
    pub(super) id: Uuid,
    /// The event that reports it, or its admission.
    pub(super) source: Source,
    pub(super) event_type: String,
    pub(super) standing: Standing,
    pub(super) subject: Subject,
    pub(super) vendor_id: Option<String>,
    pub(super) undoing: Undoing,
    /// Of a change of the state: the states by which the request is closed.
    pub(super) way: Vec<String>,
    /// True if messages to vendors are parts of it, and have steps of their own.
    pub(super) has_parts: bool,
}

/// Whether it happened.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Happened,
    InDoubt,
    Running,
}

/// What an act concerns. Of all acts that concern the same, only the newest is undone: one message tells a vendor that
/// its offer is not needed, however often it was asked.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Subject {
    Client,
    Itself(Uuid),
    Shortlist,
    State,
    Vendor(String),
}

/// How an act is undone: as its admission says, or by the default of its kind.
pub(super) struct Undoing {
    pub(super) reversal: String,
    pub(super) compensation: Option<String>,
    pub(super) until: Option<DateTime<Utc>>,
}

/// What was done, in the order of the stream. Compensations are left out, but for changes of the state: the state
/// that they lead to is one that the request is in.
pub(super) fn acts(
    events: &[PackEvent],
    effects: &[AdmittedEffect],
    compensations: &[Compensation],
) -> Vec<Act> {
    let intents: HashMap<_, _> =
        typed::<EffectAdmitted>(events).map(|typed| (typed.source.event_id, typed.input)).collect();
    let by_id: HashMap<_, _> = events.iter().map(|event| (event.header.id, event)).collect();
    let compensating: HashSet<_> = compensations.iter().map(|one| one.effect_id).collect();
    let parts = Parts::of(events, &intents);
    let of_effects = effects.iter().filter_map(|effect| {
        let standing = match effect.state {
            EffectState::Done => Standing::Happened,
            EffectState::InDoubt => Standing::InDoubt,
            EffectState::Running => Standing::Running,
            EffectState::Failed | EffectState::Voided => return None,
        };
        let event = by_id.get(&effect.effect_id).copied();
        // Without an outcome, its admission is all that is known of it.
        let shown = event.or_else(|| by_id.get(&effect.source.event_id).copied())?;
        let intent = intents.get(&effect.source.event_id);
        let kind = effect.effect.clone().unwrap_or_else(|| shown.header.event_type.clone());
        let mut act = act(effect.effect_id, kind, shown, event.is_some(), intent);
        act.standing = standing;
        act.has_parts = parts.has(&act, Some(effect.source.event_id), shown);
        Some(act)
    });
    let known: HashSet<_> = effects.iter().map(|effect| effect.effect_id).collect();
    let reports = events.iter().filter_map(|event| {
        let header = &event.header;
        let is_report = event.is_one_of(&REPORTS) || event.is(&EventType::VENDOR_BATCH_SENT);
        if !is_report || known.contains(&header.id) {
            return None;
        }
        let mut act = act(header.id, header.event_type.clone(), event, true, None);
        act.standing = match Outcome::parse(&header.outcome)? {
            Outcome::Succeeded => Standing::Happened,
            Outcome::Cancelled | Outcome::Panicked => Standing::InDoubt,
            Outcome::Failed | Outcome::Refused => return None,
        };
        act.has_parts = parts.has(&act, None, event);
        Some(act)
    });
    let mut acts: Vec<_> = of_effects.chain(reports).collect();
    acts.retain(|act| {
        let is_end = act.way.is_empty() || act.standing != Standing::Happened;
        let is_undoing = compensating.contains(&act.id);
        !is_undoing || act.subject == Subject::State && !is_end
    });
    acts.sort_by_key(|act| act.source.seq);
    acts
}

fn act(
    id: Uuid,
    event_type: String,
    shown: &PackEvent,
    is_outcome: bool,
    intent: Option<&AdmissionInput>,
) -> Act {
    let source = Source::of(shown);
    let input = |name: &str| {
        let text = shown.input.value.get(name).and_then(Value::as_str);
        text.filter(|_| is_outcome).map(str::to_owned)
    };
    let is = |of: &EventType| of.as_str() == event_type;
    let states = is(&EventType::REQUEST_STATE_CHANGED)
        .then(|| (input("from_state"), input("to_state").unwrap_or_default()));
    let way = states.as_ref().map(|(from, to)| way_to_closed(from.as_deref(), to));
    let undoing = match (intent.and_then(declared), &states) {
        (Some(declared), _) => declared.until_after(source.recorded_at),
        (None, Some((from, to))) => {
            Undoing::of(&Reversal::of_state_change(from.as_deref(), to), source.recorded_at)
        }
        (None, None) => {
            let event_type = EventType::new(event_type.clone());
            let reversal =
                event_type.map_or(Reversal::Final { correction: None }, |of| Reversal::of(&of));
            Undoing::of(&reversal, source.recorded_at)
        }
    };
    let vendor_id = input("vendor_id");
    Act {
        id,
        subject: subject(id, &event_type, vendor_id.as_deref(), &undoing),
        standing: Standing::Happened,
        source,
        event_type,
        vendor_id,
        undoing,
        way: way.unwrap_or_default().into_iter().map(str::to_owned).collect(),
        has_parts: false,
    }
}

fn subject(id: Uuid, event_type: &str, vendor_id: Option<&str>, undoing: &Undoing) -> Subject {
    let is = |of: &EventType| of.as_str() == event_type;
    let by = |of: &EventType| undoing.compensation.as_deref() == Some(of.as_str());
    if is(&EventType::REQUEST_STATE_CHANGED) {
        Subject::State
    } else if is(&EventType::SHORTLIST_GENERATED) {
        Subject::Shortlist
    } else if is(&EventType::VENDOR_OUTREACH_SENT) {
        // Two hidden ids may be of two vendors.
        match vendor_id.filter(|vendor| !is_hidden(Some(vendor))) {
            Some(vendor) => Subject::Vendor(vendor.to_owned()),
            None => Subject::Itself(id),
        }
    } else if by(&EventType::WHATSAPP_OUTBOUND_SENT) {
        Subject::Client
    } else {
        Subject::Itself(id)
    }
}

/// What an admission declares. The deadline follows from when the outcome was recorded.
struct Declared {
    reversal: String,
    compensation: Option<String>,
    until: Option<DateTime<Utc>>,
    within_ms: Option<u64>,
}

/// None if an earlier version of the library wrote it.
fn declared(intent: &AdmissionInput) -> Option<Declared> {
    Some(Declared {
        reversal: intent.reversal.clone()?,
        compensation: intent.compensation.clone(),
        until: intent.compensable_until,
        within_ms: intent.compensable_within_ms,
    })
}

impl Declared {
    fn until_after(self, recorded_at: DateTime<Utc>) -> Undoing {
        let Self { reversal, compensation, until, within_ms } = self;
        let within = within_ms.and_then(|within| i64::try_from(within).ok());
        let within = within.and_then(TimeDelta::try_milliseconds);
        let after = within.and_then(|within| recorded_at.checked_add_signed(within));
        Undoing { reversal, compensation, until: until.or(after) }
    }
}

impl Undoing {
    fn of(reversal: &Reversal, recorded_at: DateTime<Utc>) -> Self {
        let (until, within) = match reversal.until() {
            Some(Until::After(within)) => (None, Some(within)),
            Some(Until::Time(until)) => (Some(until), None),
            None => (None, None),
        };
        let within_ms = within.and_then(|within| u64::try_from(within.as_millis()).ok());
        let declared = Declared {
            reversal: reversal.as_str().to_owned(),
            compensation: reversal.compensation().map(ToString::to_string),
            until,
            within_ms,
        };
        declared.until_after(recorded_at)
    }
}

/// Batches whose messages to vendors are in the record.
struct Parts {
    causes: HashSet<Uuid>,
    batches: HashSet<u64>,
}

impl Parts {
    fn of(events: &[PackEvent], intents: &HashMap<Uuid, AdmissionInput>) -> Self {
        let sent = EventType::VENDOR_OUTREACH_SENT;
        let is_part = |event: &&PackEvent| {
            let intent = intents.get(&event.header.id);
            event.is(&sent)
                || intent.and_then(|intent| intent.effect.as_deref()) == Some(sent.as_str())
        };
        let parts = || events.iter().filter(is_part);
        Self {
            causes: parts().filter_map(|part| part.header.caused_by).collect(),
            batches: parts().filter_map(batch_number).collect(),
        }
    }

    fn has(&self, act: &Act, intent: Option<Uuid>, shown: &PackEvent) -> bool {
        act.event_type == EventType::VENDOR_BATCH_SENT.as_str()
            && (self.causes.contains(&act.id)
                || intent.is_some_and(|intent| self.causes.contains(&intent))
                || batch_number(shown).is_some_and(|batch| self.batches.contains(&batch)))
    }
}

fn batch_number(event: &PackEvent) -> Option<u64> {
    event.input.value.get("batch_number").and_then(Value::as_u64)
}
