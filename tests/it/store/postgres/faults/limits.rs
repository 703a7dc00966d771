//! How long anything may take, and what the store tries again by itself.

use std::time::Duration;

use moltbot_audit::store::{AuditSink, AuditStore, Pooling, PostgresStore, StoreError};
use sqlx::postgres::PgPoolOptions;
use sqlx::{Executor, PgPool};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::{Tampered, said, signal, until_gone};
use crate::support::cluster::Cluster;
use crate::support::records::{assert_unbroken, fresh_request, records, stream};
use crate::support::stores::{self, migrated};
use crate::support::wait::until;

const BOTH: [Pooling; 2] = [Pooling::Session, Pooling::Transaction];

/// Makes the next `times` appends fail with a code. A sequence counts also what is rolled back.
fn failing(code: &str, times: u32) -> String {
    format!(
        "create sequence tries;
         create function fail() returns trigger language plpgsql as $$ begin
             if nextval('public.tries') <= {times} then
                 raise exception 'not now' using errcode = '{code}';
             end if;
             return new;
         end $$;
         create trigger fail before insert on moltbot_audit.audit_events
         for each row execute function fail()"
    )
}

async fn tries(database: &PgPool) -> i64 {
    let tries = sqlx::query_scalar("select last_value from tries").fetch_one(database).await;
    tries.expect("one value")
}

#[tokio::test]
async fn an_append_is_tried_again_after_another_went_first() {
    for pooling in BOTH {
        for code in ["40001", "40P01"] {
            let mut tampered = Tampered::with(&failing(code, 3)).await;
            tampered.store = tampered.store.pooling(pooling);
            tampered.append().await.expect("the fourth try lands");
            let snapshot = tampered.read().await.expect("a readable stream").expect("rows");
            assert_eq!(snapshot.records.len(), 5);
            assert_unbroken(&snapshot);
        }
    }
}

#[tokio::test]
async fn an_append_is_not_tried_for_ever() {
    let tampered = Tampered::with(&failing("40001", 1_000)).await;
    let error = tampered.append().await.expect_err("every try fails");
    assert!(error.is_retryable(), "{error:?}");
    assert_eq!(tries(&tampered.database).await, 5);
}

#[tokio::test]
async fn an_append_is_not_tried_beyond_its_limit() {
    let mut tampered = Tampered::with(&failing("40001", 1_000)).await;
    // Less than the waits before the fifth try come to, at the least.
    tampered.store = tampered.store.with_statement_limit(Duration::from_millis(400));
    let error = tampered.append().await.expect_err("every try fails");
    assert!(!said(&error).contains("pool timed out"), "it waits beyond its limit: {error:?}");
    assert!(tries(&tampered.database).await < 5);
}

#[tokio::test]
async fn what_only_the_caller_can_judge_is_tried_once() {
    for code in ["55P03", "53100", "25006", "23514", "57014"] {
        let tampered = Tampered::with(&failing(code, 1)).await;
        let error = tampered.append().await.expect_err("the first try fails");
        assert!(said(&error).contains(code), "{code}: {error:?}");
        assert_eq!(tries(&tampered.database).await, 1, "{code}");
    }
}

