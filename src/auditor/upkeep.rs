//! What an auditor does by itself, from time to time, as long as it is there.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::{Auditor, Shared};
use crate::store::log_line::log_line;

/// How often leases are looked at, for those that are over.
const SWEEP: Duration = Duration::from_secs(30);
/// How often the gauges are set.
const LOOK: Duration = Duration::from_secs(15);
/// When the store is first prepared for the coming months, and how often after that. A process that just
/// opened its store has done so.
const FIRST_PREPARE: Duration = Duration::from_mins(1);
const PREPARE: Duration = Duration::from_hours(1);

/// The tasks of it.
#[derive(Debug, Default)]
pub(super) struct Upkeep {
    tasks: Mutex<Vec<AbortHandle>>,
    /// Whether they may all be taken to run, so that a record need not look.
    is_running: AtomicBool,
}

impl Upkeep {
    /// Starts them where there is a runtime to run in and they do not run: on the first call, or where
    /// the runtime that they ran in is gone.
    pub(super) fn start(shared: &Arc<Shared>) {
        if shared.upkeep.is_running.load(Ordering::Relaxed) || shared.lifecycle.is_closed() {
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        let mut running = shared.upkeep.lock();
        if running.is_empty() || running.iter().any(AbortHandle::is_finished) {
            running.drain(..).for_each(|task| task.abort());
            // First: a runtime that is stopping drops a task at once, and that has to be seen.
            shared.upkeep.is_running.store(true, Ordering::Relaxed);
            let task = || Running(Arc::downgrade(shared));
            running.push(runtime.spawn(look(task())).abort_handle());
            running.push(runtime.spawn(prepare(task())).abort_handle());
            if shared.batcher.admission().is_some() {
                running.push(runtime.spawn(sweep(task())).abort_handle());
            }
        }
    }

    pub(super) fn stop(&self) {
        self.lock().drain(..).for_each(|task| task.abort());
    }

    fn lock(&self) -> MutexGuard<'_, Vec<AbortHandle>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Held by a task: where it ends, as with its runtime, the next call looks and starts it again.
struct Running(Weak<Shared>);

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(shared) = self.0.upgrade() {
            shared.upkeep.is_running.store(false, Ordering::Relaxed);
        }
    }
}

/// Records of every lease that is over that it is.
async fn sweep(running: Running) {
    loop {
        sleep(SWEEP).await;
        let Some(shared) = running.0.upgrade() else { return };
        let auditor = Auditor { shared };
        let Some(store) = auditor.admission() else { return };
        if let Err(error) = auditor.expire(store, None).await {
            log_line!(
                warn,
                error = &error as &dyn std::error::Error,
                "leases that are over could not be recorded"
            );
        }
        auditor.append_pending_flips(store).await;
    }
}

/// Sets the gauges.
async fn look(running: Running) {
    while let Some(shared) = running.0.upgrade() {
        Auditor { shared }.set_gauges().await;
        sleep(LOOK).await;
    }
}

/// Prepares the store for the coming months.
async fn prepare(running: Running) {
    sleep(FIRST_PREPARE).await;
    while let Some(shared) = running.0.upgrade() {
        if let Err(error) = shared.batcher.prepare().await {
            log_line!(
                warn,
                error = &error as &dyn std::error::Error,
                "the coming months could not be prepared"
            );
        }
        drop(shared);
        sleep(PREPARE).await;
    }
}
