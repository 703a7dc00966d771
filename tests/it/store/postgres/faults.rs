//! What the Postgres store says when the database is away, refuses, or was tampered with.

mod alone;
mod arguments;
mod at_hand;
mod causes;
mod limits;
mod lock_order;
mod same_id;
mod server_log;
mod set_back;
mod urls;

use std::error::Error;
use std::process::Command;
use std::time::Duration;

use moltbot_audit::store::{
    AuditSink, AuditStore, Pooling, PostgresStore, StoreError, StreamSnapshot,
};
use moltbot_audit::{RequestId, StreamId};
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Executor, PgPool};

use crate::support::cluster::Cluster;
use crate::support::records::{assert_unbroken, fresh_request, records, stream};
use crate::support::stores::{self, migrated};
use crate::support::wait::{eventually, until};

/// A store with one stream of three events, and a way to the database behind its back.
struct Tampered {
    store: PostgresStore,
    request: RequestId,
    database: PgPool,
}

impl Tampered {
    async fn with(sql: &str) -> Self {
        let url = Cluster::shared().create_database().await;
        let store = migrated(&url).await;
        let request = fresh_request();
        store.append(&records(&request, 3)).await.expect("the batch lands");
        let database = stores::pool(&url).await;
        let tampered = Self { store, request, database };
        tampered.execute(sql).await;
        tampered
    }

    async fn execute(&self, sql: &str) {
        self.database.execute(AssertSqlSafe(sql)).await.expect("the superuser may do anything");
    }

    /// Another way there, with one connection.
    async fn pool_of_one(&self, options: PgPoolOptions) -> PgPool {
        let database = self.database.connect_options().as_ref().clone();
        let pool = options.max_connections(1).connect_with(database).await;
        pool.expect("the database accepts connections")
    }

    async fn append(&self) -> Result<(), StoreError> {
        self.store.append(&records(&self.request, 2)).await.map(drop)
    }

    async fn read(&self) -> Result<Option<StreamSnapshot>, StoreError> {
        self.store.read_stream(stream(&self.request)).await
    }
}

/// Everything an error says, by whichever way it is printed.
fn said(error: &StoreError) -> String {
    let source = error.source().map(ToString::to_string).unwrap_or_default();
    format!("{error} {error:?} {source}")
}

#[tokio::test]
async fn rows_without_a_head_are_returned_under_a_head_of_zero() {
    let tampered = Tampered::with("delete from moltbot_audit.audit_streams").await;
    let snapshot = tampered.read().await.expect("a readable stream").expect("rows");
    assert_eq!(snapshot.head.seq, 0);
    assert_eq!(snapshot.records.len(), 3);
}

#[tokio::test]
async fn a_head_without_rows_is_returned_with_none() {
    let tampered = Tampered::with("delete from moltbot_audit.audit_events").await;
    let snapshot = tampered.read().await.expect("a readable stream").expect("a head");
    assert_eq!(snapshot.head.seq, 3);
    assert!(snapshot.records.is_empty());
}

#[tokio::test]
async fn a_missing_row_does_not_hide_the_others() {
    let tampered = Tampered::with("delete from moltbot_audit.audit_events where seq = 2").await;
    let snapshot = tampered.read().await.expect("a readable stream").expect("rows");
    assert_eq!(snapshot.records.iter().map(|stored| stored.seq).collect::<Vec<_>>(), [1, 3]);
}

#[tokio::test]
async fn a_malformed_value_is_named_by_its_place() {
    let events = "moltbot_audit.audit_events";
    let cases = [
        ("recorded_at", format!("update {events} set recorded_at = '-infinity' where seq = 2")),
        (
            "chain_hash",
            format!(
                "alter domain moltbot_audit.digest drop constraint digest_check; \
                 update {events} set chain_hash = '\\x00' where seq = 2"
            ),
        ),
        (
            "salt",
            format!(
                "alter table {events} alter column salt drop not null; \
                 update {events} set salt = null where seq = 2"
            ),
        ),
        (
            "duration_ms",
            format!("alter table {events} alter column duration_ms type text using 'soon'"),
        ),
    ];
    for (expected, sql) in cases {
        let tampered = Tampered::with(&sql).await;
        let named = match tampered.read().await {
            // Without it the chain does not go on.
            Err(StoreError::Malformed { column, .. }) => {
                assert!(["chain_hash", "recorded_at"].contains(&column), "{column}");
                column
            }
            Ok(Some(snapshot)) => {
                let row = snapshot.unreadable.iter().find(|row| row.seq == 2);
                row.expect("the row keeps its place").column
            }
            other => panic!("{expected}: {other:?}"),
        };
        assert_eq!(named, expected);
    }
}

