//! What is known of this process as a writer: who it is, and whether its event is recorded.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Host;
use crate::event::EventId;
use crate::record::Record;

/// Who writes, if the host says so.
#[derive(Debug, Default)]
pub(super) struct Writer {
    pub(super) host: Option<Host>,
    state: Mutex<WriterState>,
}

#[derive(Debug, Default)]
pub(super) struct WriterState {
    pub(super) id: Option<EventId>,
    /// The event that says so, until it is durable.
    pub(super) unrecorded: Option<Record>,
    pub(super) is_being_recorded: bool,
}

impl Writer {
    pub(super) fn of(host: Option<Host>) -> Self {
        Self { host, state: Mutex::default() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, WriterState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
