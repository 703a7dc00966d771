//! Flips of switches in the conversations that a request is in: takeovers and their ends.
//!
//! They are in the conversation's stream, whose chain a pack does not hold. Like a writer's, the id of such a flip holds
//! bits of the commitment to what it says, and a refusal in the request's own chain names the flip by its id.

use std::collections::HashSet;

use uuid::Uuid;

use super::rebuild::verify_content;
use super::{EventFault, PackEvent, VerifyError};
use crate::event::{EventId, EventType, StreamId, SwitchScope};
use crate::redact::{RequestEntities, Rules};

/// The types of events of flips.
pub(super) const TYPES: [EventType; 3] =
    [EventType::SWITCH_ENGAGED, EventType::SWITCH_LAPSED, EventType::SWITCH_RESET];

/// The conversations that events name, each once.
pub(super) fn conversations(named: impl IntoIterator<Item = Option<Uuid>>) -> Vec<Uuid> {
    let ids: std::collections::BTreeSet<Uuid> = named.into_iter().flatten().collect();
    ids.into_iter().collect()
}

/// Whether an event is a flip in a conversation, under the id that its input gives.
pub(super) fn is_of_conversation(event: &PackEvent) -> bool {
    TYPES.iter().any(|event_type| event.header.event_type == event_type.as_str())
        && EventId::of_hash(event.header.created_at, *event.input.commitment.as_bytes())
            .is_ok_and(|id| id.uuid() == event.header.id)
}

/// Checks that the flips are those of conversations that the events name, each once and in the order of its stream.
///
/// # Errors
/// [`VerifyError::Flip`].
pub(super) fn verify(
    events: &[PackEvent],
    flips: &[PackEvent],
    rules: Rules<'_>,
    entities: &RequestEntities,
) -> Result<(), VerifyError> {
    let named: HashSet<Uuid> =
        events.iter().filter_map(|event| event.header.conversation_id).collect();
    let mut ids = HashSet::new();
    let mut last: Option<(Uuid, &PackEvent)> = None;
    for flip in flips {
        let id = flip.header.id;
        let fault = |fault| Err(VerifyError::Flip { id, fault });
        if !ids.insert(id) {
            return fault(EventFault::Repeated);
        }
        if let Some(contradiction) = flip.header.contradiction() {
            return fault(EventFault::Contradiction(contradiction));
        }
        let scope = SwitchScope::of(flip.header.request_id, flip.header.conversation_id);
        let SwitchScope::Conversation(conversation) = scope else {
            return fault(EventFault::ForeignStream);
        };
        if flip.header.stream_id != StreamId::of(None, Some(conversation))
            || !named.contains(&conversation)
        {
            return fault(EventFault::ForeignStream);
        }
        let is_in_order = |(other, before): (Uuid, &PackEvent)| {
            other < conversation
                || other == conversation
                    && before.seq < flip.seq
                    && before.recorded_at <= flip.recorded_at
        };
        if !last.is_none_or(is_in_order) {
            return fault(EventFault::Chain);
        }
        last = Some((conversation, flip));
        verify_content(flip, rules, entities).map_err(|fault| VerifyError::Flip { id, fault })?;
        if !is_of_conversation(flip) {
            return fault(EventFault::NotFlip);
        }
    }
    Ok(())
}
