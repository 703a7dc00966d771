//! The store in memory; the store contract has it too.

use std::sync::Arc;

use moltbot_audit::StreamId;
use moltbot_audit::store::{
    AuditSink, AuditStore, BoxFuture, StoreError, StoreLayer, StreamHead, StreamSnapshot,
};
use moltbot_audit::testing::{MemoryStore, SteppedClock};

use crate::store::Fresh;
use crate::support::records::{fresh_request, morning, records};

/// Opens an empty store.
pub(crate) async fn open() -> Fresh {
    std::future::ready(Fresh { store: Arc::new(MemoryStore::new()), keep: Box::new(()) }).await
}

/// The same behind a layer that changes nothing.
pub(crate) async fn open_behind_a_layer() -> Fresh {
    let store = Arc::new(Layer(MemoryStore::new()));
    std::future::ready(Fresh { store, keep: Box::new(()) }).await
}

#[derive(Debug)]
struct Layer(MemoryStore);

impl StoreLayer for Layer {
    type Inner = MemoryStore;

    fn inner(&self) -> &MemoryStore {
        &self.0
    }
}

impl AuditStore for Layer {
    fn head(&self, stream_id: StreamId) -> BoxFuture<'_, Result<Option<StreamHead>, StoreError>> {
        self.0.head(stream_id)
    }

    fn read_stream(
        &self,
        stream_id: StreamId,
    ) -> BoxFuture<'_, Result<Option<StreamSnapshot>, StoreError>> {
        self.0.read_stream(stream_id)
    }
}

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
