//! A clock that moves only when the script says so.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use moltbot_audit::auditor::Clock;

/// Starts at a given moment. Every step and every call to the world moves it on.
#[derive(Debug)]
pub(crate) struct ScriptedClock {
    start: DateTime<Utc>,
    elapsed_micros: AtomicU64,
}

impl ScriptedClock {
    pub(crate) fn new(start: DateTime<Utc>) -> Self {
        Self { start: start.trunc_subsecs(6), elapsed_micros: AtomicU64::new(0) }
    }

    pub(crate) fn advance(&self, by: Duration) {
        let micros = u64::try_from(by.as_micros()).unwrap_or(u64::MAX);
        let add = |elapsed: u64| Some(elapsed.saturating_add(micros).min(PLAY_MAX));
        // `add` always returns a value.
        let _before = self.elapsed_micros.fetch_update(Ordering::SeqCst, Ordering::SeqCst, add);
    }
}

/// The longest play: a century, so that every time in it can be recorded.
const PLAY_MAX: u64 = 100 * 365 * 24 * 3_600 * 1_000_000;

impl Clock for ScriptedClock {
    fn now(&self) -> DateTime<Utc> {
        self.start + TimeDelta::from_std(self.monotonic()).unwrap_or_default()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_micros(self.elapsed_micros.load(Ordering::SeqCst))
    }
}
