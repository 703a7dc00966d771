//! Checks that the library's own events match what the store does. Postgres has the same rules in
//! SQL.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::event::{Actor, EventType, Identity, Outcome, StreamId, SwitchScope};
use crate::record::{Header, Record, Role};
use crate::redact::KeyFingerprint;
use crate::store::StoreError;
use crate::store::admission::{Conclusion, SwitchState};

/// Refuses a batch with an event that only another function of the store appends, together with the change that
/// it reports.
pub(crate) fn check_appended(batch: &[Record]) -> Result<(), StoreError> {
    const ELSEWHERE: [EventType; 8] = [
        EventType::AUDIT_LIMIT_SET,
        EventType::AUDIT_EFFECTS_PRUNED,
        EventType::AUDIT_KEY_ROTATED,
        EventType::EFFECT_EXPIRED,
        EventType::EFFECT_RESOLVED,
        EventType::SWITCH_ENGAGED,
        EventType::SWITCH_LAPSED,
        EventType::SWITCH_RESET,
    ];
    for record in batch {
        let is_intent = record.header().is(&EventType::EFFECT_ADMITTED);
        if is_intent != record.is_intent() {
            return Err(refused("an intent is an effect.admitted, and nothing else is"));
        }
        if ELSEWHERE.iter().any(|event_type| record.header().is(event_type)) {
            return Err(refused(
                "conclusions, flips of switches and rotations of keys are not appended by themselves",
            ));
        }
    }
    check_outcomes(batch)
}

/// Refuses an outcome of another request than its effect's intent, if one batch holds both. Their order in the batch
/// makes no difference.
fn check_outcomes(batch: &[Record]) -> Result<(), StoreError> {
    let of = |role| batch.iter().filter(move |record| record.role() == role);
    let intents: HashMap<Uuid, &Header> = of(Role::Intent)
        .filter_map(|intent| {
            Some((intent.input()?["effect_id"].as_str()?.parse().ok()?, intent.header()))
        })
        .collect();
    let is_foreign = |outcome: &Record| {
        let outcome = outcome.header();
        intents.get(&outcome.id).is_some_and(|intent| {
            (intent.request_id, intent.conversation_id)
                != (outcome.request_id, outcome.conversation_id)
        })
    };
    if of(Role::Outcome).any(is_foreign) { Err(foreign_outcome()) } else { Ok(()) }
}

/// Refuses a flip whose event reports another one.
pub(crate) fn check_flip(state: &SwitchState, record: &Record) -> Result<(), StoreError> {
    let of = if state.is_engaged { EventType::SWITCH_ENGAGED } else { EventType::SWITCH_RESET };
    let input = record.input().unwrap_or_default();
    let says = |name: &str, text: &str| input[name].as_str() == Some(text);
    let actor = record.header().actor.as_str();
    // The library itself may stop a request.
    let is_own = state.is_engaged && matches!(state.scope, SwitchScope::Request(_));
    let is_limited = state.is_engaged && state.scope != SwitchScope::Everywhere;
    let is_same = record.header().is(&of)
        && state.is_placed_by(record)
        && (actor == Actor::Admin.as_str() || is_own && actor == Actor::System.as_str())
        && record.header().outcome == Outcome::Succeeded.as_str()
        && says("switch", state.switch.as_str())
        && (state.until.is_none() || is_limited)
        && is_said_by_host(&input["by"])
        && Identity::deserialize(&input["by"]).ok() == state.by
        && says("reason", &state.reason);
    if is_same { Ok(()) } else { Err(refused("the event of a flip says another flip")) }
}

/// Whether it is an identity that a host's program may record. So nothing but the database's own functions records what
/// only the database can know. Same rule as `is_identity_of_host` in SQL.
fn is_said_by_host(by: &Value) -> bool {
    let Ok(read) = Identity::deserialize(by) else { return false };
    let is_blank = read.who().trim().is_empty();
    !is_blank && serde_json::to_value(read.said_by_host()).is_ok_and(|said| said == *by)
}

/// Refuses a lapse whose event reports another one.
pub(crate) fn check_lapse(state: &SwitchState, record: &Record) -> Result<(), StoreError> {
    let input = record.input().unwrap_or_default();
    let is_same = record.header().is(&EventType::SWITCH_LAPSED)
        && state.scope != SwitchScope::Everywhere
        && state.is_placed_by(record)
        && record.header().actor == Actor::System.as_str()
        && record.header().outcome == Outcome::Succeeded.as_str()
        && input["switch"].as_str() == Some(state.switch.as_str());
    if is_same { Ok(()) } else { Err(refused("the event of a lapse says another one")) }
}

/// Refuses a rotation whose event reports another one.
pub(crate) fn check_rotation(
    from: KeyFingerprint,
    to: KeyFingerprint,
    record: &Record,
) -> Result<(), StoreError> {
    let input = record.input().unwrap_or_default();
    let says = |name: &str, key: KeyFingerprint| input[name].as_str() == Some(&key.to_string());
    let is_same = record.header().is(&EventType::AUDIT_KEY_ROTATED)
        && record.stream_id() == StreamId::SYSTEM
        && record.header().outcome == Outcome::Succeeded.as_str()
        && says("previous_fingerprint", from)
        && says("fingerprint", to);
    if is_same { Ok(()) } else { Err(refused("the event of a rotation says another rotation")) }
}

/// Refuses a conclusion whose event reports another one.
pub(crate) fn check_conclusion(
    effect_id: Uuid,
    conclusion: Conclusion,
    record: &Record,
) -> Result<(), StoreError> {
    let (of, finding) = match conclusion {
        Conclusion::Expired => (EventType::EFFECT_EXPIRED, None),
        Conclusion::NotPerformed => (EventType::EFFECT_RESOLVED, Some("not_performed")),
        Conclusion::Performed => (EventType::EFFECT_RESOLVED, Some("performed")),
    };
    let input = record.input().unwrap_or_default();
    let is_same = record.header().is(&of)
        && input["effect_id"].as_str() == Some(&effect_id.to_string())
        && input.get("finding").and_then(Value::as_str) == finding
        && (finding.is_none() || is_said_by_host(&input["by"]));
    if is_same { Ok(()) } else { Err(refused("the event of a conclusion says another one")) }
}

/// The error for an outcome with another request or conversation than its effect's.
#[cold]
pub(crate) fn foreign_outcome() -> StoreError {
    refused("an outcome belongs to another request than its effect")
}

#[cold]
fn refused(why: &'static str) -> StoreError {
    StoreError::refused("append the library's own event", why)
}
