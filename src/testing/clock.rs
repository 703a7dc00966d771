//! A clock that a test sets.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::auditor::Clock;

/// A clock that stands still until it is told to move.
///
/// The time of day may jump, as it does if NTP corrects it or an operator sets it; monotonic time
/// only moves forward.
///
/// ```
/// use std::time::Duration;
///
/// use chrono::{DateTime, TimeDelta};
/// use moltbot_audit::auditor::Clock;
/// use moltbot_audit::testing::SteppedClock;
///
/// let clock = SteppedClock::new(DateTime::UNIX_EPOCH + TimeDelta::days(20_000));
/// let (day, started) = (clock.now(), clock.monotonic());
/// clock.advance(Duration::from_secs(2));
/// clock.step(TimeDelta::hours(-1));
/// assert_eq!(clock.now() - day, TimeDelta::seconds(2 - 3_600));
/// assert_eq!(clock.monotonic() - started, Duration::from_secs(2));
/// ```
#[derive(Debug)]
pub struct SteppedClock {
    times: Mutex<Times>,
}

#[derive(Clone, Copy, Debug)]
struct Times {
    now: DateTime<Utc>,
    monotonic: Duration,
}

impl SteppedClock {
    /// Starts at this time of day.
    #[must_use]
    pub fn new(start: DateTime<Utc>) -> Self {
        Self { times: Mutex::new(Times { now: start, monotonic: Duration::ZERO }) }
    }

    /// Lets time pass: both times move on, up to the latest representable time.
    pub fn advance(&self, by: Duration) {
        let delta = TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
        self.set(|times| Times {
            now: shifted(times.now, delta),
            monotonic: times.monotonic.saturating_add(by),
        });
    }

    /// Sets the time of day forward or back, and leaves monotonic time alone.
    pub fn step(&self, by: TimeDelta) {
        self.set(|times| Times { now: shifted(times.now, by), ..times });
    }

    fn set(&self, change: impl FnOnce(Times) -> Times) {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        *times = change(*times);
    }

    fn times(&self) -> Times {
        *self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for SteppedClock {
    fn now(&self) -> DateTime<Utc> {
        self.times().now
    }

    fn monotonic(&self) -> Duration {
        self.times().monotonic
    }
}

fn shifted(time: DateTime<Utc>, by: TimeDelta) -> DateTime<Utc> {
    let end =
        if by < TimeDelta::zero() { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC };
    time.checked_add_signed(by).unwrap_or(end)
}
