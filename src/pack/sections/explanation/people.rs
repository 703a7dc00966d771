//! What people of the host did in the request, and in its conversation.

use serde::Serialize;
use serde_json::Value;

use super::super::typed_events::{Source, is_of_database};
use crate::event::{Actor, EventType, IdentityHow};
use crate::pack::PackEvent;

/// An act of an operator, an administrator, or another person of the host.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct HumanAct {
    /// The event that records it. Of a takeover or its end, `seq` is the place in the conversation's stream.
    #[serde(flatten)]
    pub source: Source,
    /// What was done.
    pub event_type: String,
    /// Who did it, if the event says.
    pub by: Option<String>,
    /// How it is known who it was, if the event says.
    pub how: Option<String>,
    /// Why, if the event says.
    pub reason: Option<String>,
}

/// Events of administrators, and those that say who acted unless a program did. Who had the request compared or
/// exported did nothing in it, and what was only admitted was not done yet. In the order in which they were recorded.
pub(super) fn acts(events: &[PackEvent], switch_events: &[PackEvent]) -> Vec<HumanAct> {
    const NO_ACTS: [EventType; 3] =
        [EventType::AUDIT_RECONCILED, EventType::EFFECT_ADMITTED, EventType::PACK_EXPORTED];
    let act = |event: &PackEvent| {
        let by = event.input.value.get("by");
        let is_of = |actor: Actor| event.header.actor == actor.as_str();
        let is_of_program = is_of(Actor::System) || is_of(Actor::Moltbot);
        (is_of(Actor::Admin) || by.is_some() && !is_of_program).then(|| {
            // An event of the host's own may have a name alone.
            let who = by.filter(|by| by.is_string()).or_else(|| by?.get("who"));
            HumanAct {
                source: Source::of(event),
                event_type: event.header.event_type.clone(),
                by: text(who),
                how: how(event, by),
                reason: text(event.input.value.get("reason")),
            }
        })
    };
    let events = events.iter().filter(|event| !event.is_one_of(&NO_ACTS)).chain(switch_events);
    let mut acts: Vec<_> = events.filter_map(act).collect();
    acts.sort_by_key(|act| act.source.recorded_at);
    acts
}

/// How the person is known, as far as the event can know it: only the database knows sessions and tokens.
fn how(event: &PackEvent, by: Option<&Value>) -> Option<String> {
    let how = text(by?.get("how"))?;
    let is_claim = matches!(how.as_str(), "session" | "jwt") && !is_of_database(event);
    Some(if is_claim { IdentityHow::Claimed.as_str().to_owned() } else { how })
}

fn text(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).map(str::to_owned)
}
