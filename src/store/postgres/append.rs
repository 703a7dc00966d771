//! Appends a batch in one statement.
//!
//! Columns go in as arrays, and the answer is one row of arrays: a row for each event would cost the server
//! and the driver a quarter of what the batch costs. A column of nulls goes in as an empty array.

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgArguments, PgRow, Postgres};
use sqlx::query::Query;
use sqlx::{PgConnection, Row};
use tokio::time::timeout;
use uuid::Uuid;

use super::alone::{append_alone, record_sql};
use super::error::{Failure, unanswered};
use super::pooling::Pooling;
use super::statement::{Connections, STATEMENT_LIMIT, Sql, require_runtime};
use crate::proof::Digest;
use crate::record::{Receipt, Record, Role};
use crate::store::{Appended, Conflict, StoreError};

const APPEND: Sql =
    record_sql!("select statuses, seqs, recorded_ats, event_hashes, chain_hashes", "append_batch");

const APPEND_EFFECTS: Sql = record_sql!(
    "select statuses, seqs, recorded_ats, event_hashes, chain_hashes",
    "append_effects",
    "$23, $24"
);

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
        && record.role() != Role::Intent
        && record.waited().is_none()
        && let Some(receipt) = append_alone(connections, record).await?
    {
        return Ok(vec![Ok(receipt)]);
    }
    let rows = connections.fetch_all("append", |pooling| query(pooling, batch)).await?;
    // The batch has landed, even if its answer is wrong.
    verdicts(batch, &rows).map_err(|message| unanswered("read the receipts", message))
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
        // Refused outside a transaction, where the events would be recorded whatever becomes of the
        // host's change; and in a transaction that has failed.
        sqlx::raw_sql("savepoint moltbot_audit; release savepoint moltbot_audit")
            .execute(&mut *connection)
            .await?;
        query(Pooling::Transaction, batch).fetch_all(&mut *connection).await
    };
    let Ok(rows) = timeout(STATEMENT_LIMIT, answer).await else {
        return Err(unanswered("append", format!("no answer within {STATEMENT_LIMIT:?}")));
    };
    let rows = rows.map_err(|error| Failure::of("append", &error).error)?;
    verdicts(batch, &rows).map_err(|message| unanswered("read the receipts", message))
}

fn query(pooling: Pooling, batch: &[Record]) -> Query<'_, Postgres, PgArguments> {
    let columns = Columns::of(batch);
    // Entries of effects are looked for only where there may be some.
    let has_waited = batch.iter().any(|record| record.waited().is_some());
    let is_plain = !has_waited && batch.iter().all(|record| record.role() == Role::Event);
    let sql = if is_plain { APPEND } else { APPEND_EFFECTS };
    let query = sql
        .query_of_len(pooling, batch.iter().map(arguments_len).sum())
        .bind(columns.ids)
        .bind(columns.stream_ids)
        .bind(columns.request_ids)
        .bind(columns.conversation_ids)
        .bind(columns.event_types)
        .bind(columns.actors)
        .bind(columns.outcomes)
        .bind(columns.error_codes)
        .bind(columns.durations_ms)
        .bind(columns.created_ats)
        .bind(columns.trace_ids)
        .bind(columns.span_ids)
        .bind(columns.inputs)
        .bind(columns.outputs)
        .bind(columns.idempotency_keys)
        .bind(columns.host_ids)
        .bind(columns.salts)
        .bind(columns.input_commitments)
        .bind(columns.output_commitments)
        .bind(columns.key_commitments)
        .bind(columns.host_ids_commitments)
        .bind(columns.event_hashes);
    if is_plain { query } else { query.bind(roles(batch)).bind(waits(batch, has_waited)) }
}

fn waits(batch: &[Record], has_waited: bool) -> Vec<i64> {
    let wait = |record: &Record| {
        let waited = record.waited().unwrap_or_default();
        i64::try_from(waited.as_micros()).unwrap_or(i64::MAX)
    };
    if has_waited { batch.iter().map(wait).collect() } else { Vec::new() }
}

/// About how many bytes a record's columns take as arguments.
fn arguments_len(record: &Record) -> usize {
    // 22 lengths, 4 ids, 5 digests, a salt, a time, and the short texts.
    const BESIDE_PAYLOAD: usize = 512;
    record.payload_len() + record.idempotency_key().map_or(0, str::len) + BESIDE_PAYLOAD
}

fn roles(batch: &[Record]) -> Vec<&'static str> {
    let role = |record: &Record| match record.role() {
        Role::Intent => "intent",
        Role::Outcome => "outcome",
        Role::Event => "event",
    };
    batch.iter().map(role).collect()
}

/// Reads the answer: one row of arrays, in the order of the batch.
fn verdicts(batch: &[Record], rows: &[PgRow]) -> Result<Vec<Appended>, String> {
    let [row] = rows else { return Err(format!("{} answers for one batch", rows.len())) };
    let places = Places::of(row).map_err(|error| error.to_string())?;
    if !places.are_of(batch.len()) {
        return Err(format!("no receipt for each of {} events", batch.len()));
    }
    batch.iter().enumerate().map(|(nth, record)| places.verdict(nth, record)).collect()
}

