//! Errors of recording events and of running effects.

use std::fmt;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::EntropyError;
use crate::delivery::WriteError;
use crate::event::{AuditEvent, EventError};
use crate::policy::{DemandError, Refusal};
use crate::store::StoreError;

/// An event was not recorded, or it is unknown whether it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The system gave no random bytes for its salt.
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
    /// True if recording the same event again, with the same id, may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Entropy(_) => true,
            Self::Event(_) => false,
            Self::Write(error) => error.is_retryable(),
        }
    }

    /// True if the event's id is already recorded with other content, which stays.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Write(WriteError::Conflict(_)))
    }
}

/// Why an effect was not admitted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdmitError {
    /// Its idempotency key was used with another input, or another effect has its id. The refusal
    /// is recorded.
    #[error("effect {effect_id}, which is different, has this idempotency key or id")]
    #[non_exhaustive]
    Conflict {
        /// The effect that has it.
        effect_id: Uuid,
    },
    /// The same effect began before and is in doubt. The refusal is recorded.
    #[error("effect {effect_id} is in doubt: find out whether it was performed, and resolve it")]
    #[non_exhaustive]
    InDoubt {
        /// That effect.
        effect_id: Uuid,
    },
    /// The same effect is running. The refusal is recorded.
    #[error("effect {effect_id} is running")]
    #[non_exhaustive]
    InProgress {
        /// That effect.
        effect_id: Uuid,
        /// When it will be in doubt, unless its process renews its lease.
        lease_until: DateTime<Utc>,
    },
    /// It is declared wrongly.
    #[error(transparent)]
    Invalid(DemandError),
    /// It cannot be recorded, and therefore does not run.
    #[error("the effect does not run, because it cannot be recorded")]
    NotRun(#[source] RecordError),
    /// It may not run. The refusal is recorded.
    #[error("the effect is refused: {}", .0.reason)]
    Refused(Box<Refusal>),
    /// The same effect has succeeded, and is answered from its record. The replay is recorded too.
    #[error("effect {} has succeeded already", .0.effect_id)]
    Replayed(Replay),
}

/// The recorded answer of an effect that has succeeded.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Replay {
    /// That effect.
    pub effect_id: Uuid,
    /// What it returned, as recorded: without secrets. None if an operator resolved it as
    /// performed.
    pub output: Option<Value>,
}

// The output may hold personal data.
impl fmt::Debug for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replay").field("effect_id", &self.effect_id).finish_non_exhaustive()
    }
}

/// An effect ended, and its outcome could not be recorded.
#[derive(Debug, thiserror::Error)]
#[error("the effect's outcome could not be recorded")]
#[non_exhaustive]
pub struct Unrecorded {
    /// The event to record. Its id is fixed, so that it is recorded once and settles the effect.
    pub event: Box<AuditEvent>,
    /// Why it was not recorded.
    pub source: RecordError,
}

/// An operator's request failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// Who does it, or why, is missing.
    #[error("{what} is empty")]
    Blank {
        /// `by`, its method, or `reason`.
        what: &'static str,
    },
    /// The effect is not in doubt: it is unknown, has ended, or is resolved.
    #[error("effect {effect_id} is not in doubt")]
    NotOpen {
        /// The effect.
        effect_id: Uuid,
    },
    /// The event about it cannot be recorded.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The effect may still be running.
    #[error("effect {effect_id} may be running until {lease_until}")]
    Running {
        /// The effect.
        effect_id: Uuid,
        /// When its lease ends, unless its process renews it.
        lease_until: DateTime<Utc>,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The sink only records; it does not decide what may run.
    #[error("the sink does not decide what may run")]
    Unsupported,
}

impl From<EventError> for ControlError {
    fn from(error: EventError) -> Self {
        Self::Record(error.into())
    }
}

/// An effect failed, did not start, or its outcome could not be recorded.
///
/// `T` and `E` are the value and the error of the host's own call. If `E` is an error type, this is
/// one too, with `E` as its source. If `E` is, for example, a text, match on
/// [`Failed`](Self::Failed).
#[non_exhaustive]
pub enum EffectError<T, E> {
    /// The host's call returned an error, which is recorded.
    Failed(E),
    /// The effect was not admitted for another reason than a refusal, and did not run.
    NotAdmitted(AdmitError),
    /// The effect may not run. The refusal is recorded.
    Refused(Box<Refusal>),
    /// The same effect has succeeded before, but its recorded output cannot be read as the call's
    /// type. It did not run again.
    ReplayUnreadable(Replay),
    /// The effect ran, but its outcome could not be recorded. [Record](crate::Auditor::record) the
    /// event again if the source is retryable.
    #[non_exhaustive]
    Unrecorded {
        /// What the host's call returned.
        result: Result<T, E>,
        /// The event to record. Its id is fixed, so that it is recorded once.
        event: Box<AuditEvent>,
        /// Why it was not recorded.
        source: RecordError,
    },
}

// The host's own value and error may hold personal data: neither is printed.
impl<T, E> fmt::Display for EffectError<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(_) => f.write_str("the effect failed"),
            Self::NotAdmitted(AdmitError::NotRun(_)) => {
                f.write_str("the effect was not run, because it cannot be recorded")
            }
            Self::NotAdmitted(error) => error.fmt(f),
            Self::Refused(refusal) => write!(f, "the effect is refused: {}", refusal.reason),
            Self::ReplayUnreadable(replay) => write!(
                f,
                "effect {} has succeeded already, and its recorded output cannot be read back",
                replay.effect_id
            ),
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
            Self::NotAdmitted(error) => error.fmt(f),
            Self::Refused(refusal) => f.debug_tuple("Refused").field(&refusal.reason).finish(),
            Self::ReplayUnreadable(replay) => {
                f.debug_tuple("ReplayUnreadable").field(replay).finish()
            }
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
            Self::NotAdmitted(error) => error.source(),
            Self::Unrecorded { source, .. } => Some(source),
            Self::Refused(_) | Self::ReplayUnreadable(_) => None,
        }
    }
}
