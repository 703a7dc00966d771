//! Watches the switches for effects that run.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use super::current_effect::EffectSwitches;
use super::{Auditor, Shared};
use crate::event::Switch;
use crate::store::StoreError;
use crate::store::admission::SwitchState;
use crate::store::log_line::log_line;

/// How often the switches are read while work waits for one, even if the store reports no change.
const POLL: Duration = Duration::from_secs(5);
/// The shortest time between two reads.
const POLL_MIN: Duration = Duration::from_millis(50);

/// Reads the switches while work waits for one. One reader serves all that wait.
#[derive(Debug, Default)]
pub(super) struct SwitchWatch {
    seen: watch::Sender<Seen>,
    is_watching: Mutex<bool>,
    /// A caller began to wait.
    newcomer: Notify,
}

/// What was read last.
#[derive(Debug, Default)]
struct Seen {
    /// How many times they were read.
    reads: u64,
    /// The switches that let things run.
    reset: BTreeSet<Switch>,
}

impl SwitchWatch {
    /// Returns the first of these switches that is engaged, once one is.
    pub(super) async fn engaged_of(&self, shared: &Arc<Shared>, switches: &[Switch]) -> Switch {
        let mut seen = self.seen.subscribe();
        // The read under way may have begun before a reset under which this work was admitted.
        let reads = seen.borrow_and_update().reads + 2;
        if !std::mem::replace(&mut *self.lock(), true) {
            tokio::spawn(watch_switches(Arc::downgrade(shared)));
        }
        self.newcomer.notify_one();
        let engaged = |seen: &Seen| {
            let is_engaged = |switch: &&Switch| !seen.reset.contains(*switch);
            switches.iter().find(is_engaged).filter(|_| seen.reads >= reads).cloned()
        };
        loop {
            if let Some(switch) = engaged(&seen.borrow_and_update()) {
                return switch;
            }
            if seen.changed().await.is_err() {
                // Never: the sender is in `shared`, which is held.
                std::future::pending::<()>().await;
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, bool> {
        self.is_watching.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True if no caller waits any longer. A caller that begins to wait afterwards starts another watch.
    fn is_over(&self) -> bool {
        let mut is_watching = self.lock();
        *is_watching = self.seen.receiver_count() > 0;
        !*is_watching
    }
}

async fn watch_switches(shared: Weak<Shared>) {
    let mut end = WatchEnd { shared, is_over: false };
    while let Some(shared) = end.shared.upgrade() {
        let watch = &shared.switches;
        if watch.is_over() {
            end.is_over = true;
            return;
        }
        let auditor = Auditor { shared: Arc::clone(&shared) };
        let Some(store) = auditor.admission() else { return };
        let running = shared.running.now();
        let states =
            auditor.call(store, auditor.deadline(), "read the switches", |store| store.switches());
        match states.await {
            Ok(states) => {
                found_engaged(&running, &states);
                watch.seen.send_modify(|seen| {
                    seen.reads += 1;
                    let reset = states.into_iter().filter(|state| !state.is_engaged);
                    seen.reset = reset.map(|state| state.switch).collect();
                });
            }
            Err(error) => unread(error),
        }
        sleep(POLL_MIN).await;
        tokio::select! {
            () = store.switch_moved() => {}
            () = watch.newcomer.notified() => {}
            () = watch.seen.closed() => {}
            () = sleep(POLL) => {}
        }
    }
}

/// If the runtime stops or a store panics, the next caller that waits starts another watch.
struct WatchEnd {
    shared: Weak<Shared>,
    is_over: bool,
}

impl Drop for WatchEnd {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade()
            && !self.is_over
        {
            *shared.switches.lock() = false;
        }
    }
}

#[cold]
fn unread(error: StoreError) {
    log_line!(warn, %error, "the switches cannot be read: work in flight goes on");
}

/// Notes engaged switches in the effects that they govern. These ran before the switches were read.
pub(super) fn found_engaged(running: &[Arc<EffectSwitches>], states: &[SwitchState]) {
    for state in states.iter().filter(|state| state.is_engaged) {
        for effect in running {
            effect.found_engaged(&state.switch);
        }
    }
}
