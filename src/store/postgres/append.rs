//! Appends a batch in one statement.
//!
//! Columns go in as arrays, and the answer is one row of arrays: a row for each event would cost the server
//! and the driver a quarter of what the batch costs. A column of nulls goes in as an empty array.
//!
//! A single event is common, and has a function of its own: it saves the block in which a batch looks for
//! duplicates. If the event's id is known, that function fails and we fall back to the batch.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use tokio::time::timeout;

use super::cells::digest;
use super::connections::{Connections, STATEMENT_LIMIT, require_runtime};
use super::error::{Failure, Remedy, unanswered};
use super::pooling::Pooling;
use super::record_columns::{bind_batch, bind_record, record_sql};
use super::sql::{PgQuery, Sql};
use crate::proof::Digest;
use crate::record::{Receipt, Record, Role};
use crate::store::{Appended, Conflict, StoreError};

const APPEND: Sql =
    record_sql!("select statuses, seqs, recorded_ats, event_hashes, chain_hashes", "append_batch");

const APPEND_EFFECTS: Sql = record_sql!(
    "select statuses, seqs, recorded_ats, event_hashes, chain_hashes",
    "append_effects",
    "$25, $26"
);

const APPEND_ALONE: Sql = record_sql!("select seq, recorded_at, chain_hash", "append_alone", "$25");

/// Appends a batch in a transaction of its own: a crash or a dropped future leaves either the whole
/// batch or nothing, and the same batch again is safe in both cases.
pub(super) async fn append(
    connections: &Connections,
    batch: &[Record],
) -> Result<Vec<Appended>, StoreError> {
    if batch.is_empty() {
        return Ok(Vec::new());
    }
    if let [record] = batch
        && !record.is_intent()
        && record.waited().is_none()
        && let Some(receipt) = append_alone(connections, record).await?
    {
        return Ok(vec![Ok(receipt)]);
    }
    let rows = connections.fetch_all("append", |pooling| query(pooling, batch)).await?;
    // The batch has landed, even if its answer is wrong.
    receipts(batch, &rows).map_err(|message| unanswered("read the receipts", message))
}

/// Appends one event, or one outcome. `None`, with nothing written, if its id is known: the batch's
/// statement then says whether it is the same event.
async fn append_alone(
    connections: &Connections,
    record: &Record,
) -> Result<Option<Receipt>, StoreError> {
    let is_outcome = record.role() == Role::Outcome;
    let query = |pooling| bind_record(APPEND_ALONE, pooling, record).bind(is_outcome);
    let rows = match connections.try_fetch_all("append", query).await {
        Ok(rows) => rows,
        Err(failure) if failure.remedy == Remedy::Look => return Ok(None),
        Err(failure) => return Err(failure.error),
    };
    // The event has landed, even if the answer is wrong.
    let [row] = &rows[..] else {
        let message = format!("{} receipts for 1 event", rows.len());
        return Err(unanswered("read the receipts", message));
    };
    let receipt = receipt(record, row);
    receipt.map(Some).map_err(|error| unanswered("read the receipts", error.to_string()))
}

fn receipt(record: &Record, row: &PgRow) -> Result<Receipt, sqlx::Error> {
    let (seq, recorded_at) = (row.try_get("seq")?, row.try_get("recorded_at")?);
    let chain_hash = digest(row, "chain_hash")?;
    Ok(Receipt::new(record, seq, recorded_at, record.event_hash(), chain_hash, false))
}

/// Appends a batch in the caller's transaction, whose connection may be of any kind.
pub(super) async fn append_in(
    connection: &mut PgConnection,
    batch: &[Record],
) -> Result<Vec<Appended>, StoreError> {
    require_runtime("append")?;
    if batch.is_empty() {
        return Ok(Vec::new());
    }
    let answer = async {
        // Fails outside a transaction, where the events would be recorded even if the host's change is not,
        // and in a transaction that has failed.
        sqlx::raw_sql("savepoint moltbot_audit; release savepoint moltbot_audit")
            .execute(&mut *connection)
            .await?;
        query(Pooling::Transaction, batch).fetch_all(&mut *connection).await
    };
    let Ok(rows) = timeout(STATEMENT_LIMIT, answer).await else {
        return Err(unanswered("append", format!("no answer within {STATEMENT_LIMIT:?}")));
    };
    let rows = rows.map_err(|error| Failure::of("append", &error).error)?;
    receipts(batch, &rows).map_err(|message| unanswered("read the receipts", message))
}

