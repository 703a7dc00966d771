//! Which events the AI led to.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::super::decisions::Decision;
use super::super::typed_events::read;
use crate::event::payload::EffectAdmitted;
use crate::event::{Actor, EventType, Switch};
use crate::pack::PackEvent;

/// What led to an event.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Origin {
    /// The AI, as the event at this place shows.
    Ai { shown_by: i64 },
    /// A person, or the host's own rules.
    Other,
    /// The record does not say.
    Unknown,
}

/// What led to each event of a request.
#[derive(Default)]
pub(super) struct Origins {
    by_id: HashMap<Uuid, Origin>,
    /// The place of each effect's admission, by the effect's id.
    admitted: HashMap<Uuid, i64>,
    /// The admissions of effects that the AI's switch governs, by the effect's id.
    under_ai: HashMap<Uuid, i64>,
    /// The calls of Moltbot that the host may act on.
    acted_on: HashSet<Uuid>,
}

impl Origins {
    /// Follows the causes in the order of the stream, because a cause stands before what it led to.
    pub(super) fn of(events: &[PackEvent], calls: &[Decision]) -> Self {
        let judged: HashMap<_, _> = calls.iter().flat_map(judgements).collect();
        let calls: HashMap<_, _> = calls.iter().map(|call| (call.source.event_id, call)).collect();
        let mut origins = Self::default();
        for event in events {
            if let Some((call, is_accepted)) = judged.get(&event.header.id) {
                origins.judge(*call, *is_accepted);
            }
            let origin = match calls.get(&event.header.id) {
                Some(call) => origins.called(call),
                None => origins.origin_of(event),
            };
            origins.by_id.insert(event.header.id, origin);
        }
        origins
    }

    pub(super) fn origin(&self, event_id: Uuid) -> Origin {
        self.by_id.get(&event_id).copied().unwrap_or(Origin::Unknown)
    }

    /// The place at which an effect began, if the pack shows its admission.
    pub(super) fn admitted_at(&self, effect_id: Uuid) -> Option<i64> {
        self.admitted.get(&effect_id).copied()
    }

    fn called(&mut self, call: &Decision) -> Origin {
        if !call.source.succeeded() {
            return Origin::Other;
        }
        self.acted_on.insert(call.source.event_id);
        Origin::Ai { shown_by: call.source.seq }
    }

    /// What the host says after it has rejected or blocked an output is its own.
    fn judge(&mut self, call: Uuid, is_accepted: bool) {
        if !is_accepted && self.acted_on.remove(&call) {
            self.by_id.insert(call, Origin::Other);
        }
    }

    fn origin_of(&mut self, event: &PackEvent) -> Origin {
        let header = &event.header;
        if event.is(&EventType::EFFECT_ADMITTED) {
            return self.admission(event);
        }
        match (Actor::parse(&header.actor), self.under_ai.get(&header.id)) {
            (Some(Actor::Moltbot), _) => Origin::Ai { shown_by: event.seq },
            (Some(Actor::Admin | Actor::Client | Actor::Vendor), _) => Origin::Other,
            (_, Some(admission)) => Origin::Ai { shown_by: *admission },
            (_, None) => self.inherited(event),
        }
    }

    fn admission(&mut self, event: &PackEvent) -> Origin {
        let intent = read::<EffectAdmitted>(event).input;
        let effect_id = intent.effect_id.and_then(|id| id.parse::<Uuid>().ok());
        self.admitted.extend(effect_id.map(|id| (id, event.seq)));
        let is_call = intent.effect.as_deref() == Some(EventType::MOLTBOT_CALLED.as_str());
        if !is_call && !intent.switches.iter().any(|switch| switch == Switch::AI.as_str()) {
            return self.inherited(event);
        }
        self.under_ai.extend(effect_id.map(|id| (id, event.seq)));
        Origin::Ai { shown_by: event.seq }
    }

    /// The origin of an event's cause. An event without a cause may follow from any decision before it.
    fn inherited(&self, event: &PackEvent) -> Origin {
        match event.header.caused_by {
            Some(cause) => self.origin(cause),
            None if self.acted_on.is_empty() => Origin::Other,
            None => Origin::Unknown,
        }
    }
}

/// The events that judge the call's output: which call, and whether they accept it.
fn judgements(call: &Decision) -> impl Iterator<Item = (Uuid, (Uuid, bool))> {
    let id = call.source.event_id;
    let judgements = call.judgements.iter();
    judgements.map(move |one| (one.source.event_id, (id, one.verdict == "accepted")))
}