#[tokio::test]
async fn a_dead_connection_is_replaced_and_the_append_lands() {
    for pooling in [Pooling::Session, Pooling::Transaction] {
        let mut tampered = Tampered::with("select 1").await;
        tampered.store = tampered.store.pooling(pooling);
        // Four at hand, so that a second one of the same death would be met.
        let calls = [(); 4].map(|()| tampered.append());
        let [a, b, c, d] = calls;
        let all = tokio::join!(a, b, c, d);
        all.0.and(all.1).and(all.2).and(all.3).expect("the batches land");
        terminate_connections(&tampered.database).await;
        tampered.append().await.expect("the batch lands");
        let snapshot = tampered.read().await.expect("a readable stream").expect("rows");
        assert_eq!(snapshot.records.len(), 13);
        assert_unbroken(&snapshot);
    }
}

#[tokio::test]
async fn a_read_only_server_is_retryable_and_the_retry_lands() {
    let mut tampered = Tampered::with("select 1").await;
    let writable = tampered.store.clone();
    let options = PgPoolOptions::new().after_connect(|connection, _| {
        let read_only = "set default_transaction_read_only = on";
        Box::pin(async move { connection.execute(read_only).await.map(drop) })
    });
    tampered.store = PostgresStore::new(tampered.pool_of_one(options).await);
    let error = tampered.append().await.expect_err("the server is read-only");
    assert!(error.is_retryable(), "{error:?}");
    assert!(said(&error).contains("read-only"), "{error:?}");
    tampered.store = writable;
    tampered.append().await.expect("the retry lands");
    assert_unbroken(&tampered.read().await.expect("a readable stream").expect("rows"));
}

/// A server that hangs, or a network that swallows what is sent: the connection stands, and nothing
/// comes back.
#[tokio::test]
async fn a_server_that_does_not_answer_is_retryable_and_the_retry_lands_once() {
    let mut tampered = Tampered::with("select 1").await;
    let options = PgPoolOptions::new().test_before_acquire(false);
    let pool = tampered.pool_of_one(options).await;
    let server: i32 =
        sqlx::query_scalar("select pg_backend_pid()").fetch_one(&pool).await.expect("one value");
    until("the connection is given back", || pool.num_idle() > 0).await;
    tampered.store = PostgresStore::new(pool).with_statement_limit(Duration::from_millis(300));
    let batch = records(&tampered.request, 2);

    signal("STOP", server);
    let error = tampered.store.append(&batch).await.expect_err("nothing comes back");
    assert!(error.is_retryable(), "{error:?}");
    assert!(said(&error).contains("no answer within 300ms"), "{error:?}");
    // Through a connection of its own: the pool was not given the other one back.
    let patient = tampered.store.clone().with_statement_limit(LONG);
    let landed = patient.append(&batch).await.expect("the retry lands");
    assert_eq!(landed.iter().flatten().map(|receipt| receipt.seq).collect::<Vec<_>>(), [4, 5]);

    // What was given up is done after all, and finds that it is done.
    signal("CONT", server);
    until_gone(&tampered.database, server).await;
    tampered.store = patient;
    let snapshot = tampered.read().await.expect("a readable stream").expect("rows");
    assert_eq!(snapshot.records.len(), 5);
    assert_unbroken(&snapshot);
}

