//! What is known of the switches while work waits for one.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use crate::event::{Switch, SwitchScope};
use crate::store::admission::SwitchState;

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
    /// Those that are engaged in a conversation or a request.
    scoped: BTreeSet<(Switch, SwitchScope)>,
}

impl SwitchWatch {
    /// Returns the first of these switches that is engaged everywhere or in one of these scopes, once one is. Calls
    /// `start_watch` if none reads them.
    pub(super) async fn engaged_of(
        &self,
        switches: &[Switch],
        scopes: &[SwitchScope],
        start_watch: impl FnOnce(),
    ) -> (Switch, SwitchScope) {
        let mut seen = self.seen.subscribe();
        // The read under way may have begun before a reset under which this work was admitted.
        let reads = seen.borrow_and_update().reads + 2;
        if !std::mem::replace(&mut *self.lock(), true) {
            start_watch();
        }
        self.newcomer.notify_one();
        let engaged = |seen: &Seen| {
            switches.iter().find_map(|switch| {
                let is_set =
                    |scope: &&SwitchScope| seen.scoped.contains(&(switch.clone(), **scope));
                let everywhere =
                    || (!seen.reset.contains(switch)).then_some(SwitchScope::Everywhere);
                let scope = scopes.iter().find(is_set).copied().or_else(everywhere)?;
                Some((switch.clone(), scope)).filter(|_| seen.reads >= reads)
            })
        };
        loop {
            if let Some(found) = engaged(&seen.borrow_and_update()) {
                return found;
            }
            if seen.changed().await.is_err() {
                // Never: the sender is in `self`.
                std::future::pending::<()>().await;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.is_watching.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True if no caller waits any longer. A caller that begins to wait afterwards starts another watch.
    pub(super) fn is_over(&self) -> bool {
        let mut is_watching = self.lock();
        *is_watching = self.seen.receiver_count() > 0;
        !*is_watching
    }

    /// Notes what was read.
    pub(super) fn read(&self, states: Vec<SwitchState>) {
        self.seen.send_modify(|seen| {
            seen.reads += 1;
            let (everywhere, scoped): (Vec<_>, Vec<_>) =
                states.into_iter().partition(|state| state.scope == SwitchScope::Everywhere);
            let reset = everywhere.into_iter().filter(|state| !state.is_engaged);
            seen.reset = reset.map(|state| state.switch).collect();
            let engaged = scoped.into_iter().filter(|state| state.is_engaged);
            seen.scoped = engaged.map(|state| (state.switch, state.scope)).collect();
        });
    }

    /// Returns when a caller begins to wait, or when none waits any longer.
    pub(super) async fn changed(&self) {
        tokio::select! {
            () = self.newcomer.notified() => {}
            () = self.seen.closed() => {}
        }
    }

    /// Notes that the watch ended although work may wait.
    pub(super) fn ended(&self) {
        *self.lock() = false;
    }
}