/// Writers whose snapshots are older than another's append.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serialization_failures_are_not_seen_by_the_caller() {
    let url = Cluster::shared().create_database().await;
    let setting = "do $$ begin execute format('alter database %I set default_transaction_isolation \
                   = ''repeatable read''', current_database()); end $$";
    let output = Cluster::shared().psql(&url, &["--command", setting]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let store = migrated(&url).await;
    stores::wait_for_locks(&url).await;
    let request = fresh_request();
    let tasks = (0..3).map(|_| {
        let (store, request) = (store.clone(), request.clone());
        tokio::spawn(async move {
            for _ in 0..10 {
                store.append(&records(&request, 2)).await.expect("the batch lands");
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("no append fails");
    }
    let snapshot = store.read_stream(stream(&request)).await.expect("a readable stream");
    let snapshot = snapshot.expect("a stream with events");
    assert_eq!(snapshot.records.len(), 60);
    assert_unbroken(&snapshot);
}

async fn session(pool: &PgPool) -> i32 {
    sqlx::query_scalar("select pg_backend_pid()").fetch_one(pool).await.expect("one value")
}

#[tokio::test]
async fn a_connection_to_a_server_that_cannot_write_is_closed() {
    for (code, closed) in [("25006", true), ("53100", true), ("55P03", false)] {
        for pooling in BOTH {
            let mut tampered = Tampered::with(&failing(code, 1)).await;
            let pool = tampered.pool_of_one(PgPoolOptions::new()).await;
            tampered.store = PostgresStore::new(pool.clone()).pooling(pooling);
            let before = session(&pool).await;
            let error = tampered.append().await.expect_err("the first try fails");
            assert!(error.is_retryable(), "{code}: {error:?}");
            assert_eq!(session(&pool).await != before, closed, "{code}");
            tampered.append().await.expect("the retry lands");
        }
    }
}

/// The server hears of the limit too: what was given up does not run on.
#[tokio::test]
async fn the_server_gives_up_before_the_caller_does() {
    let mut cases = JoinSet::new();
    for pooler in ["session", "transaction"] {
        cases.spawn(the_server_gives_up_first(pooler));
    }
    cases.join_all().await;
}

async fn the_server_gives_up_first(pooler: &'static str) {
    let url = Cluster::shared().create_database().await;
    migrated(&url).await;
    // The limit of a statement, and not the shorter one of a lock, is what ends it.
    let patient = "do $$ declare f regprocedure; begin
        for f in select oid from pg_proc where array_to_string(proconfig, ',') like '%lock_timeout%' loop
            execute format('alter function %s set lock_timeout = ''1min''', f);
        end loop;
    end $$";
    let database = stores::pool(&url).await;
    database.execute(patient).await.expect("our own functions");
    // The server gives up a tenth earlier: a second, in which it has to say so.
    let url_with_limit = format!("{url}&pooler={pooler}&statement_timeout=10000");
    let store = PostgresStore::connect(&url_with_limit).await.expect("a database");
    let request = fresh_request();
    store.append(&records(&request, 1)).await.expect("the batch lands");
    let mut stuck = database.begin().await.expect("a transaction");
    stuck
        .execute("select 1 from moltbot_audit.audit_streams for update")
        .await
        .expect("the lock is free");
    let error = store.append(&records(&request, 1)).await.expect_err("the stream is locked");
    assert!(error.is_retryable(), "{error:?}");
    assert!(said(&error).contains("57014"), "{pooler}: {error:?}");
    stuck.rollback().await.expect("the lock is given back");
    store.append(&records(&request, 1)).await.expect("the retry lands");
}

/// Whoever accepts a connection and never says a word.
#[tokio::test]
async fn a_silent_server_does_not_hold_up_a_connect() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = silent.local_addr().expect("an address").port();
    let url = format!("postgres://audit@127.0.0.1:{port}/audit?connect_timeout=1");
    let connect = tokio::time::timeout(Duration::from_secs(8), PostgresStore::connect(&url));
    let error = connect.await.expect("before the default limit").expect_err("nobody answers");
    assert!(error.is_retryable(), "{error:?}");
}

#[tokio::test]
async fn a_migration_does_not_wait_for_ever() {
    let mut tampered = Tampered::with("select 1").await;
    for migrate in [true, false] {
        let options = PgPoolOptions::new().test_before_acquire(false);
        let pool = tampered.pool_of_one(options).await;
        let server = session(&pool).await;
        until("the connection is given back", || pool.num_idle() > 0).await;
        let limit = Duration::from_millis(500);
        tampered.store = PostgresStore::new(pool).with_migration_limit(limit);
        signal("STOP", server);
        let store = &tampered.store;
        let done = if migrate { store.migrate().await } else { store.ensure_partitions().await };
        let error = done.expect_err("nothing comes back");
        assert!(said(&error).contains("no answer within 500ms"), "{error:?}");
        signal("CONT", server);
        until_gone(&tampered.database, server).await;
    }
}

/// No plain text where the host asked for TLS, and a word about what to do.
#[tokio::test]
async fn tls_that_cannot_be_had_is_an_error_that_says_what_to_do() {
    let url = Cluster::shared().create_database().await;
    for mode in ["require", "verify-ca", "verify-full"] {
        let error = PostgresStore::connect(&format!("{url}&sslmode={mode}")).await;
        let error = error.expect_err("the server has no TLS, and this build neither");
        assert!(matches!(error, StoreError::InvalidUrl { .. }), "{mode}: {error:?}");
        assert!(error.to_string().contains("`tls-*` features"), "{mode}: {error}");
    }
    for mode in ["prefer", "allow", "disable"] {
        let store = PostgresStore::connect(&format!("{url}&sslmode={mode}")).await;
        store.expect("plain text is what these may come to");
    }
}