fn query(pooling: Pooling, batch: &[Record]) -> PgQuery<'_> {
    // The database looks for entries of effects only if there may be some.
    let has_waited = batch.iter().any(|record| record.waited().is_some());
    if !has_waited && batch.iter().all(|record| record.role() == Role::Event) {
        return bind_batch(APPEND, pooling, batch);
    }
    let query = bind_batch(APPEND_EFFECTS, pooling, batch);
    query.bind(roles(batch)).bind(waits(batch, has_waited))
}

fn roles(batch: &[Record]) -> Vec<&'static str> {
    let role = |record: &Record| match record.role() {
        Role::Intent => "intent",
        Role::Outcome => "outcome",
        Role::Event => "event",
    };
    batch.iter().map(role).collect()
}

fn waits(batch: &[Record], has_waited: bool) -> Vec<i64> {
    let wait = |record: &Record| {
        let waited = record.waited().unwrap_or_default();
        i64::try_from(waited.as_micros()).unwrap_or(i64::MAX)
    };
    if has_waited { batch.iter().map(wait).collect() } else { Vec::new() }
}

/// Reads the answer: one row of arrays, in the order of the batch.
fn receipts(batch: &[Record], rows: &[PgRow]) -> Result<Vec<Appended>, String> {
    let [row] = rows else { return Err(format!("{} answers for one batch", rows.len())) };
    let places = Places::of(row).map_err(|error| error.to_string())?;
    if !places.are_of(batch.len()) {
        return Err(format!("no receipt for each of {} events", batch.len()));
    }
    batch.iter().enumerate().map(|(nth, record)| places.receipt(nth, record)).collect()
}

/// The places of the events of a batch, as arrays.
struct Places {
    /// None if all were stored now.
    statuses: Option<Vec<String>>,
    seqs: Vec<i64>,
    recorded_ats: Vec<DateTime<Utc>>,
    /// None if they equal those offered.
    event_hashes: Option<Vec<[u8; 32]>>,
    chain_hashes: Vec<[u8; 32]>,
}

impl Places {
    fn of(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            statuses: row.try_get("statuses")?,
            seqs: row.try_get("seqs")?,
            recorded_ats: row.try_get("recorded_ats")?,
            event_hashes: row.try_get("event_hashes")?,
            chain_hashes: row.try_get("chain_hashes")?,
        })
    }

    fn are_of(&self, len: usize) -> bool {
        self.statuses.as_ref().is_none_or(|statuses| statuses.len() == len)
            && self.event_hashes.as_ref().is_none_or(|hashes| hashes.len() == len)
            && [self.seqs.len(), self.recorded_ats.len(), self.chain_hashes.len()] == [len; 3]
    }

    fn receipt(&self, nth: usize, record: &Record) -> Result<Appended, String> {
        let offered = record.event_hash();
        let hashes = self.event_hashes.as_ref();
        let stored = hashes.map_or(offered, |hashes| Digest::from_bytes(hashes[nth]));
        match self.statuses.as_ref().map_or("stored", |statuses| &statuses[nth]) {
            "conflict" => Ok(Err(Conflict { event_id: record.header().id, stored, offered })),
            status @ ("again" | "duplicate" | "stored") => {
                let chain_hash = Digest::from_bytes(self.chain_hashes[nth]);
                let (seq, recorded_at) = (self.seqs[nth], self.recorded_ats[nth]);
                let is_duplicate = status == "duplicate";
                Ok(Ok(Receipt::new(record, seq, recorded_at, stored, chain_hash, is_duplicate)))
            }
            _ => Err("no status that is known".to_owned()),
        }
    }
}
