//! Errors of the spool, by what the caller can do about them.

use std::io;
use std::sync::Arc;

/// The spool could not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpoolError {
    /// The spool was closed.
    #[error("the spool is closed")]
    Closed,
    /// It holds as much as it may. Nothing was written.
    #[error(
        "the spool is full: {events} of {max_events} events, {bytes} of {max_bytes} bytes; it empties \
         when the database is back"
    )]
    Full {
        /// Events in it.
        events: u64,
        /// Bytes in it.
        bytes: u64,
        /// Events it may hold.
        max_events: u64,
        /// Bytes it may hold.
        max_bytes: u64,
    },
    /// There is no Tokio runtime, or it stopped: the work may or may not have been done.
    #[error("there is no Tokio runtime, or it stopped, where the spool was asked to {doing}")]
    Interrupted {
        /// What was being done.
        doing: &'static str,
    },
    /// The file system failed, because the disk is full or the folder is gone, for example. What was
    /// acknowledged before is safe, and the next call tries again.
    #[error("the spool could not {doing}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// What the file system said.
        #[source]
        source: Arc<io::Error>,
    },
}

impl SpoolError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        !matches!(self, Self::Closed)
    }

    #[cold]
    pub(in crate::delivery) fn io(doing: &'static str, source: io::Error) -> Self {
        Self::Io { doing, source: Arc::new(source) }
    }
}
