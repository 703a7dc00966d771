//! Whether anyone was called.

use std::collections::HashSet;

use serde::Serialize;

use super::super::typed_events::{Source, read, typed};
use crate::event::payload::{EffectAdmitted, EffectRefused};
use crate::event::{EventType, Outcome};
use crate::pack::PackEvent;

/// Calls to the client or to a vendor. The chain has every event of the request, so an empty list proves that there
/// was none.
#[derive(Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PhoneCalls {
    /// Calls that the provider placed.
    pub placed: Vec<Source>,
    /// Calls of which the record does not say whether they were placed.
    pub in_doubt: Vec<Source>,
    /// Calls that were tried and failed.
    pub failed: Vec<Source>,
    /// Calls that were refused before they were tried. The error codes say why.
    pub refused: Vec<Source>,
}

pub(super) fn phone_calls(events: &[PackEvent]) -> PhoneCalls {
    let mut calls = PhoneCalls::default();
    let is_call = |effect: Option<&str>| effect == Some(EventType::CALL_STARTED.as_str());
    for event in events {
        let is = |event_type: EventType| event.header.event_type == event_type.as_str();
        let source = Source::of(event);
        let list = if is(EventType::CALL_STARTED) && source.succeeded() {
            &mut calls.placed
        } else if is(EventType::CALL_STARTED) || is(EventType::CALL_FAILED) {
            let is_unclear = [Outcome::Cancelled, Outcome::Panicked]
                .iter()
                .any(|o| source.outcome == o.as_str());
            match source.was_refused() {
                true => &mut calls.refused,
                false if is_unclear => &mut calls.in_doubt,
                false => &mut calls.failed,
            }
        } else if is(EventType::EFFECT_REFUSED)
            && is_call(read::<EffectRefused>(event).input.effect.as_deref())
        {
            &mut calls.refused
        } else {
            continue;
        };
        list.push(source);
    }
    let ids: HashSet<_> = events.iter().map(|event| event.header.id.to_string()).collect();
    let admitted = typed::<EffectAdmitted>(events);
    let open = admitted.filter(|typed| {
        let has_ended = typed.input.effect_id.as_ref().is_some_and(|id| ids.contains(id));
        is_call(typed.input.effect.as_deref()) && !has_ended
    });
    calls.in_doubt.extend(open.map(|typed| typed.source));
    calls.in_doubt.sort_by_key(|source| source.seq);
    calls
}
