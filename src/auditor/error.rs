//! How recording, and running an effect, can fail.

use std::fmt;

use super::EntropyError;
use crate::event::{AuditEvent, EventError};
use crate::store::WriteError;

/// An event that was not recorded, or of which that is not known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// There were no random bytes for its salt.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The event cannot be recorded as it is.
    #[error(transparent)]
    Event(#[from] EventError),
    /// The sealed event could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl RecordError {
    /// Whether recording the same event, with the same id, may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Entropy(_) => true,
            Self::Event(_) => false,
            Self::Write(error) => error.is_retryable(),
        }
    }
}

/// An effect that failed, or did not start, or of which the outcome could not be recorded.
///
/// `T` and `E` are the value and the error of the host's own call. Where `E` is an error type, this is
/// one too, and `E` its source; where it is a text, say, match on [`Failed`](Self::Failed).
#[non_exhaustive]
pub enum EffectError<T, E> {
    /// The host's call returned an error. That is recorded.
    Failed(E),
    /// The effect cannot be recorded, and so was not run.
    NotRun(RecordError),
    /// The effect ran, and its outcome could not be recorded: [record](crate::Auditor::record) the
    /// event again where the source is retryable.
    #[non_exhaustive]
    Unrecorded {
        /// What the host's call returned.
        result: Result<T, E>,
        /// What is not recorded; its id is fixed, so that it is recorded once.
        event: Box<AuditEvent>,
        /// Why it is not recorded.
        source: RecordError,
    },
}

// The host's own value and error may hold personal data: neither is printed.
impl<T, E> fmt::Display for EffectError<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(_) => f.write_str("the effect failed"),
            Self::NotRun(_) => f.write_str("the effect was not run, because it cannot be recorded"),
            Self::Unrecorded { result, .. } => write!(
                f,
                "the effect {}, and that could not be recorded",
                if result.is_ok() { "succeeded" } else { "failed" }
            ),
        }
    }
}

impl<T, E> fmt::Debug for EffectError<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(_) => f.write_str("Failed(..)"),
            Self::NotRun(error) => f.debug_tuple("NotRun").field(error).finish(),
            Self::Unrecorded { source, .. } => {
                f.debug_struct("Unrecorded").field("source", source).finish_non_exhaustive()
            }
        }
    }
}

// The host's own error is the source, so that a log of the chain says why a call failed.
impl<T, E: std::error::Error + 'static> std::error::Error for EffectError<T, E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Failed(error) => Some(error),
            Self::NotRun(source) | Self::Unrecorded { source, .. } => Some(source),
        }
    }
}
