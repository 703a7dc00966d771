//! How much may wait, and for how long.

use std::time::Duration;

/// The limits of recording.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct QueueLimits {
    /// Events that wait to be written, or are being written. As many again may wait for a place, each
    /// for at most half of `wait`. Default: 8,192.
    pub events: usize,
    /// Payload bytes of those events. Default: 32 MiB.
    pub bytes: usize,
    /// How long a caller waits for the database, from its call on, before its event goes to the
    /// spool, or where there is none, the caller gets an error. Default: 5 seconds.
    pub wait: Duration,
    /// Statements that run at once. Two keep two cores of a database busy. Default: 2.
    pub connections: usize,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self { events: 8_192, bytes: 32 << 20, wait: Duration::from_secs(5), connections: 2 }
    }
}

impl QueueLimits {
    /// Sets how many events may wait.
    #[must_use]
    pub fn events(self, events: usize) -> Self {
        Self { events, ..self }
    }

    /// Sets how many payload bytes may wait.
    #[must_use]
    pub fn bytes(self, bytes: usize) -> Self {
        Self { bytes, ..self }
    }

    /// Sets how long a caller waits for the database.
    #[must_use]
    pub fn wait(self, wait: Duration) -> Self {
        Self { wait, ..self }
    }

    /// Sets how many statements run at once.
    #[must_use]
    pub fn connections(self, connections: usize) -> Self {
        Self { connections, ..self }
    }
}
