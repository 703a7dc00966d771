//! Stops of the request and takeovers of its conversations, and whether anything ran inside one.
//!
//! A stop of the request is in its own stream, where places decide. A takeover is in the conversation's stream. Its
//! event comes after every admission that the database let pass before it, and that of its end before every later one,
//! so that the database's times decide.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::typed_events::{Source, read, typed};
use crate::event::payload::{EffectAdmitted, EffectRefused, SwitchEngaged};
use crate::event::{EventType, Identity, Outcome, Switch, SwitchScope};
use crate::pack::{PackEvent, SetAsideEvent, switches};

/// A time in which a switch was engaged for this request, or for a conversation that it is in.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Stop {
    /// The event that engaged it. For a conversation, `seq` is its place in the conversation's stream.
    #[serde(flatten)]
    pub source: Source,
    /// The switch.
    pub switch: String,
    /// `conversation`, which a human has taken over if the switch is the AI's, or `request`.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["conversation", "request"])))]
    pub scope: &'static str,
    /// The conversation, or the request.
    pub scope_id: Uuid,
    /// Who engaged it, and how that is known: of a takeover, the human who answers.
    pub by: Option<Identity>,
    /// Why.
    pub reason: Option<String>,
    /// When it was to end by itself.
    pub until: Option<DateTime<Utc>>,
    /// The event that ended it, a reset or the end of its time. None if none is known.
    pub ended_by: Option<Source>,
    /// Events that say that something ran inside it all the same.
    pub ran_inside: Vec<Source>,
}

/// Whether anything that a stopped switch governs ran inside a stop, as far as the pack's events tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "verdict", rename_all = "snake_case")]
#[non_exhaustive]
pub enum StopVerdict {
    /// Nothing did.
    NothingRan {
        /// How many stops there are.
        stops: usize,
    },
    /// It cannot be checked because of this event.
    NotCheckable {
        /// Its place in the stream.
        seq: i64,
        /// Its id; none if it is set aside and has none.
        event_id: Option<Uuid>,
        /// What is wrong.
        why: &'static str,
    },
    /// Something did. The events are intact: the store admitted it, or a writer to the store did.
    RanInside {
        /// The place of the event that says so.
        seq: i64,
        /// Its id.
        event_id: Uuid,
        /// The switch.
        switch: String,
        /// `conversation` or `request`.
        #[cfg_attr(feature = "schema", schemars(extend("enum" = ["conversation", "request"])))]
        scope: &'static str,
        /// The event that began the stop.
        stop: Uuid,
    },
}

impl StopVerdict {
    /// The verdict of a request without a stop.
    pub(in crate::pack) const NOTHING: Self = Self::NothingRan { stops: 0 };
}

impl fmt::Display for StopVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingRan { stops: 0 } => f.write_str("never stopped or taken over"),
            Self::NothingRan { stops } => {
                write!(f, "{stops} stops and takeovers, and nothing ran inside one")
            }
            Self::NotCheckable { seq, event_id, why } => {
                write!(f, "whether anything ran inside a stop cannot be checked: event {seq} ")?;
                event_id.map_or(Ok(()), |id| write!(f, "({id}) "))?;
                f.write_str(why)
            }
            Self::RanInside { seq, event_id, switch, scope, stop } => write!(
                f,
                "SOMETHING RAN WHILE IT WAS STOPPED: event {seq} ({event_id}) is governed by switch {switch}, \
                 which event {stop} had engaged for its {scope}"
            ),
        }
    }
}

/// Computes the stops, in the order in which they began, and the verdict on them. `switch_events` are those of the
/// conversations' streams.
pub(super) fn stops(
    events: &[PackEvent],
    set_aside: &[SetAsideEvent],
    switch_events: &[PackEvent],
) -> (Vec<Stop>, StopVerdict) {
    let mut stops = intervals(switch_events.iter().chain(events));
    let ran = if stops.is_empty() { Vec::new() } else { ran(events) };
    for stop in &mut stops {
        let names = |event: &&PackEvent| event.header.conversation_id == Some(stop.scope_id);
        let named_from = events.iter().find(names).map(|event| event.seq);
        let inside = ran.iter().filter(|one| one.is_governed_by(&stop.switch));
        let inside = inside.filter(|one| stop.holds(one.event, one.starts_at(), named_from));
        stop.ran_inside = inside.map(|one| Source::of(one.event)).collect();
    }
    let verdict = verdict(&stops, events, set_aside, switch_events);
    (stops, verdict)
}

fn verdict(
    stops: &[Stop],
    events: &[PackEvent],
    set_aside: &[SetAsideEvent],
    switch_events: &[PackEvent],
) -> StopVerdict {
    let ran = stops.iter().filter_map(|stop| Some((stop, stop.ran_inside.first()?)));
    if let Some((stop, source)) = ran.min_by_key(|(_, source)| source.seq) {
        return StopVerdict::RanInside {
            seq: source.seq,
            event_id: source.event_id,
            switch: stop.switch.clone(),
            scope: stop.scope,
            stop: stop.source.event_id,
        };
    }
    let is_inside =
        |event: &&SetAsideEvent| stops.iter().any(|stop| stop.covers(event.recorded_at));
    if let Some(event) = set_aside.iter().find(is_inside) {
        let why = "is set aside, and was recorded inside a stop";
        return StopVerdict::NotCheckable { seq: event.seq, event_id: event.id, why };
    }
    let shown: HashSet<String> =
        events.iter().chain(switch_events).map(|event| event.header.id.to_string()).collect();
    let unknown = typed::<EffectRefused>(events).find(|refusal| {
        let id = refusal.output.switch_event_id.as_ref();
        id.is_some_and(|id| !shown.contains(id))
    });
    match unknown {
        Some(refusal) => StopVerdict::NotCheckable {
            seq: refusal.source.seq,
            event_id: Some(refusal.source.event_id),
            why: "was refused because of a stop that the pack does not show",
        },
        None => StopVerdict::NothingRan { stops: stops.len() },
    }
}

