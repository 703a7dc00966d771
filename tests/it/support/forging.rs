//! A store that takes what no store takes from a host, as one does whose owner forges.

use std::sync::Arc;

use moltbot_audit::auditor::Clock;
use moltbot_audit::record::{Record, StoredRecord};
use moltbot_audit::store::{
    Appended, AuditSink, AuditStore, BoxFuture, StoreError, StreamHead, StreamSnapshot,
};
use moltbot_audit::testing::MemoryStore;
use moltbot_audit::{EventId, StreamId};

#[derive(Debug, Default)]
pub(crate) struct ForgingStore(MemoryStore);

impl ForgingStore {
    pub(crate) fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self(MemoryStore::with_clock(clock))
    }
}

impl AuditSink for ForgingStore {
    fn append<'a>(
        &'a self,
        batch: &'a [Record],
    ) -> BoxFuture<'a, Result<Vec<Appended>, StoreError>> {
        Box::pin(async move { Ok(self.0.forge(batch)) })
    }
}

impl AuditStore for ForgingStore {
    fn head(&self, stream_id: StreamId) -> BoxFuture<'_, Result<Option<StreamHead>, StoreError>> {
        self.0.head(stream_id)
    }

    fn read_stream(
        &self,
        stream_id: StreamId,
    ) -> BoxFuture<'_, Result<Option<StreamSnapshot>, StoreError>> {
        self.0.read_stream(stream_id)
    }

    fn read_events<'a>(
        &'a self,
        stream_id: StreamId,
        ids: &'a [EventId],
    ) -> BoxFuture<'a, Result<Vec<StoredRecord>, StoreError>> {
        self.0.read_events(stream_id, ids)
    }
}
