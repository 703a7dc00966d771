//! Counts failed calls by cause.

use super::WriteError;

/// Calls that failed to record an event. Whether the host tried again is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failures {
    /// The queue was full.
    pub overloaded: u64,
    /// The spool was full, or its disk failed.
    pub spool: u64,
    /// The database did not take it.
    pub store: u64,
}

impl Failures {
    /// Counts a failure, unless it is the event's own fault.
    pub fn count(&mut self, error: &WriteError) {
        match error {
            WriteError::Overloaded { .. } => self.overloaded += 1,
            WriteError::Spool(_) => self.spool += 1,
            WriteError::Store(error) if !error.is_refusal() => self.store += 1,
            _ => {}
        }
    }

    /// Adds the counts of another.
    pub fn add(&mut self, other: Self) {
        self.overloaded += other.overloaded;
        self.spool += other.spool;
        self.store += other.store;
    }

    /// Whether there were none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
