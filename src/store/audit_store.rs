//! The storage traits: what takes records, and what reads them.

use std::fmt;

use chrono::{DateTime, Utc};

#[cfg(feature = "recorder")]
use super::admission::AdmissionStore;
use super::{BoxFuture, Conflict, ListedStream, RequestCursor, StoreError, StreamScope};
use crate::event::{EventId, EventType, StreamId};
use crate::proof::Digest;
use crate::record::{Receipt, Record, StoredRecord, UnreadableRecord};
use crate::redact::KeyFingerprint;

/// The result for one record of a batch.
pub type Appended = Result<Receipt, Conflict>;

/// The write side: takes sealed records, and chains them.
///
/// An implementation guarantees:
/// - When `append` returns `Ok`, every record with a receipt is durable and chained.
/// - A stream's `seq` runs 1, 2, 3, … without a gap, in the order of the batch, even if other callers
///   append to it at the same time, in this process or another.
/// - A record whose event is already stored with the same content is not stored again: its receipt is
///   the first one. With other content it is a [`Conflict`], and the rest of the batch still lands. If
///   one id stands in two streams of one batch, either may be the one that counts.
/// - `effect.admitted` is appended as an [intent](Record::is_intent), and no other event is
///   one. `effect.expired`, `effect.resolved` and `switch.*` are [`StoreError::Refused`] here:
///   the functions of `AdmissionStore` that do what they report append them.
/// - When `append` returns `Err`, the batch as a whole may or may not have landed (the connection may
///   have died after the commit). The caller appends the same records again.
///
/// # Cancel safety
/// After dropping the future, as after an error, it is open whether the batch lands. `Auditor`
/// drops it only if it took longer than the host's call limit, or when a shutdown interrupts a
/// drain, and appends the records again.
pub trait AuditSink: fmt::Debug + Send + Sync {
    /// Appends a batch. The results are in the order of `batch`.
    ///
    /// # Errors
    /// [`StoreError`] if the batch as a whole could not be written.
    fn append<'a>(
        &'a self,
        batch: &'a [Record],
    ) -> BoxFuture<'a, Result<Vec<Appended>, StoreError>>;

    /// Until when the store has partitions for events; `None` if it needs none. Default: `None`.
    ///
    /// # Errors
    /// [`StoreError`].
    fn prepared_until(&self) -> BoxFuture<'_, Result<Option<DateTime<Utc>>, StoreError>> {
        Box::pin(async { Ok(None) })
    }

    /// Prepares partitions for the coming months. An `Auditor` calls it every hour beside live
    /// traffic, so appends must not wait for it. Default: does nothing.
    ///
    /// # Errors
    /// [`StoreError`]. Recording goes on.
    fn prepare(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async { Ok(()) })
    }

    /// The same database, if it can also be read. Default: `None`, and an auditor plans and runs no undo.
    fn reader(&self) -> Option<&dyn AuditStore> {
        None
    }

    /// The same database, if it also decides what may run. Default: `None`, and effects with a
    /// switch or a budget are refused.
    #[cfg(feature = "recorder")]
    fn admission(&self) -> Option<&dyn AdmissionStore> {
        None
    }
}

/// The read side.
pub trait AuditStore: AuditSink {
    /// Looks up a stream's head, without its records. `None` if no event was ever appended to it.
    ///
    /// This reads the stream's row only. If the row was removed, [`read_stream`](Self::read_stream)
    /// still finds the records.
    ///
    /// # Errors
    /// As [`read_stream`](Self::read_stream).
    fn head(&self, stream_id: StreamId) -> BoxFuture<'_, Result<Option<StreamHead>, StoreError>>;

    /// Reads a whole stream, in the order of `seq`, from one consistent snapshot. `None` if no
    /// event was ever appended to it.
    ///
    /// # Errors
    /// [`StoreError::Malformed`] if the place of a row in the chain cannot be read, else as the database
    /// fails.
    fn read_stream(
        &self,
        stream_id: StreamId,
    ) -> BoxFuture<'_, Result<Option<StreamSnapshot>, StoreError>>;

    /// Reads single events of a stream, in any order. Events that are not there, or that cannot be read, are left out.
    /// Default: none, and packs then do not know their writers.
    ///
    /// # Errors
    /// As the database fails.
    fn read_events<'a>(
        &'a self,
        _stream_id: StreamId,
        _ids: &'a [EventId],
    ) -> BoxFuture<'a, Result<Vec<StoredRecord>, StoreError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// Reads the events of these types of a stream, in any order. Events that cannot be read are left out. Default: none,
    /// and packs then show no takeover of a conversation.
    ///
    /// # Errors
    /// As the database fails.
    fn read_events_of<'a>(
        &'a self,
        _stream_id: StreamId,
        _event_types: &'a [EventType],
    ) -> BoxFuture<'a, Result<Vec<StoredRecord>, StoreError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// Lists at most `max` streams after `after`, most recent first, for [`find_requests`](super::find_requests).
    /// Default: an error.
    ///
    /// # Errors
    /// As the database fails.
    fn list_streams<'a>(
        &'a self,
        _scope: &'a StreamScope,
        _after: Option<RequestCursor>,
        _max: u32,
    ) -> BoxFuture<'a, Result<Vec<ListedStream>, StoreError>> {
        let advice = "this store lists no streams: ask the store behind it";
        Box::pin(async move { Err(StoreError::database("list streams", advice)) })
    }

    /// The fingerprint of the redaction key that the database belongs to; `None` if it has none yet. Unlike an auditor,
    /// this gives it none. Default: `None`, and a search with a wrong key finds nothing.
    ///
    /// # Errors
    /// As the database fails.
    fn key_in_use(&self) -> BoxFuture<'_, Result<Option<KeyFingerprint>, StoreError>> {
        Box::pin(async { Ok(None) })
    }

    /// Waits for calls in flight and closes the database. Later calls fail. Without it, an embedded
    /// database keeps its write-ahead log beside it. Default: does nothing.
    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

/// A snapshot of a stream: its head as the database keeps it, and every record.
#[derive(Clone, Debug)]
pub struct StreamSnapshot {
    /// The stream's head.
    pub head: StreamHead,
    /// The rows, in the order of `seq`.
    pub records: Vec<StoredRecord>,
    /// Rows of which only the place in the chain is readable, in the order of `seq`.
    pub unreadable: Vec<UnreadableRecord>,
}

/// A stream's head, which the database keeps beside the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamHead {
    /// The last place assigned.
    pub seq: i64,
    /// The chain up to there.
    pub chain_hash: Digest,
    /// The database's time of the first event.
    pub started_at: DateTime<Utc>,
    /// The database's time of the last event.
    pub last_at: DateTime<Utc>,
}
