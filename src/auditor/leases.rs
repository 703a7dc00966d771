//! The leases of the effects that this process runs, renewed until their outcomes are recorded.
//!
//! A lease is how other processes tell a long effect from one whose process died. A process that dies stops
//! renewing, and its effects are in doubt once their leases are over. One that was stopped for longer than a
//! lease, and goes on, revives nothing: the store renews no lease that is over.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::Auditor;
use crate::store::admission::Lease;
use crate::store::log_line::log_line;

/// A lease is renewed after this part of it.
const PART: u32 = 3;
/// One that is renewed beside another is not due yet, but soon: so that effects of all times share statements.
const EARLY_PART: u32 = 6;
/// The part of a lease after which a renewal that failed is tried again.
const RETRY_PART: u32 = 12;
/// The most leases in one statement.
const RENEWED_MAX: usize = 1_000;
/// An effect that has run for so long hangs: its lease is renewed no more.
const HELD_MAX: Duration = Duration::from_hours(24);

/// The leases that this process holds.
#[derive(Debug, Default)]
pub(super) struct Leases {
    state: Mutex<State>,
    /// Wakes the task that renews, if a lease is due before it would look.
    sooner: Notify,
}

#[derive(Debug, Default)]
struct State {
    held: HashMap<Uuid, Held>,
    /// When the task looks; none while there is nothing to renew.
    look_at: Option<Instant>,
}

#[derive(Debug)]
struct Held {
    length: Duration,
    due: Instant,
    until: Instant,
}

/// Has a lease renewed for as long as it is there.
#[derive(Debug)]
pub(super) struct HeldLease {
    leases: Arc<Leases>,
    effect_id: Uuid,
}

impl Leases {
    pub(super) fn hold(self: &Arc<Self>, lease: Lease) -> HeldLease {
        let Lease { effect_id, length } = lease;
        let now = Instant::now();
        let held = Held { length, due: now + length / PART, until: now + HELD_MAX };
        let mut state = self.lock();
        if state.look_at.is_none_or(|look_at| held.due < look_at) {
            self.sooner.notify_one();
        }
        state.held.insert(effect_id, held);
        HeldLease { leases: Arc::clone(self), effect_id }
    }

    /// Waits until a lease is due.
    pub(super) async fn due(&self) {
        loop {
            let first = {
                let mut state = self.lock();
                state.look_at = state.held.values().map(|held| held.due).min();
                state.look_at
            };
            let sooner = self.sooner.notified();
            match first {
                Some(due) if due <= Instant::now() => return,
                Some(due) => drop(timeout_at(due, sooner).await),
                None => sooner.await,
            }
        }
    }

    /// The leases that are due, or soon will be. Each is due again once a failed renewal would be tried again.
    fn take_due(&self) -> Vec<Lease> {
        let now = Instant::now();
        let mut state = self.lock();
        state.held.retain(|_, held| now < held.until);
        let due =
            state.held.iter_mut().filter(|(_, held)| held.due <= now + held.length / EARLY_PART);
        let lease = |(effect_id, held): (&Uuid, &mut Held)| {
            held.due = now + held.length / RETRY_PART;
            Lease { effect_id: *effect_id, length: held.length }
        };
        due.map(lease).collect()
    }

    fn renewed(&self, leases: &[Lease]) {
        let now = Instant::now();
        let mut state = self.lock();
        for Lease { effect_id, length } in leases {
            if let Some(held) = state.held.get_mut(effect_id) {
                held.due = now + *length / PART;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for HeldLease {
    fn drop(&mut self) {
        self.leases.lock().held.remove(&self.effect_id);
    }
}

impl Auditor {
    /// Renews the leases that are due: one statement for up to [`RENEWED_MAX`] of them.
    pub(super) async fn renew_leases(&self) {
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
