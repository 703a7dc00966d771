//! Typed ids: of events, of the host's rows, of streams.
//!
//! A stream's id is a hash of its kind and of the request's or conversation's id, so that no id of a host can
//! lead into another stream.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::EventError;
use super::host_id::{self, HostId, HostIdFault};

const MICROS_PER_MILLI: u64 = 1_000;
/// First time that has no four-digit year, and so no RFC 3339 text.
const YEAR_10000_MICROS: u64 = 253_402_300_800_000_000;
/// Values of the 12 sub-millisecond bits of a UUIDv7.
const FRACTION_STEPS: u64 = 4_096;

/// Identifies one event, and holds the host's time of the event to the microsecond.
///
/// A UUIDv7 (RFC 9562, section 5.7) whose 12 `rand_a` bits hold the sub-millisecond fraction
/// (section 6.2, method 3). Because the id determines `created_at`, a retry with the same id always
/// finds its first try, even in a table that is partitioned by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Uuid", into = "Uuid")]
pub struct EventId(Uuid);

impl EventId {
    /// Makes the id of an event that happened at `created_at` (truncated to microseconds).
    ///
    /// `random` supplies the 62 low bits; the two variant bits are overwritten.
    ///
    /// # Errors
    /// [`EventError::TimeOutOfRange`] if the time is before 1970 or after 9999.
    pub fn new(created_at: DateTime<Utc>, random: u64) -> Result<Self, EventError> {
        let micros = u64::try_from(created_at.timestamp_micros())
            .ok()
            .filter(|micros| *micros < YEAR_10000_MICROS)
            .ok_or(EventError::TimeOutOfRange { created_at })?;
        let (millis, rest) = (micros / MICROS_PER_MILLI, micros % MICROS_PER_MILLI);
        let fraction = rest * FRACTION_STEPS / MICROS_PER_MILLI;
        let high = (millis << 16) | (7 << 12) | fraction;
        let low = (random & (u64::MAX >> 2)) | (0b10 << 62);
        Ok(Self(Uuid::from_u64_pair(high, low)))
    }

    /// Derives the id from a provider's message id and time, so that it is the same each time.
    /// `keyed_hash` hashes a tag and a name with the deployment's key.
    pub(crate) fn of_message(
        name: &str,
        sent_at: DateTime<Utc>,
        keyed_hash: impl FnOnce(&str, &[u8]) -> [u8; 32],
    ) -> Result<Self, EventError> {
        host_id::read(name).map_err(|fault| malformed("message", fault))?;
        let hash = keyed_hash("moltbot-audit/v1/message-event-id", name.as_bytes());
        Self::of_hash(sent_at, hash)
    }

    /// The id whose random bits are the last 62 of a hash's first 8 bytes.
    pub(crate) fn of_hash(created_at: DateTime<Utc>, hash: [u8; 32]) -> Result<Self, EventError> {
        let bits = hash.iter().take(8).fold(0, |bits, byte| bits << 8 | u64::from(*byte));
        Self::new(created_at, bits)
    }

    /// Accepts a UUIDv7 that carries its time to the microsecond, as [`EventId::new`] makes it.
    ///
    /// # Errors
    /// [`EventError::NotAnEventId`] for any other UUID.
    pub fn from_uuid(id: Uuid) -> Result<Self, EventError> {
        let candidate = Self(id);
        let canonical = candidate.time().and_then(|time| Self::new(time, id.as_u64_pair().1).ok());
        if canonical == Some(candidate) {
            Ok(candidate)
        } else {
            Err(EventError::NotAnEventId { id })
        }
    }

    /// The host's time of the event, to the microsecond.
    #[must_use]
    pub fn created_at(self) -> DateTime<Utc> {
        self.time().unwrap_or_default()
    }

    /// The id as a plain UUID.
    #[must_use]
    pub fn uuid(self) -> Uuid {
        self.0
    }

    fn time(self) -> Option<DateTime<Utc>> {
        let (high, _) = self.0.as_u64_pair();
        let fraction = high & (FRACTION_STEPS - 1);
        let micros = (high >> 16) * MICROS_PER_MILLI
            + (fraction * MICROS_PER_MILLI).div_ceil(FRACTION_STEPS);
        DateTime::from_timestamp_micros(i64::try_from(micros).ok()?)
    }
}

impl TryFrom<Uuid> for EventId {
    type Error = EventError;

