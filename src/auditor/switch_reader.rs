//! Watches the switches for effects that run.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::sleep;

use super::current_effect::CurrentEffect;
use super::{Auditor, Shared};
use crate::event::{Switch, SwitchScope};
use crate::store::StoreError;
use crate::store::admission::{AdmissionStore, SwitchState};
use crate::store::log_line::log_line;

/// How often the switches are read while work waits for one, even if the store reports no change.
const POLL: Duration = Duration::from_secs(5);
/// The shortest time between two reads.
const POLL_MIN: Duration = Duration::from_millis(50);

impl Auditor {
    /// Returns the first of these switches that is engaged everywhere or in one of these scopes, once one is.
    pub(super) async fn engaged_of(
        &self,
        switches: &[Switch],
        scopes: &[SwitchScope],
    ) -> (Switch, SwitchScope) {
        let start_watch = || drop(tokio::spawn(watch_switches(Arc::downgrade(&self.shared))));
        self.shared.switches.engaged_of(switches, scopes, start_watch).await
    }

    /// The states of the switches without those whose time limit is over. Notes what is engaged in the effects that run.
    pub(super) async fn read_switches(
        &self,
        store: &dyn AdmissionStore,
    ) -> Result<Vec<SwitchState>, StoreError> {
        // They were admitted before the switches are read.
        let running = self.shared.running.now();
        let states =
            self.call(store, self.deadline(), "read the switches", |store| store.switches());
        let (mut states, now) = (states.await?, self.shared.clock.now());
        states.retain(|state| !state.has_lapsed(now));
        found_engaged(&running, &states);
        Ok(states)
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
        match auditor.read_switches(store).await {
            Ok(states) => watch.read(states),
            Err(error) => unread(error),
        }
        sleep(POLL_MIN).await;
        tokio::select! {
            () = store.switch_moved() => {}
            () = watch.changed() => {}
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
            shared.switches.ended();
        }
    }
}

#[cold]
fn unread(error: StoreError) {
    log_line!(warn, %error, "the switches cannot be read: work in flight goes on");
}

/// Notes engaged switches in the effects that they govern. These ran before the switches were read.
pub(super) fn found_engaged(running: &[Arc<CurrentEffect>], states: &[SwitchState]) {
    for state in states.iter().filter(|state| state.is_engaged) {
        for effect in running {
            effect.found_engaged(&state.switch, state.scope);
        }
    }
}
