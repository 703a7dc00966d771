//! Periodic upkeep, for as long as an auditor exists.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::sleep;

use super::leases::{Leases, RENEWED_MAX};
use super::{Auditor, Shared};
use crate::store::log_line::log_line;

/// How often the sweep looks for leases that have run out.
const SWEEP: Duration = Duration::from_secs(30);
/// How often the gauges are set.
const GAUGES: Duration = Duration::from_secs(15);
/// Between two renewals of leases, however short these are.
const RENEWAL_PAUSE: Duration = Duration::from_millis(100);
/// When the store is first prepared for the coming months, and how often after that. Opening the store has
/// just prepared them.
const FIRST_PREPARE: Duration = Duration::from_mins(1);
const PREPARE: Duration = Duration::from_hours(1);

impl Auditor {
    /// Starts the tasks if there is a runtime and they do not run: on the first call, or if the runtime
    /// they ran in is gone.
    pub(super) fn start_upkeep(&self) {
        let shared = &self.shared;
        if shared.upkeep.is_running.load(Ordering::Relaxed) {
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        let mut tasks = shared.upkeep.lock();
        // Under the lock: a shutdown closes first and stops the tasks then.
        if shared.lifecycle.is_closed() || !tasks.are_missing() {
            return;
        }
        tasks.stop();
        // Set before the tasks start: a runtime that is stopping drops a task at once, which clears it again.
        shared.upkeep.is_running.store(true, Ordering::Relaxed);
        let task = || TaskGuard(Arc::downgrade(shared));
        tasks.regular.push(runtime.spawn(set_gauges(task())).abort_handle());
        tasks.regular.push(runtime.spawn(prepare(task())).abort_handle());
        if shared.batcher.sink().admission().is_some() {
            tasks.regular.push(runtime.spawn(sweep(task())).abort_handle());
            let renewing = runtime.spawn(renew(task(), Arc::clone(&shared.leases)));
            tasks.renewing = Some(renewing.abort_handle());
        }
    }

    /// Renews the leases that are due: one statement for up to [`RENEWED_MAX`] of them.
    async fn renew_leases(&self) {
        let Some(store) = self.admission() else { return };
        let due = self.shared.leases.take_due();
        for leases in due.chunks(RENEWED_MAX) {
            let effects = leases.len();
            let renewed = self
                .call(store, self.deadline(), "renew leases", |store| store.renew_leases(leases));
            match renewed.await {
                Ok(()) => self.shared.leases.renewed(leases),
                Err(error) => log_line!(
                    warn,
                    error = &error as &dyn std::error::Error,
                    effects,
                    "leases of running effects could not be renewed: when they run out, the effects are in doubt"
                ),
            }
        }
    }
}

/// Held by a task. When the task ends, for example with its runtime, the next call starts it again.
struct TaskGuard(Weak<Shared>);

impl Drop for TaskGuard {
    fn drop(&mut self) {
        if let Some(shared) = self.0.upgrade() {
            shared.upkeep.is_running.store(false, Ordering::Relaxed);
        }
    }
}

/// Records `effect.expired` for each lease that has run out.
async fn sweep(guard: TaskGuard) {
    loop {
        sleep(SWEEP).await;
        let Some(shared) = guard.0.upgrade() else { return };
        let auditor = Auditor { shared };
        let Some(store) = auditor.admission() else { return };
        if let Err(error) = auditor.expire(store, None).await {
            log_line!(
                warn,
                error = &error as &dyn std::error::Error,
                "leases that have run out could not be recorded"
            );
        }
        auditor.append_pending_flips(store).await;
        auditor.lapse_switches(store).await;
    }
}

/// Renews the leases of effects that run.
async fn renew(guard: TaskGuard, leases: Arc<Leases>) {
    loop {
        // Without the auditor, which its last holder may drop meanwhile.
        leases.due().await;
        let Some(shared) = guard.0.upgrade() else { return };
        Auditor { shared }.renew_leases().await;
        sleep(RENEWAL_PAUSE).await;
    }
}

/// Sets the gauges.
async fn set_gauges(guard: TaskGuard) {
    while let Some(shared) = guard.0.upgrade() {
        Auditor { shared }.set_gauges().await;
        sleep(GAUGES).await;
    }
}

/// Prepares the store for the coming months.
async fn prepare(guard: TaskGuard) {
    sleep(FIRST_PREPARE).await;
    while let Some(shared) = guard.0.upgrade() {
        if let Err(error) = shared.batcher.sink().prepare().await {
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
