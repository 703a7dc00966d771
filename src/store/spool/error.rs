//! How keeping events in the spool can fail, by what the caller can do about it.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A spool that could not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpoolError {
    /// The spool was closed.
    #[error("the spool is closed")]
    Closed,
    /// The file cannot be worked with, although it was opened anew. What is in it stays there.
    #[error("the spool's file is damaged (tried to {doing}): open the spool again")]
    Damaged {
        /// What was being done.
        doing: &'static str,
    },
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
    /// The file system failed: the disk is full, say, or the folder is not there. What was
    /// acknowledged before is safe; the next call tries again.
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
    pub(super) fn io(doing: &'static str, source: io::Error) -> Self {
        Self::Io { doing, source: Arc::new(source) }
    }
}

/// What went wrong with the file, by what is to be done about it.
#[derive(Debug)]
pub(super) enum Fault {
    /// Its bytes are not what was written: what is whole must be salvaged.
    Damage(String),
    /// The file system failed.
    Io(io::Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Sorts what redb says. By these kinds of I/O error redb tells of a file that is no database, is too
/// short, or sends it to places that no file has.
pub(super) fn fault(error: impl Into<redb::Error>) -> Fault {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    match error.into() {
        redb::Error::Io(error)
            if !matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof) =>
        {
            Fault::Io(error)
        }
        redb::Error::PreviousIo => Fault::Io(io::Error::other("an earlier write failed")),
        other => Fault::Damage(other.to_string()),
    }
}

/// Runs what walks the file's tree. redb panics on some trees that it did not write.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Fault::Damage("its tree cannot be walked".to_owned())))
}
