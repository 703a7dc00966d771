//! Flips of switches in the conversations that a request is in: takeovers and their ends.
//!
//! They are in the conversation's stream, whose chain a pack does not hold. Like a writer's, the id of such a flip holds
//! bits of the commitment to what it says, and a refusal in the request's own chain names the flip by its id.

use std::collections::{BTreeSet, HashSet};

use uuid::Uuid;

use super::rebuild::verify_content;
use super::{EventFault, PackEvent, VerifyError};
use crate::event::{EventType, SwitchScope};
use crate::redact::{RequestEntities, Rules};

/// The types of events of flips.
pub(super) const TYPES: [EventType; 3] =
    [EventType::SWITCH_ENGAGED, EventType::SWITCH_LAPSED, EventType::SWITCH_RESET];

/// The conversations that events name.
pub(super) fn conversations(named: impl IntoIterator<Item = Option<Uuid>>) -> BTreeSet<Uuid> {
    named.into_iter().flatten().collect()
}

/// Whether an event is a flip in a conversation, under the id that its input gives.
pub(super) fn is_of_conversation(event: &PackEvent) -> bool {
    event.is_one_of(&TYPES) && event.has_id_of_input()
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
    let named = conversations(events.iter().map(|event| event.header.conversation_id));
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
        if !named.contains(&conversation) {
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
