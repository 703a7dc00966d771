//! The writers of a pack's events: what each said of itself when it began, bound to the id that its events name.
//!
//! Their events are in the system's stream, whose chain a pack does not hold. But an id of a writer holds bits of the
//! commitment to what the writer said, and every event of the pack that names the id is chained.

use std::collections::{BTreeSet, HashSet};

use uuid::Uuid;

use super::rebuild::verify_content;
use super::{EventFault, PackEvent, VerifyError};
use crate::event::{EventId, EventType, StreamId};
use crate::redact::{RequestEntities, Rules};

/// The types of events that say who writes.
const TYPES: [EventType; 2] =
    [EventType::AUDIT_WRITER_STARTED, EventType::AUDIT_CONFIGURATION_CHANGED];

/// The ids of writers that events name, without those that are known.
pub(super) fn unknown(events: &[PackEvent], writers: &[PackEvent]) -> BTreeSet<Uuid> {
    let known: HashSet<Uuid> = writers.iter().map(|writer| writer.header.id).collect();
    let named = events.iter().filter_map(|event| event.header.writer_id);
    named.filter(|id| !known.contains(id)).collect()
}

/// Each id once, as an event id. One of another form names no writer.
pub(super) fn named(ids: impl IntoIterator<Item = Option<Uuid>>) -> Vec<EventId> {
    let ids: BTreeSet<Uuid> = ids.into_iter().flatten().collect();
    ids.into_iter().filter_map(|id| EventId::from_uuid(id).ok()).collect()
}

/// Whether an event is one in which a writer says who it is, under the id that its input gives.
pub(super) fn is_of_writer(event: &PackEvent) -> bool {
    event.is_one_of(&TYPES) && event.has_id_of_input()
}

/// Checks that each writer is named by an event, or by the writer that replaced it, and stands once.
///
/// # Errors
/// [`VerifyError::Writer`].
pub(super) fn verify_ids(events: &[PackEvent], writers: &[PackEvent]) -> Result<(), VerifyError> {
    let by_events = events.iter().filter_map(|event| event.header.writer_id);
    let by_writers = writers.iter().filter_map(|writer| writer.header.caused_by);
    let named: HashSet<Uuid> = by_events.chain(by_writers).collect();
    let mut ids = HashSet::new();
    for writer in writers {
        let id = writer.header.id;
        if !ids.insert(id) {
            return Err(VerifyError::Writer { id, fault: EventFault::Repeated });
        }
        if !named.contains(&id) {
            return Err(VerifyError::Writer { id, fault: EventFault::ForeignStream });
        }
    }
    Ok(())
}

/// Checks that a writer is what its id says.
///
/// # Errors
/// [`VerifyError::Writer`].
pub(super) fn verify(
    writer: &PackEvent,
    rules: Rules<'_>,
    entities: &RequestEntities,
) -> Result<(), VerifyError> {
    let id = writer.header.id;
    check(writer, rules, entities).map_err(|fault| VerifyError::Writer { id, fault })
}

fn check(
    writer: &PackEvent,
    rules: Rules<'_>,
    entities: &RequestEntities,
) -> Result<(), EventFault> {
    if let Some(contradiction) = writer.header.contradiction() {
        return Err(EventFault::Contradiction(contradiction));
    }
    if writer.header.stream_id != StreamId::SYSTEM {
        return Err(EventFault::ForeignStream);
    }
    verify_content(writer, rules, entities)?;
    if is_of_writer(writer) { Ok(()) } else { Err(EventFault::NotWriter) }
}
