//! The leases of the effects that this process runs, renewed until their outcomes are recorded.
//!
//! By its lease, other processes tell a long effect from one whose process died. A process that dies stops
//! renewing, and its effects are in doubt once their leases have run out. A process that was suspended for longer
//! than a lease cannot revive it: the store renews no lease that has run out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::store::admission::Lease;

/// A lease is renewed after this part of it.
const RENEWAL_PART: u32 = 3;
/// A lease that is due soon is renewed together with one that is due now, so that they share a statement.
const EARLY_PART: u32 = 6;
/// The part of a lease after which a renewal that failed is tried again.
const RETRY_PART: u32 = 12;
/// The most leases in one statement.
pub(super) const RENEWED_MAX: usize = 1_000;
/// An effect that runs for longer than this hangs, and its lease is renewed no more.
const HELD_MAX: Duration = Duration::from_hours(24);

/// The leases that this process holds.
#[derive(Debug, Default)]
pub(super) struct Leases {
    state: Mutex<State>,
    /// Wakes the task that renews, if a lease is due before that.
    sooner: Notify,
}

#[derive(Debug, Default)]
struct State {
    held: HashMap<Uuid, Renewal>,
    /// When the task that renews wakes up. None while there is nothing to renew.
    wakes_at: Option<Instant>,
}

/// When a lease is to be renewed.
#[derive(Debug)]
struct Renewal {
    length: Duration,
    due: Instant,
    /// Its last renewal is before this.
    until: Instant,
}

/// A lease is renewed until this is dropped.
#[derive(Debug)]
pub(super) struct HeldLease {
    leases: Arc<Leases>,
    effect_id: Uuid,
}

impl Leases {
    pub(super) fn hold(self: &Arc<Self>, lease: Lease) -> HeldLease {
        let Lease { effect_id, length } = lease;
        let now = Instant::now();
        let held = Renewal { length, due: now + length / RENEWAL_PART, until: now + HELD_MAX };
        let mut state = self.lock();
        if state.wakes_at.is_none_or(|wakes_at| held.due < wakes_at) {
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
                state.wakes_at = state.held.values().map(|held| held.due).min();
                state.wakes_at
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
    pub(super) fn take_due(&self) -> Vec<Lease> {
        let now = Instant::now();
        let mut state = self.lock();
        state.held.retain(|_, held| now < held.until);
        let due =
            state.held.iter_mut().filter(|(_, held)| held.due <= now + held.length / EARLY_PART);
        let lease = |(effect_id, held): (&Uuid, &mut Renewal)| {
            held.due = now + held.length / RETRY_PART;
            Lease { effect_id: *effect_id, length: held.length }
        };
        due.map(lease).collect()
    }

    pub(super) fn renewed(&self, leases: &[Lease]) {
        let now = Instant::now();
        let mut state = self.lock();
        for Lease { effect_id, length } in leases {
            if let Some(held) = state.held.get_mut(effect_id) {
                held.due = now + *length / RENEWAL_PART;
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
