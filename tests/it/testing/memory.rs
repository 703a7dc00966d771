//! The store in memory; the store contract has it too.

use std::sync::Arc;

use moltbot_audit::store::AuditSink;
use moltbot_audit::testing::{MemoryStore, SteppedClock};

use crate::support::records::{fresh_request, morning, records};

#[tokio::test]
async fn what_was_recorded_is_shown_in_the_order_of_arrival() {
    let store = MemoryStore::new();
    assert!(store.is_empty());
    let (one, two) = (fresh_request(), fresh_request());
    let batches = [records(&one, 1), records(&two, 2), records(&one, 1)];
    for batch in &batches {
        store.append(batch).await.expect("memory does not fail");
        store.append(batch).await.expect("memory does not fail");
    }
    let ids = |records: &[moltbot_audit::record::Record]| {
        records.iter().map(moltbot_audit::record::Record::id).collect::<Vec<_>>()
    };
    assert_eq!(ids(&store.records()), ids(&batches.concat()));
    assert_eq!(store.len(), 4);
}

#[tokio::test]
async fn the_time_of_recording_is_the_given_clocks() {
    let store = MemoryStore::with_clock(Arc::new(SteppedClock::new(morning())));
    let appended = store.append(&records(&fresh_request(), 1)).await.expect("memory does not fail");
    assert_eq!(appended[0].expect("a receipt").recorded_at, morning());
}
