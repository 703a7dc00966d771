//! How writing a sealed record can fail.

use std::sync::Arc;

use crate::delivery::SpoolError;
use crate::store::{Conflict, StoreError};

/// A record was not written, or may not have been.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// Recording was shut down.
    #[error("recording was shut down: the event is not written")]
    Closed,
    /// The same event id is recorded with other content.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// The runtime stopped or the sink panicked during the write, which may or may not have landed.
    #[error("the event's write was interrupted: record the event again with its id")]
    Interrupted,
    /// The sink broke its contract.
    #[error("the sink did not return a result for each event, in their order")]
    NoReceipt,
    /// There is no Tokio runtime to write on.
    #[error("there is no Tokio runtime here to write on: call it from inside one")]
    NoRuntime,
    /// The queue stayed full for as long as the caller waits. The event is not written.
    #[error("the queue is full ({events} events): record the event again later")]
    Overloaded {
        /// Events that wait to be written.
        events: usize,
    },
    /// The event could not be spooled, and had to be, because the database is away or has not taken earlier
    /// events of the stream yet. It may still be stored, once.
    #[error("the event could not be spooled")]
    Spool(#[source] Arc<SpoolError>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is at fault if a write fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AtFault {
    /// The database is away. The record is still to be written.
    Database,
    /// Every record would get the same error, now and later.
    Key,
    /// The error is final for the record.
    Record,
    /// The sink panicked or broke its contract, perhaps because of one record.
    Sink,
    /// Another transaction has locked the record's stream. The record is still to be written.
    Stream,
}

/// A shutdown that ran out of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{events} events are not written yet, and {effects} effects still run: give shutdown more time, or a spool"
)]
#[non_exhaustive]
pub struct ShutdownError {
    /// Events whose callers have no answer yet.
    pub events: usize,
    /// Effects that have not recorded how they ended, and cannot any more.
    pub effects: usize,
    /// Events that wait in the spool, for the next process with its folder.
    pub spooled: u64,
}

impl WriteError {
    /// Whether writing the same event, with the same id, may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Interrupted | Self::Overloaded { .. } | Self::Spool(_) => true,
            Self::Store(error) => error.is_retryable(),
            Self::Closed | Self::Conflict(_) | Self::NoReceipt | Self::NoRuntime => false,
        }
    }

    /// What is at fault.
    pub(super) fn at_fault(&self) -> AtFault {
        match self {
            Self::Conflict(_) => AtFault::Record,
            Self::Store(StoreError::KeyMismatch { .. }) => AtFault::Key,
            Self::Store(StoreError::Locked { .. }) => AtFault::Stream,
            Self::Store(error) if error.is_refusal() => AtFault::Record,
            Self::Store(_) => AtFault::Database,
            _ => AtFault::Sink,
        }
    }
}
