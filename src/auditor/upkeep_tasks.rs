//! The tasks of the periodic upkeep, which end with the auditor.

use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::task::AbortHandle;

/// The tasks of the upkeep.
#[derive(Debug, Default)]
pub(super) struct UpkeepTasks {
    tasks: Mutex<Tasks>,
    /// True if all tasks run, as far as is known: recording an event then takes no lock to find out.
    pub(super) is_running: AtomicBool,
}

#[derive(Debug, Default)]
pub(super) struct Tasks {
    pub(super) regular: Vec<AbortHandle>,
    /// Outlives the others at a shutdown: effects may still end then.
    pub(super) renewing: Option<AbortHandle>,
}

impl UpkeepTasks {
    /// Stops all but the renewal of leases.
    pub(super) fn stop(&self) {
        self.lock().regular.drain(..).for_each(|task| task.abort());
    }

    /// Stops the renewal of leases.
    pub(super) fn stop_renewing(&self) {
        if let Some(task) = self.lock().renewing.take() {
            task.abort();
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tasks {
    pub(super) fn are_missing(&self) -> bool {
        self.regular.is_empty() || self.all().any(AbortHandle::is_finished)
    }

    fn all(&self) -> impl Iterator<Item = &AbortHandle> {
        self.regular.iter().chain(&self.renewing)
    }

    pub(super) fn stop(&mut self) {
        self.all().for_each(AbortHandle::abort);
        *self = Self::default();
    }
}

impl Drop for UpkeepTasks {
    fn drop(&mut self) {
        self.lock().stop();
    }
}
