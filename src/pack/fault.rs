//! Verification errors: the first fault, and where it is.

use uuid::Uuid;

/// The first reason why a pack does not verify.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// An event is not what was recorded.
    #[error("event {seq} ({event_type}, {id}): {fault}")]
    Event {
        /// Its place in the stream, as the verifier counts.
        seq: i64,
        /// Its type, as the pack says.
        event_type: String,
        /// Its id, as the pack says.
        id: String,
        /// What is wrong with it.
        fault: EventFault,
    },
    /// The stream's head does not match the end of its events.
    #[error("the stream's head: {what}")]
    Head {
        /// What differs.
        what: &'static str,
    },
    /// An event is missing, repeated or out of place.
    #[error("event {expected} is missing: event {found} is in its place")]
    Sequence {
        /// The expected place.
        expected: i64,
        /// The place that the event claims.
        found: i64,
    },
    /// A part of the pack does not have the form of the schema.
    #[error("{place}: {what}")]
    Malformed {
        /// The part.
        place: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Masked text, the name of a rule, or the profile was changed after the export.
    #[error("{place}: masked text was changed after the export")]
    Masked {
        /// `profile`, or the event.
        place: String,
    },
    /// A section contradicts the events.
    #[error("section {section} at {pointer:?} contradicts the events")]
    Section {
        /// The section.
        section: String,
        /// JSON pointer to the first difference inside it.
        pointer: String,
    },
    /// No trusted key vouches for the pack.
    #[cfg(feature = "signatures")]
    #[error(transparent)]
    Signature(#[from] super::SignatureFault),
    /// A flip of a switch in a conversation is not what was recorded.
    #[error("the flip {id} of a switch: {fault}")]
    Flip {
        /// Its event's id, as the pack says.
        id: Uuid,
        /// What is wrong with its event.
        fault: EventFault,
    },
    /// A writer's event is not what the events that name it were written under.
    #[error("writer {id}: {fault}")]
    Writer {
        /// The writer's id, as the pack says.
        id: Uuid,
        /// What is wrong with its event.
        fault: EventFault,
    },
    /// The input is not a pack.
    #[error("not a request pack: {reason}")]
    Unusable {
        /// Why it is not one.
        reason: String,
    },
}

impl VerifyError {
    /// True if the input is not a pack at all, rather than a pack that was tampered with.
    #[must_use]
    pub fn is_unusable(&self) -> bool {
        matches!(self, Self::Unusable { .. })
    }
}

/// What is wrong with one event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EventFault {
    /// The chain does not lead from the previous event to this one.
    #[error("its chain hash does not follow from the previous event and its recorded time")]
    Chain,
    /// A shown value does not match its commitment.
    #[error("its {part} does not match its commitment")]
    Commitment {
        /// JSON pointer to the part: `/input`, `/output`, `/idempotency_key` or `/host_ids`.
        part: &'static str,
    },
    /// The header contradicts itself.
    #[error("{0}")]
    Contradiction(&'static str),
    /// The event hash does not match its header and commitments.
    #[error("its header or a commitment does not match its event hash")]
    EventHash,
    /// The event belongs to another stream.
    #[error("it does not belong to the stream of the pack's request")]
    ForeignStream,
    /// A value is hidden, but no rule of the profile leaves the form that stands in its place.
    #[error("it hides {pointer}, but no rule of the profile leaves the form that it shows there")]
    Mask {
        /// JSON pointer to the value.
        pointer: String,
    },
    /// A shown value has no salt, so nothing proves it.
    #[error("no proof covers the value that it shows at {pointer}")]
    NoSalt {
        /// JSON pointer to the value.
        pointer: String,
    },
    /// A value has a form that `seal` never produces.
    #[error("the value at {pointer} has a form that is never recorded")]
    NotSealed {
        /// JSON pointer to the value.
        pointer: String,
    },
    /// Another event has its id.
    #[error("an earlier event has its id")]
    Repeated,
    /// A value is shown that the profile hides.
    #[error("it shows {pointer}, which a pack of its profile hides")]
    Shown {
        /// JSON pointer to the value.
        pointer: String,
    },
    /// Its id is not that of what the flip says.
    #[error("it is no flip of a switch, or not the one that its id was made for")]
    NotFlip,
    /// Its id is not that of what the writer said of itself.
    #[error("what it says is not what its id was made for")]
    NotWriter,
    /// A salt or digest belongs to no value.
    #[error("it has a proof at {pointer}, but shows no value there")]
    NothingAt {
        /// JSON pointer to where the value would be.
        pointer: String,
    },
}

/// A text from a pack, made safe for a terminal, because a forger may have chosen it.
pub(super) fn printable(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_debug).collect()
}