/// The pool asks a connection whether it lives before it takes it back.
#[tokio::test]
async fn a_connection_that_cannot_be_given_back_is_replaced() {
    let mut tampered = Tampered::with("select 1").await;
    let options = PgPoolOptions::new().after_release(|_, _| Box::pin(std::future::pending()));
    let pool = tampered.pool_of_one(options).await;
    tampered.store = PostgresStore::new(pool).with_statement_limit(Duration::from_secs(6));
    for _ in 0..2 {
        tampered.append().await.expect("there is a connection");
    }
}

#[tokio::test]
async fn a_read_that_is_not_answered_is_retryable() {
    let mut tampered = Tampered::with("select 1").await;
    let patient = tampered.store.clone();
    tampered.store = patient.clone().with_statement_limit(Duration::from_millis(100));
    let mut stuck = tampered.database.begin().await.expect("a transaction");
    stuck
        .execute("lock table moltbot_audit.audit_streams in access exclusive mode")
        .await
        .expect("the lock is free");
    let error = tampered.read().await.expect_err("the table is locked");
    assert!(error.is_retryable(), "{error:?}");
    let error = tampered.store.head(stream(&tampered.request)).await.expect_err("here too");
    assert!(error.is_retryable(), "{error:?}");
    stuck.rollback().await.expect("the lock is given back");
    tampered.store = patient;
    assert_unbroken(&tampered.read().await.expect("a readable stream").expect("rows"));
}

/// More than any statement takes on a busy machine.
const LONG: Duration = Duration::from_mins(1);

fn signal(signal: &str, process: i32) {
    let status = Command::new("kill").args(["-s", signal, &process.to_string()]).status();
    assert!(status.expect("kill starts").success());
}

/// Waits until a session of the server has ended.
async fn until_gone(database: &PgPool, server: i32) {
    let is_gone = async || {
        let is_there = "select exists (select from pg_stat_activity where pid = $1)";
        let found = sqlx::query_scalar::<_, bool>(is_there).bind(server).fetch_one(database).await;
        (!found.expect("a boolean")).then_some(())
    };
    eventually("the session has ended", is_gone).await;
}

/// The answer is read after the commit: whatever is wrong with it, the batch has landed.
#[tokio::test]
async fn an_answer_that_cannot_be_read_is_retryable_and_the_retry_lands_once() {
    let receipts = "(null, seqs, recorded_ats, null, chain_hashes)";
    for (what, answer) in [
        ("fewer", "(null, seqs[:1], recorded_ats, null, chain_hashes)"),
        ("more", "(null, seqs, recorded_ats || now(), null, chain_hashes)"),
        ("fewer statuses", "(array['stored'], seqs, recorded_ats, null, chain_hashes)"),
        ("fewer hashes", "(null, seqs, recorded_ats, event_hashes[:1], chain_hashes)"),
        ("unknown", "(array['stored', 'lost'], seqs, recorded_ats, null, chain_hashes)"),
        ("short", "(null, seqs, recorded_ats, null, array_fill('\\x00'::bytea, array[2]))"),
        ("null", "(null, array[null, 5], recorded_ats, null, chain_hashes)"),
        ("missing", "(null, seqs, recorded_ats, null, null)"),
        ("none", "(null, null, null, null, null)"),
    ] {
        let change = |from: &str, to: &str| {
            format!(
                "do $do$ begin execute replace(
                     pg_get_functiondef('moltbot_audit.append_new'::regproc), $a${from}$a$, $a${to}$a$
                 ); end $do$"
            )
        };
        let tampered = Tampered::with(&change(receipts, answer)).await;
        let batch = records(&tampered.request, 2);
        let error = tampered.store.append(&batch).await.expect_err(what);
        assert!(error.is_retryable(), "{what}: {error:?}");
        tampered.execute(&change(answer, receipts)).await;
        let landed = tampered.store.append(&batch).await.expect("the retry lands");
        let places: Vec<_> = landed.iter().flatten().map(|receipt| receipt.seq).collect();
        assert_eq!(places, [4, 5], "{what}");
        assert_unbroken(&tampered.read().await.expect("a readable stream").expect("rows"));
    }
}

