//! How long to wait before the next try.

use std::time::Duration;

/// Pauses that grow by a factor up to a limit. Each is shortened at random, to half of it at most, so that callers
/// who failed together do not come back together.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
    first: Duration,
    factor: u32,
    max: Duration,
}

impl Backoff {
    pub(crate) const fn new(first: Duration, factor: u32, max: Duration) -> Self {
        Self { next: first, first, factor, max }
    }

    pub(crate) fn pause(&mut self) -> Duration {
        let whole = self.next;
        self.next = self.max.min(whole.saturating_mul(self.factor));
        // Without random bytes the pause is not shortened, which is only slower.
        let random = getrandom::u32().unwrap_or(u32::MAX);
        whole / 2 + (whole / 2).mul_f64(f64::from(random) / f64::from(u32::MAX))
    }

    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }
}
