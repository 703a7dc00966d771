//! What an auditor does by itself, from time to time, as long as it is there.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::{Auditor, Shared};

/// How often leases are looked at, for those that are over.
const SWEEP: Duration = Duration::from_secs(30);
/// How often the gauges are set.
const LOOK: Duration = Duration::from_secs(15);

/// The tasks of it.
#[derive(Debug, Default)]
pub(super) struct Upkeep(Mutex<Vec<AbortHandle>>);

impl Upkeep {
    /// Starts them where there is a runtime to run in and they do not run: on the first call, or where
    /// the runtime that they ran in is gone.
    pub(super) fn start(shared: &Arc<Shared>) {
        let Ok(runtime) = Handle::try_current() else { return };
        let mut running = shared.upkeep.lock();
        if running.is_empty() || running.iter().any(AbortHandle::is_finished) {
            running.drain(..).for_each(|task| task.abort());
            running.push(runtime.spawn(look(Arc::downgrade(shared))).abort_handle());
            if shared.batcher.admission().is_some() {
                running.push(runtime.spawn(sweep(Arc::downgrade(shared))).abort_handle());
            }
        }
    }

    pub(super) fn stop(&self) {
        self.lock().drain(..).for_each(|task| task.abort());
    }

    fn lock(&self) -> MutexGuard<'_, Vec<AbortHandle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Records of every lease that is over that it is.
async fn sweep(shared: Weak<Shared>) {
    loop {
        sleep(SWEEP).await;
        let Some(shared) = shared.upgrade() else { return };
        let auditor = Auditor { shared };
        let Some(store) = auditor.admission() else { return };
        if let Err(error) = auditor.expire(store).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "leases that are over could not be recorded"
            );
        }
    }
}

/// Sets the gauges.
async fn look(shared: Weak<Shared>) {
    while let Some(shared) = shared.upgrade() {
        Auditor { shared }.set_gauges().await;
        sleep(LOOK).await;
    }
}
