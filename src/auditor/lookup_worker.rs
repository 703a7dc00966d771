//! Looks up in the store what the metrics need about stored events.

use std::sync::{Arc, Weak};

use tokio::runtime::Handle;

use super::lookups::{Lookup, counted};
use super::{Auditor, Shared};
use crate::observe::{self, Report, table};
use crate::record::Record;
use crate::store::admission::EarlierEvent;
use crate::store::log_line::log_line;

/// Held by the worker. If its runtime ends first, the next lookup starts another worker.
struct Worker {
    shared: Weak<Shared>,
    /// It ended because no lookup was left; another worker may run by now.
    is_done: bool,
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade().filter(|_| !self.is_done) {
            shared.lookups.lost_worker();
        }
    }
}

async fn work(mut worker: Worker) {
    // The host may drop its auditor meanwhile.
    while let Some(shared) = worker.shared.upgrade() {
        let Some(lookup) = shared.lookups.next() else {
            worker.is_done = true;
            return;
        };
        Auditor { shared }.look_up(lookup).await;
    }
}

impl Auditor {
    /// Queues a lookup. The caller does not wait for the answer. Outside a runtime there is none.
    pub(super) fn queue_lookup(&self, lookup: Lookup) {
        let Ok(runtime) = Handle::try_current() else { return lookup.unanswered() };
        if self.shared.lookups.push(lookup) {
            // The lookups are not locked here: a runtime that is stopping drops the worker at once, which locks them.
            let shared = Arc::downgrade(&self.shared);
            runtime.spawn(work(Worker { shared, is_done: false }));
        }
    }

    async fn look_up(&self, lookup: Lookup) {
        match lookup {
            Lookup::Reports(record, seq, reports) => {
                self.count_if_first(&record, seq, reports).await;
            }
            Lookup::Rejection(record, receipt) => {
                self.stop_after_rejections(&record, &receipt).await;
            }
            Lookup::Shortlist(record) => self.measure_shortlist(&record).await,
        }
    }

    /// Measures the time to a shortlist, if it is its request's first: which process has seen the
    /// request's first event is not known, so the store is asked.
    async fn measure_shortlist(&self, record: &Record) {
        let Some(store) = self.admission() else { return };
        let stream_id = record.stream_id();
        let reading = self.call(store, self.deadline(), "read the first shortlist", |store| {
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
    async fn count_if_first(&self, record: &Record, seq: i64, mut reports: Vec<Report>) {
        // All reports of one record need the same earlier events.
        if let (Some(store), Some(first)) = (self.admission(), reports.first()) {
            let (stream_id, doing) = (record.stream_id(), "read earlier reports");
            let needs = first.needs();
            let reading = self.call(store, self.deadline(), doing, |store| {
                store.events_before(stream_id, seq, needs)
            });
            match reading.await {
                Ok(earlier) => {
                    let event = EarlierEvent::from(record);
                    reports.retain(|report| report.is_first(&event, &earlier));
                }
                Err(error) => log_line!(warn, %error, "a report may be counted twice"),
            }
        }
        reports.into_iter().for_each(counted);
    }
}
