//! What the stages between a caller and the database share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
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
    pub(super) tending: Tending,
}

/// The tasks that look after the spool: at most one drain, and one search for files to adopt.
#[derive(Default)]
pub(super) struct Tending {
    pub(super) is_draining: AtomicBool,
    pub(super) is_adopting: AtomicBool,
    /// A shutdown has ended them.
    has_ended: AtomicBool,
    tasks: Mutex<Vec<AbortHandle>>,
}

impl Tending {
    /// Keeps a task, so that a shutdown can end it.
    pub(super) fn keep(&self, task: AbortHandle) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        if self.has_ended.load(Ordering::SeqCst) {
            return task.abort();
        }
        tasks.retain(|task| !task.is_finished());
        tasks.push(task);
    }

    /// Ends the tasks. After each of their steps the next process can go on with the spool.
    pub(super) fn end(&self) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        self.has_ended.store(true, Ordering::SeqCst);
        tasks.drain(..).for_each(|task| task.abort());
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
