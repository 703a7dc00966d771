//! Who hears what becomes of records.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::append::RecordResult;
use super::drain_report::DrainReport;
use crate::record::{Receipt, Record};
use crate::store::log_line::log_line;

/// Hears what becomes of records, before their callers do. It is called by the tasks that write, and must
/// not block.
///
/// A record is heard of once as stored, wherever its batch was tried again. One that the host hands in
/// again after it had its answer is heard of again. Not heard of is what the process ended before, and what
/// the database had taken although it said otherwise, where nobody tries again.
pub trait Observer: Send + Sync {
    /// A batch was taken by the sink, in one call.
    fn appended(&self, _took: Duration) {}
    /// A record is in the database.
    fn stored(&self, _record: &Record, _receipt: &Receipt) {}
    /// A record is in the spool; it is heard of again as stored, or in a process that starts later.
    fn spooled(&self, _record: &Record) {}
    /// Records of the spool were set aside, because the database refuses them for good.
    fn set_aside(&self, _events: u64) {}
    /// The spool was emptied.
    fn drained(&self, _report: DrainReport) {}
}

/// Hears nothing.
impl Observer for () {}

/// The observer of a batcher. One that panics must not end the task that writes for everybody, nor keep the next
/// thing from being told.
pub(super) struct Listener(Box<dyn Observer>);

impl Listener {
    pub(super) fn new(observer: impl Observer + 'static) -> Self {
        Self(Box::new(observer))
    }

    /// Tells which records of a batch are stored, and how long that took.
    pub(super) fn appended(
        &self,
        records: &[Record],
        results: &[Option<RecordResult>],
        took: &[Duration],
    ) {
        for took in took {
            self.tell(|observer| observer.appended(*took));
        }
        for (record, result) in records.iter().zip(results) {
            if let Some(Ok(receipt)) = result {
                self.tell(|observer| observer.stored(record, receipt));
            }
        }
    }

    /// Tells one thing.
    pub(super) fn tell(&self, what: impl FnOnce(&dyn Observer)) {
        if catch_unwind(AssertUnwindSafe(|| what(&*self.0))).is_err() {
            log_line!(error, "an observer of what is recorded panicked");
        }
    }
}
