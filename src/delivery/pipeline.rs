//! What the stages between a caller and the database share.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

use super::circuit_breaker::CircuitBreaker;
use super::limits::QueueLimits;
use super::observer::Listener;
use super::queue::Queue;
use super::spool::Spool;
use crate::store::AuditSink;

/// How long a push to the spool may take, and how long a caller waits for it after its deadline for the database.
pub(super) const SPOOL_WAIT: Duration = Duration::from_secs(10);

/// What the stages between a caller and the database share.
pub(super) struct Pipeline {
    pub(super) sink: Arc<dyn AuditSink>,
    pub(super) spool: Option<Spool>,
    pub(super) limits: QueueLimits,
    pub(super) listener: Listener,
    pub(super) queue: Arc<Queue>,
    pub(super) breaker: CircuitBreaker,
    /// Bounds how many locked streams are tried at once.
    pub(super) locked: Semaphore,
    pub(super) is_spool_failing: AtomicBool,
    /// True when a shutdown wants everything in flight in the spool.
    pub(super) hurry: watch::Sender<bool>,
    pub(super) spool_task: SpoolTask,
}

/// The one task of a batcher that looks after its spool.
#[derive(Default)]
pub(super) struct SpoolTask {
    /// Notified when the spool is to be drained.
    wanted: Arc<Notify>,
    state: Mutex<SpoolTaskState>,
}

#[derive(Default)]
struct SpoolTaskState {
    task: Option<AbortHandle>,
    has_ended: bool,
}

impl SpoolTask {
    /// Starts the task, unless it runs or has ended.
    pub(super) fn start<F: Future<Output = ()> + Send + 'static>(
        &self,
        task: impl FnOnce(Arc<Notify>) -> F,
    ) {
        let mut state = self.lock();
        // A task whose runtime has stopped is finished, too.
        if !state.has_ended && state.task.as_ref().is_none_or(AbortHandle::is_finished) {
            state.task = Some(tokio::spawn(task(Arc::clone(&self.wanted))).abort_handle());
        }
    }

    /// Has the task drain the spool, also if it does so already.
    pub(super) fn drain(&self) {
        self.wanted.notify_one();
    }

    /// Ends the task. After each of its steps the next process can go on with the spool.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        state.has_ended = true;
        if let Some(task) = state.task.take() {
            task.abort();
        }
    }

    fn lock(&self) -> MutexGuard<'_, SpoolTaskState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pipeline {
    /// Whether a shutdown wants everything in the spool.
    pub(super) fn is_hurried(&self) -> bool {
        *self.hurry.borrow()
    }

    /// Returns at `deadline`, or as soon as a shutdown is in a hurry.
    pub(super) async fn out_of_time(&self, deadline: Instant) {
        let mut hurry = self.hurry.subscribe();
        tokio::select! {
            () = sleep_until(deadline) => {}
            // The sender is ours, so that the wait ends by its own condition only.
            _hurried = hurry.wait_for(|hurry| *hurry) => {}
        }
    }
}
