//! What happened to recording and has no event yet: calls that failed, steps of the clock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Clock;
use crate::delivery::{Failures, WriteError};
use crate::observe::{self, table};
use crate::record::Recorded;

/// How far the clock must move against the monotonic clock, between two events, to count as a step. A clock that
/// is slewed moves by less than a thousandth.
const STEP_MS: i64 = 5_000;

/// What has no event yet.
#[derive(Debug, Default)]
pub(super) struct SelfEvents {
    state: Mutex<Unreported>,
    /// Held while failures are recorded: under overload, one event about them is enough at a time.
    pub(super) recording: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Default)]
pub(super) struct Unreported {
    pub(super) failed: Failures,
    /// The time of day less the monotonic time, when last looked at.
    offset_ms: Option<i64>,
    /// The largest step of the clock since the last event about one.
    pub(super) step_ms: Option<i64>,
}

impl Unreported {
    pub(super) fn keep_step(&mut self, step_ms: i64) {
        let largest = self.step_ms.filter(|kept| kept.abs() > step_ms.abs());
        self.step_ms = Some(largest.unwrap_or(step_ms));
    }
}

impl SelfEvents {
    /// Notes a step of the clock since the last event.
    pub(super) fn check_clock(&self, clock: &dyn Clock) {
        let monotonic = i64::try_from(clock.monotonic().as_millis()).unwrap_or(i64::MAX);
        let offset = clock.now().timestamp_millis().saturating_sub(monotonic);
        let mut state = self.lock();
        let before = state.offset_ms.replace(offset).unwrap_or(offset);
        let step = offset.saturating_sub(before);
        if step.abs() >= STEP_MS {
            state.keep_step(step);
        }
    }

    /// Counts an event that was not recorded.
    pub(super) fn count_failure(&self, written: &Result<Recorded, WriteError>) {
        if let Err(error) = written {
            let mut failed = Failures::default();
            failed.count(error);
            count_failures(failed);
            self.lock().failed.add(failed);
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Unreported> {
        // Nothing panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts events that were neither stored nor spooled.
pub(super) fn count_failures(failures: Failures) {
    let Failures { overloaded, spool, store, .. } = failures;
    for (why, events) in [("overloaded", overloaded), ("spool", spool), ("store", store)] {
        if events > 0 {
            observe::count(&table::AUDIT_APPEND_FAILURES, &[why], events);
        }
    }
}
