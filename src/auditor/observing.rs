//! Counts and logs what becomes of records.
//!
//! The time to a shortlist is asked of the store, because no single process knows when a request began.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::{Auditor, Shared};
use crate::delivery::{DrainReport, Failures, Observer};
use crate::event::EventType;
use crate::observe::{self, Report, table};
use crate::record::{Receipt, Record};
use crate::store::log_line::log_line;

/// The batcher's observer.
pub(super) struct Watching(pub(super) Weak<Shared>);

impl Observer for Watching {
    fn appended(&self, took: Duration) {
        observe::measure(&table::AUDIT_APPEND, &[], took.as_secs_f64());
    }

    fn stored(&self, record: &Record, receipt: &Receipt) {
        observe::stored(record, receipt);
        // The host may have let go of its auditor meanwhile.
        if let Some(shared) = self.0.upgrade() {
            let auditor = Auditor { shared };
            auditor.time_shortlist(record);
            auditor.count_reports(record, receipt);
        } else {
            Report::of(record).into_iter().for_each(counted);
        }
    }

    fn spooled(&self, _record: &Record) {
        observe::count(&table::AUDIT_SPOOLED, &[], 1);
    }

    fn set_aside(&self, events: u64) {
        observe::count(&table::AUDIT_SPOOL_SET_ASIDE, &[], events);
    }

    fn drained(&self, report: DrainReport) {
        let Some(shared) = self.0.upgrade() else { return };
        let auditor = Auditor { shared };
        // From inside the drain, so there is a runtime.
        tokio::spawn(async move { auditor.state_drained(&report).await });
    }
}

impl Auditor {
    /// Counts and logs a stored record.
    pub(super) fn stored(&self, record: &Record, receipt: &Receipt) {
        observe::stored(record, receipt);
        self.time_shortlist(record);
        self.count_reports(record, receipt);
    }

    fn count_reports(&self, record: &Record, receipt: &Receipt) {
        let reports = Report::of(record);
        if reports.is_empty() {
            return;
        }
        let runtime = tokio::runtime::Handle::try_current();
        match (self.admission().is_some(), runtime) {
            (true, Ok(runtime)) => {
                let (shared, record) = (Arc::downgrade(&self.shared), record.clone());
                // The caller does not wait for this.
                runtime.spawn(count_if_first(shared, record, receipt.seq, reports));
            }
            // Without a store to ask, each report counts.
            _ => reports.into_iter().for_each(counted),
        }
    }

    fn time_shortlist(&self, record: &Record) {
        let header = record.header();
        if header.event_type == EventType::SHORTLIST_GENERATED.as_str()
            && header.request_id.is_some()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            // The caller that recorded it does not wait for this.
            runtime.spawn(measure_shortlist(Arc::downgrade(&self.shared), record.clone()));
        }
    }
}

/// Measures the time to a shortlist, where it is its request's first: which process has seen the
/// request's first event is not known, so the store is asked.
async fn measure_shortlist(shared: Weak<Shared>, record: Record) {
    let Some(shared) = shared.upgrade() else { return };
    let auditor = Auditor { shared };
    let Some(store) = auditor.admission() else { return };
    let stream_id = record.stream_id();
    let reading = auditor.call(store, auditor.deadline(), "read the first shortlist", |store| {
        store.first_shortlist(stream_id)
    });
    match reading.await {
        Ok(Some(first)) if first.event_id == record.header().id => {
            if let Some(after) = first.after {
                observe::measure(&table::TIME_TO_SHORTLIST, &[], after.as_secs_f64());
            }
        }
        Ok(_) => {}
        Err(error) => log_line!(warn, %error, "the time to a shortlist could not be measured"),
    }
}

/// Counts each report unless the store knows of the same one before it.
async fn count_if_first(shared: Weak<Shared>, record: Record, seq: i64, reports: Vec<Report>) {
    let auditor = shared.upgrade().map(|shared| Auditor { shared });
    for report in reports {
        let Some(auditor) = &auditor else { return counted(report) };
        let Some(store) = auditor.admission() else { return counted(report) };
        let stream_id = record.stream_id();
        let doing = "read earlier reports";
        let reading = auditor.call(store, auditor.deadline(), doing, |store| {
            store.events_before(stream_id, seq, report.needs())
        });
        match reading.await {
            Ok(earlier) if !report.is_first(&record, &earlier) => {}
            Ok(_) => counted(report),
            Err(error) => {
                counted(report);
                log_line!(warn, %error, "a report may be counted twice");
            }
        }
    }
}

fn counted(report: Report) {
    observe::count(report.metric(), &[], 1);
}

/// Counts events that were neither stored nor spooled.
pub(super) fn failed(failures: Failures) {
    let Failures { overloaded, spool, store, .. } = failures;
    for (why, events) in [("overloaded", overloaded), ("spool", spool), ("store", store)] {
        if events > 0 {
            observe::count(&table::AUDIT_APPEND_FAILURES, &[why], events);
        }
    }
}
