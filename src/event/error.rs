//! What can be wrong with an event that the host reports.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::HostIdFault;

/// An event that cannot be recorded as it is. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// The id's time and the event's own time differ.
    #[error(
        "the event id holds {id_time}, but the event says {created_at}: set only one of the two"
    )]
    IdTimeMismatch {
        /// Time inside the id.
        id_time: DateTime<Utc>,
        /// Time given beside it.
        created_at: DateTime<Utc>,
    },
    /// The idempotency key is too long to index.
    #[error("idempotency key has {len} bytes, at most {max} are allowed: hash the long part")]
    KeyTooLong {
        /// Its length, in bytes.
        len: usize,
        /// The limit, in bytes.
        max: usize,
    },
    /// An event about a consent that would be read as no consent, or as a lapsed one.
    #[error("input.{field} of an event about a consent is not {expected}")]
    MalformedConsent {
        /// `consent_id` or `expires_at`.
        field: &'static str,
        /// The form that is required.
        expected: &'static str,
    },
    /// The event type is not `domain.action`.
    #[error(
        "event type {event_type:?} is not of the form domain.action (lower case, two or three \
         segments, at most 64 bytes)"
    )]
    MalformedEventType {
        /// What was given, cut to 80 characters, its digits as `#`.
        event_type: String,
    },
    /// The id of a request, a conversation or a message cannot belong to one row only.
    #[error("the id of the {kind} {fault}; give each {kind} an id of its own")]
    MalformedHostId {
        /// `request`, `conversation` or `message`.
        kind: &'static str,
        /// What is wrong with it.
        fault: HostIdFault,
    },
    /// The name of a budget or a switch is not `snake_case`.
    #[error(
        "the name of a {what} is lower-case letters, digits and underscores, begins with a letter, \
         and has at most 40 bytes and four digits"
    )]
    MalformedName {
        /// `budget` or `switch`.
        what: &'static str,
    },
    /// The UUID was not made by `EventId::new`.
    #[error("{id} is not an event id (a UUIDv7 to the microsecond): make it with EventId::new")]
    NotAnEventId {
        /// What was given.
        id: Uuid,
    },
    /// A payload could not be turned into JSON. The serialiser's text is left out: it may hold data.
    #[error("the event's {part} is not representable as JSON: map keys must be strings")]
    NotJson {
        /// `input` or `output`.
        part: &'static str,
    },
    /// The event type is one that only the library writes.
    #[error(
        "events of type {event_type} are written by the library itself, as are all of the domains \
         audit, budget, effect, pack and switch: give the host's event a type of its own"
    )]
    ReservedEventType {
        /// What was given.
        event_type: String,
    },
    /// The time has no four-digit year, and only those survive every database and text form.
    #[error("{created_at} is outside the years 1970 to 9999")]
    TimeOutOfRange {
        /// What was given.
        created_at: DateTime<Utc>,
    },
    /// The payload is nested too deeply.
    #[error("the event's payload is nested deeper than {max}: record a reference or its text")]
    TooDeep {
        /// The limit, in levels.
        max: usize,
    },
    /// The event is dated more than a day ahead.
    #[error(
        "the event is dated {created_at}, more than a day after this host's time {now}: give the time \
         at which it happened"
    )]
    TooFarAhead {
        /// The event's time.
        created_at: DateTime<Utc>,
        /// The host's time.
        now: DateTime<Utc>,
    },
    /// The payload has too many values under names that are too long.
    #[error(
        "the JSON pointers of the event's values have over {max} bytes together: shorten the names, \
         or record the part as text"
    )]
    TooIntricate {
        /// The limit, in bytes.
        max: usize,
    },
    /// The payload is over the size limit.
    #[error(
        "the event's payload has {len} bytes as JSON, at most {max} are allowed: record a \
         reference and a hash instead of the content"
    )]
    TooLarge {
        /// Its length, in bytes.
        len: usize,
        /// The limit, in bytes.
        max: usize,
    },
}
