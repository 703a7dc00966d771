//! Why a request cannot be planned or undone.

use uuid::Uuid;

use crate::auditor::{ControlError, RecordError};
use crate::event::EventError;
use crate::store::StoreError;

/// A request could not be planned, or its undo could not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UndoError {
    /// The database is away. Nothing is undone meanwhile, because only the database knows what was undone.
    #[error("the database is away, and nothing is undone meanwhile: try again when it is back")]
    Away,
    /// As for any act of an operator: who or why is missing, or the store or the recording failed.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The plan names no request: it is that of an empty stream.
    #[error("the plan names no request")]
    NoRequest,
    /// No event of the request was ever recorded.
    #[error("no event of request {request_id} was ever recorded")]
    UnknownRequest {
        /// The request.
        request_id: Uuid,
    },
}

impl From<EventError> for UndoError {
    fn from(error: EventError) -> Self {
        Self::Control(error.into())
    }
}

impl From<RecordError> for UndoError {
    fn from(error: RecordError) -> Self {
        Self::Control(error.into())
    }
}

impl From<StoreError> for UndoError {
    fn from(error: StoreError) -> Self {
        Self::Control(error.into())
    }
}