/// Where the events of a batch stand.
struct Places {
    /// None where all are stored.
    statuses: Option<Vec<String>>,
    seqs: Vec<i64>,
    recorded_ats: Vec<DateTime<Utc>>,
    /// None where those stored are those offered.
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

    fn verdict(&self, nth: usize, record: &Record) -> Result<Appended, String> {
        let offered = record.event_hash();
        let hashes = self.event_hashes.as_ref();
        let stored = hashes.map_or(offered, |hashes| Digest::from_bytes(hashes[nth]));
        match self.statuses.as_ref().map_or("stored", |statuses| &statuses[nth]) {
            "conflict" => Ok(Err(Conflict { event_id: record.header().id, stored, offered })),
            "duplicate" | "stored" => {
                let chain_hash = Digest::from_bytes(self.chain_hashes[nth]);
                let (seq, recorded_at) = (self.seqs[nth], self.recorded_ats[nth]);
                Ok(Ok(Receipt::new(record, seq, recorded_at, stored, chain_hash)))
            }
            _ => Err("no status that is known".to_owned()),
        }
    }
}

pub(super) fn digest(row: &PgRow, column: &str) -> Result<Digest, sqlx::Error> {
    let bytes: &[u8] = row.try_get(column)?;
    Digest::try_from(bytes).map_err(|error| sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: error.into(),
    })
}

/// A batch turned on its side: one array a column, as the function takes it.
struct Columns<'a> {
    ids: Vec<Uuid>,
    stream_ids: Vec<Uuid>,
    request_ids: Vec<Option<Uuid>>,
    conversation_ids: Vec<Option<Uuid>>,
    event_types: Vec<&'a str>,
    actors: Vec<&'a str>,
    outcomes: Vec<&'a str>,
    error_codes: Vec<Option<&'a str>>,
    durations_ms: Vec<Option<i32>>,
    created_ats: Vec<DateTime<Utc>>,
    trace_ids: Vec<Option<&'a str>>,
    span_ids: Vec<Option<&'a str>>,
    inputs: Vec<Option<&'a str>>,
    outputs: Vec<Option<&'a str>>,
    idempotency_keys: Vec<Option<&'a str>>,
    host_ids: Vec<Option<&'a str>>,
    salts: Vec<[u8; 16]>,
    input_commitments: Vec<[u8; 32]>,
    output_commitments: Vec<[u8; 32]>,
    key_commitments: Vec<[u8; 32]>,
    host_ids_commitments: Vec<[u8; 32]>,
    event_hashes: Vec<[u8; 32]>,
}

impl<'a> Columns<'a> {
    fn of(batch: &'a [Record]) -> Self {
        fn column<'a, T>(batch: &'a [Record], of: impl Fn(&'a Record) -> T) -> Vec<T> {
            batch.iter().map(of).collect()
        }
        /// Empty where there are only nulls, which the function takes for the same.
        fn nullable<'a, T>(
            batch: &'a [Record],
            of: impl Fn(&'a Record) -> Option<T>,
        ) -> Vec<Option<T>> {
            let has_any = batch.iter().any(|record| of(record).is_some());
            if has_any { column(batch, of) } else { Vec::new() }
        }
        Self {
            ids: column(batch, |r| r.header().id),
            stream_ids: column(batch, |r| r.stream_id().uuid()),
            request_ids: nullable(batch, |r| r.header().request_id),
            conversation_ids: nullable(batch, |r| r.header().conversation_id),
            event_types: column(batch, |r| r.header().event_type.as_str()),
            actors: column(batch, |r| r.header().actor.as_str()),
            outcomes: column(batch, |r| r.header().outcome.as_str()),
            error_codes: nullable(batch, |r| r.header().error_code.as_deref()),
            durations_ms: nullable(batch, |r| r.header().duration_ms),
            created_ats: column(batch, |r| r.header().created_at),
            trace_ids: nullable(batch, |r| r.header().trace_id.as_deref()),
            span_ids: nullable(batch, |r| r.header().span_id.as_deref()),
            inputs: nullable(batch, Record::canonical_input),
            outputs: nullable(batch, Record::canonical_output),
            idempotency_keys: nullable(batch, Record::idempotency_key),
            host_ids: nullable(batch, Record::canonical_host_ids),
            salts: column(batch, |r| *r.salt().as_bytes()),
            input_commitments: column(batch, |r| *r.commitments().input.as_bytes()),
            output_commitments: column(batch, |r| *r.commitments().output.as_bytes()),
            key_commitments: column(batch, |r| *r.commitments().idempotency_key.as_bytes()),
            host_ids_commitments: column(batch, |r| *r.commitments().host_ids.as_bytes()),
            event_hashes: column(batch, |r| *r.event_hash().as_bytes()),
        }
    }
}
