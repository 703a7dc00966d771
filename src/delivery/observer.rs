//! Tells the host what becomes of records.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::append::BatchOutcome;
use super::drain_report::DrainReport;
use crate::record::{Receipt, Record};
use crate::store::log_line::log_line;

/// Is told what becomes of records, before their callers are. The tasks that write call it, so it must not
/// block.
///
/// It is told once that a record is stored, even if its batch was tried several times, and again if the host
/// hands in the same record again. It is not told of a record if the process ends first, or if the database stored
/// the record but reported an error, and the write is not tried again.
pub trait Observer: Send + Sync {
    /// A batch was taken by the sink, in one call.
    fn appended(&self, _took: Duration) {}
    /// A record is in the database.
    fn stored(&self, _record: &Record, _receipt: &Receipt) {}
    /// A record is in the spool. `stored` follows, in this process or a later one.
    fn spooled(&self, _record: &Record) {}
    /// Records of the spool were set aside, because the database refuses them for good.
    fn set_aside(&self, _events: u64) {}
    /// The spool was emptied.
    fn drained(&self, _report: DrainReport) {}
}

/// Ignores everything.
impl Observer for () {}

/// The observer of a batcher. If it panics, the task that writes for all callers goes on, and so do later
/// notifications.
pub(super) struct Listener(Box<dyn Observer>);

impl Listener {
    pub(super) fn new(observer: impl Observer + 'static) -> Self {
        Self(Box::new(observer))
    }

    /// Tells which records of a batch are stored, and how long that took.
    pub(super) fn appended(&self, records: &[Record], outcome: &BatchOutcome) {
        for took in &outcome.took {
            self.tell(|observer| observer.appended(*took));
        }
        for (record, result) in records.iter().zip(&outcome.results) {
            if let Some(Ok(receipt)) = result {
                self.tell(|observer| observer.stored(record, receipt));
            }
        }
    }

    /// Calls the observer once.
    pub(super) fn tell(&self, what: impl FnOnce(&dyn Observer)) {
        if catch_unwind(AssertUnwindSafe(|| what(&*self.0))).is_err() {
            log_line!(error, "an observer of what is recorded panicked");
        }
    }
}
