//! Counts and logs what becomes of the records of a batch.
//!
//! The store is asked for the time to a shortlist, because no single process knows when a request began.

use std::sync::Weak;
use std::time::Duration;

use super::lookups::{Lookup, counted};
use super::{Auditor, Shared};
use crate::delivery::{DrainReport, Observer};
use crate::event::EventType;
use crate::observe::{self, Report, table};
use crate::record::{Receipt, Record};

pub(super) struct BatchObserver(pub(super) Weak<Shared>);

impl Observer for BatchObserver {
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
            // Who recorded it gave up waiting for the database.
            if record.waited().is_some() && auditor.may_stop_request(record) {
                auditor.queue_lookup(Lookup::Rejection(record.clone(), *receipt));
            }
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
        // A drain calls this, so there is a runtime.
        tokio::spawn(async move { auditor.record_drained(&report).await });
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
        if self.admission().is_some() {
            // The caller does not wait for this.
            self.queue_lookup(Lookup::Reports(record.clone(), receipt.seq, reports));
        } else {
            // Without a store to ask, each report counts.
            reports.into_iter().for_each(counted);
        }
    }

    fn time_shortlist(&self, record: &Record) {
        let header = record.header();
        let is_shortlist = header.is(&EventType::SHORTLIST_GENERATED);
        if is_shortlist && header.request_id.is_some() && self.admission().is_some() {
            // The caller that recorded it does not wait for this.
            self.queue_lookup(Lookup::Shortlist(record.clone()));
        }
    }
}
