//! A store without a database.

mod admission;
mod effects;
mod find;
mod switches;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, SubsecRound, Utc};
use tokio::sync::Notify;
use uuid::Uuid;

use self::effects::Effects;
use crate::auditor::{Clock, SystemClock};
use crate::event::{EventId, EventType, StreamId};
use crate::proof::{chain_hash, stream_start};
use crate::record::{Header, Receipt, Record, StoredRecord};
use crate::redact::KeyFingerprint;
use crate::store::admission::rules::{check_appended, foreign_outcome};
use crate::store::admission::{AdmissionStore, EarlierEvent};
use crate::store::{
    Appended, AuditSink, AuditStore, BoxFuture, Conflict, ListedStream, RequestCursor, StoreError,
    StreamHead, StreamScope, StreamSnapshot,
};

/// Keeps records in memory, chained, under the contract of [`AuditStore`] except durability.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
///
/// use moltbot_audit::redact::RedactionKey;
/// use moltbot_audit::testing::MemoryStore;
/// use moltbot_audit::{Actor, AuditEvent, Auditor, EventType};
///
/// let store = Arc::new(MemoryStore::new());
/// let auditor = Auditor::builder(store.clone(), RedactionKey::from_bytes([7; 32])).build();
/// auditor.record(AuditEvent::new(EventType::REQUEST_CREATED, Actor::System)).await?;
/// assert_eq!(store.records()[0].header().event_type, "request.created");
/// # Ok(())
/// # }
/// ```
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    kept: Mutex<Kept>,
    switch_moved: Notify,
}

#[derive(Default)]
struct Kept {
    /// In the order of arrival.
    rows: Vec<(Record, Receipt)>,
    /// Where in `rows` an event is.
    by_id: HashMap<Uuid, usize>,
    heads: HashMap<StreamId, StreamHead>,
    /// When each stream was first heard of.
    heard_at: HashMap<StreamId, DateTime<Utc>>,
    effects: Effects,
}

impl MemoryStore {
    /// Starts empty, with the system's clock.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock::new()))
    }

    /// Starts empty, with this clock for `recorded_at`.
    #[must_use]
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self { clock, kept: Mutex::default(), switch_moved: Notify::new() }
    }

    /// Everything that was recorded, in the order of arrival.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.with(|kept| kept.rows.iter().map(|(record, _)| record.clone()).collect())
    }

    /// How many events were recorded.
    #[must_use]
    pub fn len(&self) -> usize {
        self.with(|kept| kept.rows.len())
    }

    /// True if nothing was recorded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends records as [`append`](AuditSink::append) does, and also the library's own events
    /// that a store never appends on their own, as the owner of a database could.
    pub fn forge(&self, batch: &[Record]) -> Vec<Appended> {
        self.with(|kept| kept.append_all(batch, || self.now()))
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now().trunc_subsecs(6)
    }

    fn with<T>(&self, look: impl FnOnce(&mut Kept) -> T) -> T {
        look(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Kept {
    /// The last of the events before a place that are of these types.
    fn events_before(
        &self,
        stream_id: StreamId,
        seq: i64,
        event_types: &[EventType],
    ) -> Vec<EarlierEvent> {
        let is_asked_for = |(record, receipt): &&(Record, Receipt)| {
            let event_type = &record.header().event_type;
            record.stream_id() == stream_id
                && receipt.seq < seq
                && event_types.iter().any(|asked| asked.as_str() == event_type)
        };
        let last = self.rows.iter().rev().filter(is_asked_for).take(EarlierEvent::MAX as usize);
        let mut events: Vec<_> = last.map(|(record, _)| record.into()).collect();
        events.reverse();
        events
    }

    /// Appends a batch under one lock, as a transaction has it.
    fn append_all(&mut self, batch: &[Record], now: impl Fn() -> DateTime<Utc>) -> Vec<Appended> {
        batch.iter().map(|record| self.append(record, now())).collect()
    }

    /// Before anything of the batch is appended: there is no rollback here.
    fn check_outcomes(&self, batch: &[Record]) -> Result<(), StoreError> {
        let is_own = |record: &Record| {
            !record.is_outcome()
                || self.row(record.header().id).is_some()
                || self.effects.may_end_by(record.header())
        };
        if batch.iter().all(is_own) { Ok(()) } else { Err(foreign_outcome()) }
    }

    /// Appends a record, with what it does to its effect's entry.
    fn append(&mut self, record: &Record, now: DateTime<Utc>) -> Appended {
        let is_new = self.row(record.header().id).is_none();
        let receipt = self.chain(record, now)?;
        if is_new {
            self.effects.follow(record, now);
        }
        Ok(receipt)
    }

    fn row(&self, event_id: Uuid) -> Option<&(Record, Receipt)> {
        self.rows.get(*self.by_id.get(&event_id)?)
    }

    fn chain(&mut self, record: &Record, now: DateTime<Utc>) -> Appended {
        if let Some((stored, receipt)) = self.row(record.header().id) {
            if is_same(stored, record) {
                let Receipt { seq, recorded_at, event_hash, chain_hash, .. } = *receipt;
                // A record that is sent again has its salt still.
                let is_duplicate = stored.salt() != record.salt();
                return Ok(Receipt::new(
                    record,
                    seq,
                    recorded_at,
                    event_hash,
                    chain_hash,
                    is_duplicate,
                ));
            }
            let (event_id, offered) = (record.header().id, record.event_hash());
            return Err(Conflict { event_id, stored: stored.event_hash(), offered });
        }
        let stream_id = record.stream_id();
        let head = self.heads.entry(stream_id).or_insert_with(|| StreamHead {
            seq: 0,
            chain_hash: stream_start(*stream_id.uuid().as_bytes()),
            started_at: now,
            last_at: now,
        });
        let now = now.max(head.last_at);
        head.seq += 1;
        head.chain_hash = chain_hash(head.chain_hash, record.event_hash(), head.seq, now);
        head.last_at = now;
        let received_at = now - record.waited().unwrap_or_default();
        let heard_at = self.heard_at.entry(stream_id).or_insert(received_at);
        *heard_at = received_at.min(*heard_at);
        let receipt =
            Receipt::new(record, head.seq, now, record.event_hash(), head.chain_hash, false);
        self.by_id.insert(record.header().id, self.rows.len());
        self.rows.push((record.clone(), receipt));
        Ok(receipt)
    }

    fn snapshot(&self, stream_id: StreamId) -> Option<StreamSnapshot> {
        let head = *self.heads.get(&stream_id)?;
        let rows = self.rows.iter().filter(|(record, _)| record.stream_id() == stream_id);
        Some(StreamSnapshot { head, records: rows.map(stored).collect(), unreadable: Vec::new() })
    }
}

/// An event sealed again has a new salt, and so another hash, over the same content.
fn is_same(stored: &Record, offered: &Record) -> bool {
    // Another process may try again.
    let by_anyone = |record: &Record| Header { writer_id: None, ..record.header().clone() };
    stored.event_hash() == offered.event_hash()
        || (by_anyone(stored) == by_anyone(offered)
            && stored.canonical_input() == offered.canonical_input()
            && stored.canonical_output() == offered.canonical_output()
            && stored.idempotency_key() == offered.idempotency_key()
            && stored.canonical_host_ids() == offered.canonical_host_ids())
}

fn stored((record, receipt): &(Record, Receipt)) -> StoredRecord {
    StoredRecord {
        header: record.header().clone(),
        input: record.input(),
        output: record.output(),
        idempotency_key: record.idempotency_key().map(str::to_owned),
        host_ids: record.host_ids(),
        salt: record.salt(),
        commitments: *record.commitments(),
        event_hash: record.event_hash(),
        seq: receipt.seq,
        recorded_at: receipt.recorded_at,
        chain_hash: receipt.chain_hash,
    }
}

impl AuditSink for MemoryStore {
    fn append<'a>(
        &'a self,
        batch: &'a [Record],
    ) -> BoxFuture<'a, Result<Vec<Appended>, StoreError>> {
        Box::pin(async move {
            check_appended(batch)?;
            self.with(|kept| {
                kept.check_outcomes(batch)?;
                Ok(kept.append_all(batch, || self.now()))
            })
        })
    }

    fn reader(&self) -> Option<&dyn AuditStore> {
        Some(self)
    }

    fn admission(&self) -> Option<&dyn AdmissionStore> {
        Some(self)
    }
}