    fn try_from(id: Uuid) -> Result<Self, EventError> {
        Self::from_uuid(id)
    }
}

impl From<EventId> for Uuid {
    fn from(id: EventId) -> Self {
        id.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Generates an id type for a row of the host, which may have been named by a UUID or not.
macro_rules! host_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        ///
        /// A name that is not a UUID (`fallback`, `conv_001`) is kept: it maps to a UUIDv8 that
        /// only the deployment's key can compute, and the name itself is stored with the event.
        #[derive(Clone, PartialEq, Eq, Hash)]
        pub struct $name {
            uuid: Uuid,
            original: Option<Arc<str>>,
        }

        impl $name {
            /// The id of a row that the host names by a UUID.
            ///
            /// Packs show the id as it is, so it must not be derived from personal data: a UUIDv5
            /// of a phone number can be found by trying all numbers.
            ///
            /// # Errors
            /// [`EventError::MalformedHostId`] for the nil and the max UUID, which stand for "none".
            pub fn from_uuid(uuid: Uuid) -> Result<Self, EventError> {
                let uuid = host_id::check_uuid(uuid).map_err(|fault| malformed($kind, fault))?;
                Ok(Self { uuid, original: None })
            }

            /// The id for the host's own name of the row, UUID or not. `keyed_hash` hashes a tag
            /// and a name with the deployment's key.
            pub(crate) fn named(
                name: &str,
                keyed_hash: impl FnOnce(&str, &[u8]) -> [u8; 32],
            ) -> Result<Self, EventError> {
                match host_id::read(name).map_err(|fault| malformed($kind, fault))? {
                    HostId::Uuid(uuid) => Ok(Self { uuid, original: None }),
                    HostId::Name => {
                        let hash =
                            keyed_hash(concat!("moltbot-audit/v1/", $kind, "-id"), name.as_bytes());
                        Ok(Self { uuid: uuid_v8(hash), original: Some(name.into()) })
                    }
                }
            }

            /// The UUID under which the row is recorded.
            #[must_use]
            pub fn uuid(&self) -> Uuid {
                self.uuid
            }

            /// The host's own name, if it is not a UUID.
            #[must_use]
            pub fn original(&self) -> Option<&str> {
                self.original.as_deref()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.uuid.fmt(f)
            }
        }

        // The original may hold a phone number, so Debug shows the UUID alone.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.uuid)
            }
        }
    };
}

host_id! {
    /// A client's request, the unit that is chained and exported.
    RequestId, "request"
}

host_id! {
    /// A conversation with a client, over which many requests may run.
    ConversationId, "conversation"
}

/// A sequence of events with its own chain: one a request.
///
/// Events without a request go to their conversation's stream, and events with neither to the
/// deployment's [system](Self::SYSTEM) stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct StreamId(Uuid);

impl StreamId {
    /// The stream of events that belong to no request and no conversation: the `UUIDv8` of the hash of
    /// `moltbot-audit/v1/system-stream\0`.
    pub const SYSTEM: Self = Self(Uuid::from_u128(0x5733_7ed3_124f_80a3_8c99_4f45_7638_2903));

    /// The stream of an event with these ids.
    ///
    /// Its id is a hash of the kind and the id, so that a request's and a conversation's stream
    /// never collide, even if the host gives both the same id.
    #[must_use]
    pub fn of(request: Option<Uuid>, conversation: Option<Uuid>) -> Self {
        let (tag, id) = match (request, conversation) {
            (Some(request), _) => ("moltbot-audit/v1/request-stream\0", request),
            (None, Some(id)) => ("moltbot-audit/v1/conversation-stream\0", id),
            (None, None) => return Self::SYSTEM,
        };
        let hash = Sha256::new().chain_update(tag).chain_update(id.as_bytes());
        Self(uuid_v8(hash.finalize().into()))
    }

    /// The id as a plain UUID.
    #[must_use]
    pub fn uuid(self) -> Uuid {
        self.0
    }
}

impl From<&RequestId> for StreamId {
    fn from(request: &RequestId) -> Self {
        Self::of(Some(request.uuid()), None)
    }
}

impl From<Uuid> for StreamId {
    fn from(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn malformed(kind: &'static str, fault: HostIdFault) -> EventError {
    EventError::MalformedHostId { kind, fault }
}

/// The UUIDv8 (RFC 9562, section 5.8) that holds the first 122 bits of a hash.
fn uuid_v8(hash: [u8; 32]) -> Uuid {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
