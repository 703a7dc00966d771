//! The report of a drain.

use chrono::{DateTime, Utc};

use crate::record::Record;

/// What a drain brought from the spool to the database until the spool was empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DrainReport {
    /// Events that are stored now. Some may have been stored before.
    pub stored: u64,
    /// Events that the database refuses for good, or has with other content. The spool keeps them, set
    /// aside.
    pub set_aside: u64,
    /// The time of the oldest event.
    pub oldest_at: Option<DateTime<Utc>>,
    /// The time of the newest event.
    pub newest_at: Option<DateTime<Utc>>,
}

impl DrainReport {
    pub(super) fn count(&mut self, record: &Record) {
        let at = record.header().created_at;
        self.oldest_at = Some(self.oldest_at.map_or(at, |oldest| oldest.min(at)));
        self.newest_at = Some(self.newest_at.map_or(at, |newest| newest.max(at)));
    }
}
