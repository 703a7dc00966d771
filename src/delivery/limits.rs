//! How much may wait, and for how long.

use std::time::Duration;

/// The limits of recording.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct QueueLimits {
    /// Events that wait to be written, or are being written. As many again may wait for a place, each
    /// for at most half of `wait`. Default: 8,192.
    pub events: usize,
    /// Bytes that the payloads of those events take, as canonical JSON, and 1 KiB for each event beside
    /// them. Default: 32 MiB.
    pub bytes: usize,
    /// How long a caller waits for the database, from its call on, before its event goes to the
    /// spool, or where there is none, the caller gets an error. Writing to the spool takes another few
    /// milliseconds; a disk that hangs holds a caller for 10 seconds more. Default: 5 seconds. At
    /// least a millisecond, at most a day.
    pub wait: Duration,
    /// How long one call of the sink may take before it is given up, also where no caller waits for it:
    /// for a sink that has no limit of its own. Default: a minute. At least `wait`.
    pub call_limit: Duration,
    /// Statements that run at once. Two keep two cores of a database busy. Beside them, one fewer, and at
    /// least one, tries streams that were found locked. Default: 2. At least 1.
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
