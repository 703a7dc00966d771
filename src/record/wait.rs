//! How long a record has waited in a spool. Like its role, this is not part of the event.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::Record;

impl Record {
    /// The longest wait that counts: far above every time limit, far below what a clock may jump.
    pub const WAIT_MAX: Duration = Duration::from_hours(7 * 24);

    /// Sets how long it has waited in a spool, from `received_at` until `now` by one clock. Even if that clock
    /// was set meanwhile, the wait is between zero and [`WAIT_MAX`](Self::WAIT_MAX).
    #[must_use]
    pub fn waiting_since(mut self, received_at: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        let waited = (now - received_at).to_std().unwrap_or_default();
        self.waited = Some(waited.min(Self::WAIT_MAX));
        self
    }

    /// How long it has waited in a spool, if it came from one. Stores count a request's time from when the
    /// first of its events was received.
    #[must_use]
    pub fn waited(&self) -> Option<Duration> {
        self.waited
    }
}
