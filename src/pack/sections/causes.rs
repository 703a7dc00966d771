//! The event that led to another: what contradicts it, and what a pack does not show of it.

use std::collections::HashMap;

use chrono::TimeDelta;
use uuid::Uuid;

use super::Finding;
use super::typed_events::Source;
use crate::event::EventId;
use crate::pack::{PackEvent, SetAsideEvent};

/// How far the clocks of two processes may lie apart.
const CLOCKS_APART: TimeDelta = TimeDelta::minutes(5);

/// The place of each event in the stream. One that is set aside has a place too.
fn places(events: &[PackEvent], set_aside: &[SetAsideEvent]) -> HashMap<Uuid, i64> {
    let set_aside = set_aside.iter().filter_map(|event| Some((event.id?, event.seq)));
    events.iter().map(|event| (event.header.id, event.seq)).chain(set_aside).collect()
}

/// Causes that cannot have led to their events.
pub(super) fn findings(events: &[PackEvent], set_aside: &[SetAsideEvent]) -> Vec<Finding> {
    let places = places(events, set_aside);
    let what = |event: &PackEvent, cause: Uuid| match places.get(&cause) {
        Some(seq) if *seq < event.seq => None,
        Some(seq) => Some(format!("its cause comes after it in the stream, at {seq}")),
        None => {
            let happened_at = EventId::from_uuid(cause).ok()?.created_at();
            let is_later = happened_at - event.recorded_at > CLOCKS_APART;
            is_later.then(|| "its cause happened after it was recorded".to_owned())
        }
    };
    let finding = |event: &PackEvent| {
        let what = what(event, event.header.caused_by?)?;
        Some(Finding::at(&Source::of(event), what))
    };
    events.iter().filter_map(finding).collect()
}

/// How many events name a cause that is in another stream.
pub(in crate::pack) fn elsewhere(events: &[PackEvent], set_aside: &[SetAsideEvent]) -> usize {
    let places = places(events, set_aside);
    let causes = events.iter().filter_map(|event| event.header.caused_by);
    causes.filter(|cause| !places.contains_key(cause)).count()
}