/// The stops that flips begin and end. The flips of a stream stand in its order.
fn intervals<'a>(flips: impl Iterator<Item = &'a PackEvent>) -> Vec<Stop> {
    let mut stops: Vec<Stop> = Vec::new();
    // The open one of each switch and scope.
    let mut open: BTreeMap<(String, SwitchScope), usize> = BTreeMap::new();
    for flip in flips {
        if !flip.is_one_of(&switches::TYPES) {
            continue;
        }
        let scope = SwitchScope::of(flip.header.request_id, flip.header.conversation_id);
        let (SwitchScope::Conversation(scope_id) | SwitchScope::Request(scope_id)) = scope else {
            continue;
        };
        let typed = read::<SwitchEngaged>(flip);
        if typed.input.scope.as_deref() != Some(scope.kind()) {
            continue;
        }
        let by = typed.known(typed.input.by.clone());
        let Some(switch) = typed.input.switch else { continue };
        let place = (switch.clone(), scope);
        if !flip.is(&EventType::SWITCH_ENGAGED) {
            if let Some(at) = open.remove(&place) {
                stops[at].ended_by = Some(typed.source);
            }
            continue;
        }
        let before = open.get(&place).map(|at| &mut stops[*at]);
        let lasts = |stop: &&mut Stop| stop.until.is_none_or(|until| until > flip.recorded_at);
        if let Some(stop) = before.filter(lasts) {
            // It goes on, and what was said last counts.
            stop.until = typed.input.until;
            continue;
        }
        open.insert(place, stops.len());
        stops.push(Stop {
            source: typed.source,
            switch,
            scope: scope.kind(),
            scope_id,
            by,
            reason: typed.input.reason,
            until: typed.input.until,
            ended_by: None,
            ran_inside: Vec::new(),
        });
    }
    stops.sort_by_key(|stop| stop.source.recorded_at);
    stops
}

impl Stop {
    /// Whether an event of the request happened inside it. An event that names no conversation is in those that the
    /// events before it name: `named_from` is the place of the first that names this one's.
    fn holds(&self, event: &PackEvent, starts_at: DateTime<Utc>, named_from: Option<i64>) -> bool {
        if self.scope == "request" {
            let is_before_end = |ended_by: &Source| {
                event.seq < ended_by.seq || self.is_over_by(ended_by.recorded_at)
            };
            return event.seq > self.source.seq
                && starts_at >= self.source.recorded_at
                && self.ended_by.as_ref().is_none_or(is_before_end)
                && !self.is_over_by(event.recorded_at);
        }
        let is_of_conversation = match event.header.conversation_id {
            Some(named) => named == self.scope_id,
            None => named_from.is_some_and(|named_from| named_from < event.seq),
        };
        is_of_conversation && starts_at > self.source.recorded_at && self.covers(event.recorded_at)
    }

    /// Whether a time is inside it.
    fn covers(&self, at: DateTime<Utc>) -> bool {
        let is_before_end = |ended_by: &Source| at < ended_by.recorded_at;
        at > self.source.recorded_at
            && self.ended_by.as_ref().is_none_or(is_before_end)
            && !self.is_over_by(at)
    }

    fn is_over_by(&self, at: DateTime<Utc>) -> bool {
        self.until.is_some_and(|until| until <= at)
    }
}

/// Something that was let run, or that ran without being asked about.
struct Ran<'a> {
    event: &'a PackEvent,
    switches: Vec<String>,
    is_of_ai: bool,
    is_admission: bool,
}

impl Ran<'_> {
    fn is_governed_by(&self, switch: &str) -> bool {
        self.switches.iter().any(|one| one == switch)
            || self.is_of_ai && switch == Switch::AI.as_str()
    }

    /// When it began. An admission is decided when it is recorded. What was not admitted may have waited to be recorded,
    /// so its own date counts too.
    fn starts_at(&self) -> DateTime<Utc> {
        let Self { event, is_admission, .. } = self;
        if *is_admission { event.recorded_at } else { event.header.created_at }
    }
}

/// Every admission, and every call of Moltbot that has none.
fn ran(events: &[PackEvent]) -> Vec<Ran<'_>> {
    let (mut ran, mut admitted) = (Vec::new(), HashSet::new());
    for event in events.iter().filter(|event| event.is(&EventType::EFFECT_ADMITTED)) {
        let input = read::<EffectAdmitted>(event).input;
        let is_of_ai = input.effect.as_deref() == Some(EventType::MOLTBOT_CALLED.as_str());
        admitted.extend(input.effect_id);
        ran.push(Ran { event, switches: input.switches, is_of_ai, is_admission: true });
    }
    let is_outside = |event: &&PackEvent| {
        event.is(&EventType::MOLTBOT_CALLED)
            && event.header.outcome != Outcome::Refused.as_str()
            && !admitted.contains(&event.header.id.to_string())
    };
    ran.extend(events.iter().filter(is_outside).map(|event| Ran {
        event,
        switches: Vec::new(),
        is_of_ai: true,
        is_admission: false,
    }));
    ran
}
