//! Limits on how much waits, and for how long.

use std::time::Duration;

/// The limits of recording.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct QueueLimits {
    /// Most events that wait to be written or are being written. As many again may wait for room, each
    /// for at most half of `wait`. Default: 8,192.
    pub events: usize,
    /// Most bytes of those events: their payloads as canonical JSON, and 1 KiB for each. Default:
    /// 32 MiB.
    pub bytes: usize,
    /// How long a caller waits for the database before its event goes to the spool or, without a spool,
    /// the caller gets an error. Writing to the spool takes a few milliseconds more; if the disk hangs,
    /// the caller waits another 10 seconds. Default: 5 seconds. At least a millisecond, at most a day.
    pub wait: Duration,
    /// How long one call of the sink may take before we give it up, even if no caller waits for it. It
    /// is meant for sinks that have no limit of their own. Default: a minute. At least `wait`.
    pub call_limit: Duration,
    /// How many statements run at once. Two keep two cores of a database busy. One fewer, but at least
    /// one, run in addition for streams that are locked. Default: 2. At least 1.
    pub connections: usize,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self {
            events: 8_192,
            bytes: 32 << 20,
            wait: Duration::from_secs(5),
            call_limit: Duration::from_mins(1),
            connections: 2,
        }
    }
}

impl QueueLimits {
    /// Sets how many events may wait.
    #[must_use]
    pub fn events(self, events: usize) -> Self {
        Self { events, ..self }
    }

    /// Sets how many bytes may wait.
    #[must_use]
    pub fn bytes(self, bytes: usize) -> Self {
        Self { bytes, ..self }
    }

    /// Sets how long a caller waits for the database.
    #[must_use]
    pub fn wait(self, wait: Duration) -> Self {
        Self { wait, ..self }
    }

    /// Sets how long one call of the sink may take.
    #[must_use]
    pub fn call_limit(self, call_limit: Duration) -> Self {
        Self { call_limit, ..self }
    }

    /// Sets how many statements run at once.
    #[must_use]
    pub fn connections(self, connections: usize) -> Self {
        Self { connections, ..self }
    }

    pub(super) fn within_reason(self) -> Self {
        const DAY: Duration = Duration::from_hours(24);
        let wait = self.wait.clamp(Duration::from_millis(1), DAY);
        let call_limit = self.call_limit.clamp(wait, DAY);
        Self { wait, call_limit, connections: self.connections.max(1), ..self }
    }
}