#[tokio::test]
async fn a_head_at_the_last_number_there_is_refuses_more() {
    let sql = "update moltbot_audit.audit_streams set seq = 9223372036854775807";
    let tampered = Tampered::with(sql).await;
    let error = tampered.append().await.expect_err("there is no place left");
    assert!(matches!(error, StoreError::Refused { .. }), "{error:?}");
    let snapshot = tampered.read().await.expect("a readable stream").expect("rows");
    assert_eq!(snapshot.records.len(), 3);
}

/// Ends every connection of the database but this one.
async fn terminate_connections(database: &PgPool) {
    database
        .execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity \
             where datname = current_database() and pid <> pg_backend_pid()",
        )
        .await
        .expect("the superuser may do anything");
}

#[tokio::test]
async fn a_stream_locked_for_long_is_retryable() {
    let timeout = "alter function moltbot_audit.append_batch set lock_timeout = '50ms'";
    let tampered = Tampered::with(timeout).await;
    let mut stuck = tampered.database.begin().await.expect("a transaction");
    stuck
        .execute("select 1 from moltbot_audit.audit_streams for update")
        .await
        .expect("the lock is free");
    let error = tampered.append().await.expect_err("the stream is locked");
    assert!(error.is_retryable(), "{error:?}");
    stuck.rollback().await.expect("the lock is given back");
    tampered.append().await.expect("the retry lands");
    assert_unbroken(&tampered.read().await.expect("a readable stream").expect("rows"));
}

#[tokio::test]
async fn a_refusal_is_not_retryable_and_does_not_repeat_values() {
    let check = "alter table moltbot_audit.audit_events add constraint refused \
                 check (seq < 4 or event_type <> 'moltbot.called')";
    let tampered = Tampered::with(check).await;
    let error = tampered.append().await.expect_err("the check refuses");
    assert!(!error.is_retryable());
    assert!(said(&error).contains("23514"), "the code is kept: {error:?}");
    assert!(!said(&error).contains("Muraho"), "the row is not: {error:?}");
    assert_unbroken(&tampered.read().await.expect("a readable stream").expect("rows"));
}

#[tokio::test]
async fn a_database_without_the_schema_is_not_retryable() {
    let url = Cluster::shared().create_database().await;
    let store = stores::connected(&url).await;
    let error = store.read_stream(StreamId::SYSTEM).await.expect_err("there is no table");
    assert!(matches!(error, StoreError::Database { .. }), "{error:?}");
}

#[tokio::test]
async fn a_server_that_is_away_is_unavailable() {
    let url = "postgres://postgres@localhost/audit?host=/nonexistent";
    let error = PostgresStore::connect(url).await.expect_err("nobody listens");
    assert!(error.is_retryable(), "{error:?}");
}

#[tokio::test]
async fn a_role_without_grants_can_do_nothing() {
    let tampered = Tampered::with("create role stranger").await;
    let granted: Vec<String> = sqlx::query_scalar(
        "select nspname::text from pg_namespace
         where nspname = 'moltbot_audit' and has_schema_privilege('stranger', oid, 'usage, create')
         union all
         select relname::text from pg_class
         where relnamespace = 'moltbot_audit'::regnamespace and relkind in ('r', 'p')
         and has_table_privilege(
             'stranger', oid, 'select, insert, update, delete, truncate, references, trigger'
         )
         union all
         select proname::text from pg_proc
         where pronamespace = 'moltbot_audit'::regnamespace
         and has_function_privilege('stranger', oid, 'execute')",
    )
    .fetch_all(&tampered.database)
    .await
    .expect("a list");
    assert!(granted.is_empty(), "{granted:?}");
}

#[test]
fn outside_a_runtime_an_error_says_so_and_nothing_panics() {
    let url = "postgres://audit@localhost/audit";
    let lazy = PostgresStore::connect_lazily(url).expect_err("no runtime");
    let waker = std::task::Waker::noop();
    let mut connect = Box::pin(PostgresStore::connect(url));
    let polled = connect.as_mut().poll(&mut std::task::Context::from_waker(waker));
    let std::task::Poll::Ready(Err(eager)) = polled else { panic!("expected an error at once") };
    for error in [lazy, eager] {
        assert!(said(&error).contains("no Tokio runtime"), "{error:?}");
        assert!(!error.is_retryable());
    }
}
