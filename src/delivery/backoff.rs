//! How long to wait before the next try.

use std::time::Duration;

/// Pauses that double from one to the next up to a limit; each is cut at random to between half of it
/// and the whole, so that callers who failed together do not come back together.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
    first: Duration,
    max: Duration,
}

impl Backoff {
    pub(super) fn new(first: Duration, max: Duration) -> Self {
        Self { next: first, first, max }
    }

    pub(super) fn pause(&mut self) -> Duration {
        let whole = self.next;
        self.next = self.max.min(whole * 2);
        // Without random bytes every pause is a whole one: slower, and just as right.
        let random = getrandom::u32().unwrap_or(u32::MAX);
        whole / 2 + (whole / 2).mul_f64(f64::from(random) / f64::from(u32::MAX))
    }

    pub(super) fn reset(&mut self) {
        self.next = self.first;
    }
}
