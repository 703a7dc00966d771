//! How storing can fail, by what the caller can do about it.

use std::sync::Arc;

use uuid::Uuid;

use crate::event::StreamId;
use crate::proof::Digest;

/// The same event id is stored with other content. The stored event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "event {event_id} is already recorded with other content (stored hash {stored}, offered \
     {offered}): give the new event an id of its own"
)]
pub struct Conflict {
    /// The id both claim.
    pub event_id: Uuid,
    /// The stored event's hash.
    pub stored: Digest,
    /// The offered event's hash.
    pub offered: Digest,
}

/// What a driver said. Its text is kept for operators and never holds bound values. Shared, because
/// one failure of a batch is told to every caller whose event was in it.
pub type DriverError = Arc<dyn std::error::Error + Send + Sync>;

/// A store that could not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database refused the statement: a defect here or in the schema, not a passing fault.
    #[error("the database refused to {doing}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// What the driver said.
        #[source]
        source: DriverError,
    },
    /// The database URL cannot be used.
    #[error("database URL: {reason}")]
    InvalidUrl {
        /// What is wrong with it; never the URL itself, which holds a password.
        reason: String,
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
        /// What is wrong with it; never the value.
        reason: &'static str,
    },
    /// The schema could not be brought up to date.
    #[error("migration {file} failed")]
    Migration {
        /// The file.
        file: &'static str,
        /// What the driver said.
        #[source]
        source: DriverError,
    },
    /// The database is away, or too slow. Try again: what was written is not written twice.
    #[error("the database is unavailable (tried to {doing}): try again")]
    Unavailable {
        /// What was being done.
        doing: &'static str,
        /// What the driver said.
        #[source]
        source: DriverError,
    },
}

impl StoreError {
    /// The database is away, or too slow: the same call may succeed later.
    #[cold]
    pub fn unavailable(
        doing: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Unavailable { doing, source: Arc::from(source.into()) }
    }

    /// The database refused: the same call will be refused again.
    #[cold]
    pub fn refused(
        doing: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Database { doing, source: Arc::from(source.into()) }
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}
