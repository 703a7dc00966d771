//! Storage errors, by what the caller can do about them.

use std::sync::Arc;

use uuid::Uuid;

use crate::event::StreamId;
use crate::proof::Digest;
use crate::redact::KeyFingerprint;

/// The same event id is already stored with other content. The stored event stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "event {event_id} is already recorded with other content (stored hash {stored}, offered \
     {offered}): give the new event an id of its own"
)]
pub struct Conflict {
    /// The id of both.
    pub event_id: Uuid,
    /// The stored event's hash.
    pub stored: Digest,
    /// The offered event's hash.
    pub offered: Digest,
}

/// The driver's error, for operators. The stores of this crate strip payload values from it.
/// Shared, because every caller with an event in a failed batch gets it.
pub type DriverError = Arc<dyn std::error::Error + Send + Sync>;

/// A store could not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Events of the stream are in months that an operator has archived. Attach the months again to
    /// read the stream.
    #[error(
        "{missing} events of stream {stream_id} are not there, and these months are archived: {}; attach them \
         again with moltbot_audit.make_partitions (docs/operate.md)",
        months.join(", ")
    )]
    Archived {
        /// The stream.
        stream_id: StreamId,
        /// How many of its events are missing.
        missing: i64,
        /// The months from which they may be missing, as `2026-03`.
        months: Vec<String>,
    },
    /// The database holds events in the form before format v1 was frozen. No release can read both.
    #[error(
        "the database holds events in the form before format v1 was frozen, which this release cannot read \
         or extend: open an empty one, and keep this one for the release that wrote it"
    )]
    EarlierFormat,
    /// The database is set up wrongly: the schema, a right or the login is missing. An operator has
    /// to repair it. The events are fine.
    #[error("the database is not set up to {doing}: {source}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// What the driver said.
        #[source]
        source: DriverError,
    },
    /// The database URL is unusable.
    #[error("database URL: {reason}")]
    InvalidUrl {
        /// What is wrong with it. Never the URL itself, which holds a password.
        reason: String,
    },
    /// The database belongs to another redaction key. Under two keys, one idempotency key would be
    /// two.
    #[error(
        "the database belongs to the redaction key {in_use}, and this process has {given}: give every \
         process the same key, or, to replace it, the new one with_previous the old one"
    )]
    KeyMismatch {
        /// The fingerprint of the key that is in use.
        in_use: KeyFingerprint,
        /// The fingerprint of the key that was given.
        given: KeyFingerprint,
    },
    /// Another transaction held a lock for longer than a statement waits: on a stream, a table, or
    /// SQLite's file. Try again; other streams may be free.
    #[error("another transaction holds a lock (tried to {doing}): try again: {source}")]
    Locked {
        /// What was being done.
        doing: &'static str,
        /// What the driver said.
        #[source]
        source: DriverError,
    },
    /// A stored row does not have the form that the store writes.
    #[error("stream {stream_id}, event {seq}: column {column} is malformed: {reason}")]
    Malformed {
        /// The stream.
        stream_id: StreamId,
        /// The event's place in it.
        seq: i64,
        /// The column.
        column: &'static str,
        /// What is wrong with it. Never the value.
        reason: &'static str,
    },
    /// The schema could not be brought up to date.
    #[error("migration {file} failed: {source}")]
    Migration {
        /// The file.
        file: &'static str,
        /// What the driver said.
        #[source]
        source: DriverError,
    },
    /// The database refused the batch: an event of it, or its stream, is at fault, and will be
    /// refused again.
    #[error("the database refused to {doing}: {source}")]
    Refused {
        /// What was being done.
        doing: &'static str,
        /// What the driver said.
        #[source]
        source: DriverError,
    },
    /// The database is away or too slow. Try again: a record that was written is not written twice.
    #[error("the database is unavailable (tried to {doing}): try again: {source}")]
    Unavailable {
        /// What was being done.
        doing: &'static str,
        /// What the driver said.
        #[source]
        source: DriverError,
    },
}

/// Declares a constructor that takes what was being done and the driver's error.
macro_rules! constructor {
    ($(#[$doc:meta])* $name:ident, $variant:ident) => {
        $(#[$doc])*
        #[cold]
        pub fn $name(
            doing: &'static str,
            source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
        ) -> Self {
            Self::$variant { doing, source: Arc::from(source.into()) }
        }
    };
}

impl StoreError {
    constructor! {
        /// [`Unavailable`](Self::Unavailable), for implementors of a store.
        unavailable, Unavailable
    }
    constructor! {
        /// [`Locked`](Self::Locked), for implementors of a store.
        locked, Locked
    }
    constructor! {
        /// [`Refused`](Self::Refused), for implementors of a store.
        refused, Refused
    }
    constructor! {
        /// [`Database`](Self::Database), for implementors of a store.
        database, Database
    }

    /// True if the same call may succeed later by itself.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Locked { .. } | Self::Unavailable { .. })
    }

    /// True if an event of the batch or its stream is at fault, not the database.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Malformed { .. } | Self::Refused { .. })
    }
}
