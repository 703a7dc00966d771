//! Implements `AuditSink` and `AuditStore`.

use sqlx::sqlite::SqlitePool;

use super::admission::key_in_use;
use super::row::Row;
use super::{SqliteStore, append, chain, error, list_streams, read};
use crate::event::{EventId, EventType, StreamId};
use crate::record::{Record, StoredRecord};
use crate::redact::KeyFingerprint;
use crate::store::admission::AdmissionStore;
use crate::store::admission::rules::check_appended;
use crate::store::{
    Appended, AuditSink, AuditStore, BoxFuture, ListedStream, RequestCursor, StoreError,
    StreamHead, StreamScope, StreamSnapshot,
};

impl AuditSink for SqliteStore {
    fn append<'a>(
        &'a self,
        batch: &'a [Record],
    ) -> BoxFuture<'a, Result<Vec<Appended>, StoreError>> {
        Box::pin(async move {
            if batch.is_empty() {
                return Ok(Vec::new());
            }
            check_appended(batch)?;
            // Encoded here, so that no JSON is written while the lock is held.
            let rows: Vec<Row> = batch.iter().map(Row::from).collect();
            let append = async move |writer: SqlitePool| append::append(&writer, &rows).await;
            let placed = self.write(chain::DOING, append).await.map_err(error::for_all_streams)?;
            let results = batch.iter().zip(placed);
            Ok(results.map(|(record, placed)| placed.map(|at| at.receipt(record))).collect())
        })
    }

    fn reader(&self) -> Option<&dyn AuditStore> {
        Some(self)
    }

    fn admission(&self) -> Option<&dyn AdmissionStore> {
        Some(self)
    }
}

impl AuditStore for SqliteStore {
    fn head(&self, stream_id: StreamId) -> BoxFuture<'_, Result<Option<StreamHead>, StoreError>> {
        Box::pin(read::read_head(&self.readers, stream_id))
    }

    fn read_stream(
        &self,
        stream_id: StreamId,
    ) -> BoxFuture<'_, Result<Option<StreamSnapshot>, StoreError>> {
        Box::pin(read::read_stream(&self.readers, stream_id))
    }

    fn read_events<'a>(
        &'a self,
        stream_id: StreamId,
        ids: &'a [EventId],
    ) -> BoxFuture<'a, Result<Vec<StoredRecord>, StoreError>> {
        Box::pin(read::read_events(&self.readers, stream_id, ids))
    }

    fn read_events_of<'a>(
        &'a self,
        stream_id: StreamId,
        event_types: &'a [EventType],
    ) -> BoxFuture<'a, Result<Vec<StoredRecord>, StoreError>> {
        Box::pin(read::read_events_of(&self.readers, stream_id, event_types))
    }

    fn list_streams<'a>(
        &'a self,
        scope: &'a StreamScope,
        after: Option<RequestCursor>,
        max: u32,
    ) -> BoxFuture<'a, Result<Vec<ListedStream>, StoreError>> {
        Box::pin(list_streams::list_streams(&self.readers, scope, after, max))
    }

    fn key_in_use(&self) -> BoxFuture<'_, Result<Option<KeyFingerprint>, StoreError>> {
        Box::pin(key_in_use(&self.readers))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(SqliteStore::close(self))
    }
}
