//! What somebody tries who wants recording to lose, double, reorder, hang or grow.

mod crowd;
mod gaps;
mod limits;
mod listener;
mod maintenance;
mod model;
mod order;
mod receipts;
mod return_of_the_database;
mod sqlite_away;

use std::sync::Arc;
use std::time::Duration;

use moltbot_audit::Auditor;
use moltbot_audit::delivery::{QueueLimits, Spool};
use moltbot_audit::record::Record;
use moltbot_audit::redact::RedactionKey;
use moltbot_audit::testing::{FaultySink, MemoryStore};

use crate::support::wait::{LONG, until};

type Sink = FaultySink<MemoryStore>;

fn sink() -> Arc<Sink> {
    Arc::new(FaultySink::new(Arc::new(MemoryStore::new())))
}

fn auditor(sink: &Arc<Sink>, spool: Option<Spool>, limits: QueueLimits) -> Auditor {
    let builder = Auditor::builder(sink.clone(), RedactionKey::from_bytes([7; 32])).limits(limits);
    match spool {
        Some(spool) => builder.spool(spool).build(),
        None => builder.build(),
    }
}

fn waiting(wait: Duration) -> QueueLimits {
    QueueLimits::default().wait(wait)
}

/// The stored events of one type.
fn of_type(sink: &Sink, event_type: &str) -> Vec<Record> {
    let mut records = sink.inner().records();
    records.retain(|record| record.header().event_type == event_type);
    records
}
