//! The clock, injected.

use std::fmt;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

/// A clock. Tests and simulations bring their own.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The time of day, for `created_at`.
    fn now(&self) -> DateTime<Utc>;

    /// Time since a fixed moment, for durations. It never goes back.
    fn monotonic(&self) -> Duration;
}

/// The system's clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// A clock whose [`monotonic`](Clock::monotonic) time starts now.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "this is the clock that is injected elsewhere")]
    pub fn new() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the clock that is injected elsewhere")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn monotonic(&self) -> Duration {
        self.origin.elapsed()
    }
}

/// Whole milliseconds, as payloads have them.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
