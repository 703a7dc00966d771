//! Recording in SQLite, against batches written by hand.

use std::fmt::Write;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use moltbot_audit::Auditor;
use moltbot_audit::record::Record;
use moltbot_audit::store::{AuditSink, SqliteStore};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, SqliteConnection};
use tempfile::TempDir;

use super::callers::record;
use super::rounds::compare;
use super::rows::{COLUMNS, events, seq, unsealed};
use super::table::Table;
use super::table::Target::AtLeast;
use super::{EVENTS_PER_BATCH, KEY, Size};

#[derive(Clone, Copy)]
enum Way {
    Record,
    Append,
    ByHand,
}

pub(crate) async fn measure(size: &Size, table: &mut Table) {
    let records = events(size.many);
    let run = async |way| {
        let (folder, store) = fresh().await;
        let per_second = match way {
            Way::Record => {
                let auditor = Auditor::builder(Arc::new(store.clone()), KEY).build();
                let recorded = record(&auditor, unsealed(0..records.len()), 1_024).await;
                assert_eq!(recorded.chained, records.len(), "the file is there");
                recorded.per_second
            }
            Way::Append => append(&store, &records).await,
            Way::ByHand => by_hand(&folder, &records).await,
        };
        store.close().await;
        per_second
    };
    // The rows by hand are sealed beforehand, as those are that are appended; what is recorded is not.
    for (name, way, target) in [
        ("SQLite: append, 500 a batch", Way::Append, Some(AtLeast(0.7))),
        ("SQLite: record, 1,024 callers", Way::Record, None),
    ] {
        let compared = compare(size.rounds, way, &[Way::ByHand], run).await;
        table.figure(name, compared.subject, "events/s");
        let by_hand = &compared.others[0];
        let (figure, ratio) = (by_hand.figure, by_hand.ratio);
        table.ratio("of INSERTs by hand, 500 rows each", figure, "events/s", ratio, target);
    }
}

/// A new file each time, so that every run begins with the same.
async fn fresh() -> (TempDir, SqliteStore) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = format!("sqlite://{}/audit.sqlite", folder.path().display());
    let store = SqliteStore::open(&url).await.expect("a new file");
    store.migrate().await.expect("the schema is brought up to date");
    (folder, store)
}

async fn append(store: &SqliteStore, records: &[Record]) -> f64 {
    let started = Instant::now();
    for batch in records.chunks(EVENTS_PER_BATCH) {
        let appended = store.append(batch).await.expect("the batch lands");
        assert!(appended.iter().all(Result::is_ok));
    }
    records.len() as f64 / started.elapsed().as_secs_f64()
}

/// Multi-row INSERTs, one a transaction, with the store's pragmas, into its table with its indexes.
///
/// As good as it gets by hand: the statement is written and prepared once. The rows were sealed
/// beforehand, and their JSON is text already; no stream is locked, read or moved on, and the chain is
/// a placeholder. UUIDs become text within the time, as they do in the store: the table holds them as
/// text, and whoever writes rows by hand has to turn them into it.
async fn by_hand(folder: &TempDir, records: &[Record]) -> f64 {
    static INSERT: LazyLock<String> = LazyLock::new(|| {
        let row = format!("({})", ["?"; 28].join(", "));
        let mut insert = format!("insert into audit_events ({COLUMNS}) values {row}");
        for _ in 1..EVENTS_PER_BATCH {
            write!(insert, ", {row}").expect("text takes all");
        }
        insert
    });
    let mut connection = SqliteConnectOptions::new()
        .filename(folder.path().join("audit.sqlite"))
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .disable_statement_logging()
        .connect()
        .await
        .expect("the file is there");
    let started = Instant::now();
    for (nth, batch) in records.chunks_exact(EVENTS_PER_BATCH).enumerate() {
        let rows = batch.iter().zip(nth * EVENTS_PER_BATCH..);
        insert(&mut connection, INSERT.as_str(), rows).await.expect("the rows land");
    }
    let per_second = records.len() as f64 / started.elapsed().as_secs_f64();
    connection.close().await.expect("the file closes");
    per_second
}

async fn insert<'a>(
    connection: &mut SqliteConnection,
    sql: &'static str,
    rows: impl Iterator<Item = (&'a Record, usize)>,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let mut insert = sqlx::query(AssertSqlSafe(sql));
    for (record, number) in rows {
        let (header, commitments) = (record.header(), record.commitments());
        insert = insert
            .bind(header.id.to_string())
            .bind(record.stream_id().to_string())
            .bind(header.request_id.map(|id| id.to_string()))
            .bind(header.conversation_id.map(|id| id.to_string()))
            .bind(&header.event_type)
            .bind(&header.actor)
            .bind(&header.outcome)
            .bind(&header.error_code)
            .bind(header.duration_ms)
            .bind(header.created_at.timestamp_micros())
            .bind(&header.trace_id)
            .bind(&header.span_id)
            .bind(header.caused_by.map(|id| id.to_string()))
            .bind(header.writer_id.map(|id| id.to_string()))
            .bind(header.version)
            .bind(record.canonical_input())
            .bind(record.canonical_output())
            .bind(record.idempotency_key())
            .bind(record.canonical_host_ids())
            .bind(record.salt().as_bytes().to_vec())
            .bind(commitments.input.as_bytes().as_slice())
            .bind(commitments.output.as_bytes().as_slice())
            .bind(commitments.idempotency_key.as_bytes().as_slice())
            .bind(commitments.host_ids.as_bytes().as_slice())
            .bind(record.event_hash().as_bytes().to_vec())
            .bind(seq(number))
            .bind(header.created_at.timestamp_micros())
            .bind(record.event_hash().as_bytes().to_vec());
    }
    insert.execute(&mut *transaction).await?;
    transaction.commit().await
}