impl AuditStore for MemoryStore {
    fn head(&self, stream_id: StreamId) -> BoxFuture<'_, Result<Option<StreamHead>, StoreError>> {
        Box::pin(async move { Ok(self.with(|kept| kept.heads.get(&stream_id).copied())) })
    }

    fn read_stream(
        &self,
        stream_id: StreamId,
    ) -> BoxFuture<'_, Result<Option<StreamSnapshot>, StoreError>> {
        Box::pin(async move { Ok(self.with(|kept| kept.snapshot(stream_id))) })
    }

    fn read_events<'a>(
        &'a self,
        stream_id: StreamId,
        ids: &'a [EventId],
    ) -> BoxFuture<'a, Result<Vec<StoredRecord>, StoreError>> {
        Box::pin(async move {
            let snapshot = self.with(|kept| kept.snapshot(stream_id));
            let mut records = snapshot.map_or_else(Vec::new, |snapshot| snapshot.records);
            records.retain(|record| ids.iter().any(|id| id.uuid() == record.header.id));
            Ok(records)
        })
    }

    fn read_events_of<'a>(
        &'a self,
        stream_id: StreamId,
        event_types: &'a [EventType],
    ) -> BoxFuture<'a, Result<Vec<StoredRecord>, StoreError>> {
        Box::pin(async move {
            let snapshot = self.with(|kept| kept.snapshot(stream_id));
            let mut records = snapshot.map_or_else(Vec::new, |snapshot| snapshot.records);
            let is_of = |record: &StoredRecord| {
                event_types.iter().any(|of| of.as_str() == record.header.event_type)
            };
            records.retain(is_of);
            Ok(records)
        })
    }

    fn list_streams<'a>(
        &'a self,
        scope: &'a StreamScope,
        after: Option<RequestCursor>,
        max: u32,
    ) -> BoxFuture<'a, Result<Vec<ListedStream>, StoreError>> {
        Box::pin(
            async move { Ok(self.with(|kept| kept.list(self.now(), scope, after, max as usize))) },
        )
    }
    fn key_in_use(&self) -> BoxFuture<'_, Result<Option<KeyFingerprint>, StoreError>> {
        Box::pin(async move { Ok(self.with(|kept| kept.effects.key)) })
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("events", &self.len()).finish_non_exhaustive()
    }
}
