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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
        let list = if event.is_one_of(&[EventType::CALL_STARTED, EventType::CALL_FAILED]) {
            match Outcome::parse(&event.header.outcome) {
                Some(Outcome::Succeeded) if event.is(&EventType::CALL_STARTED) => &mut calls.placed,
                Some(Outcome::Refused) => &mut calls.refused,
                Some(Outcome::Cancelled | Outcome::Panicked) => &mut calls.in_doubt,
                _ => &mut calls.failed,
            }
        } else if event.is(&EventType::EFFECT_REFUSED)
            && is_call(read::<EffectRefused>(event).input.effect.as_deref())
        {
            &mut calls.refused
        } else {
            continue;
        };
        list.push(Source::of(event));
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
