//! Events recorded by an auditor inside the host's own transaction.

use std::sync::Arc;

use moltbot_audit::delivery::WriteError;
use moltbot_audit::store::{AuditStore, PostgresStore, StoreError};
use moltbot_audit::{Auditor, RecordError};
use serde_json::json;
use sqlx::postgres::PgPoolOptions;
use sqlx::{Executor, PgPool};

use crate::support::cluster::Cluster;
use crate::support::records::{KEY, assert_unbroken, event, fresh_request, stream};
use crate::support::stores::migrated;

async fn host() -> (PgPool, PostgresStore, Auditor) {
    let url = Cluster::shared().create_database().await;
    let store = migrated(&url).await;
    let pool = PgPoolOptions::new().connect(&url).await.expect("the database accepts connections");
    pool.execute("create table request (state text)").await.expect("a table");
    let key = KEY;
    (pool, store.clone(), Auditor::builder(Arc::new(store), key).build())
}

async fn changes(pool: &PgPool) -> i64 {
    sqlx::query_scalar("select count(*) from request").fetch_one(pool).await.expect("one value")
}

#[tokio::test]
async fn receipts_come_true_with_the_hosts_commit() {
    let (pool, store, auditor) = host().await;
    let request = fresh_request();
    auditor.record(event(&request)).await.expect("it is recorded");
    let mut transaction = pool.begin().await.expect("a transaction");
    transaction.execute("insert into request values ('closed')").await.expect("a change");
    let events = [event(&request), event(&request)];
    let uncommitted = auditor.append_in(&mut transaction, events).await.expect("appended");
    transaction.commit().await.expect("both are there");
    let receipts = uncommitted.committed();
    assert_eq!(receipts.iter().map(|receipt| receipt.seq).collect::<Vec<_>>(), [2, 3]);
    let snapshot = store.read_stream(stream(&request)).await.expect("readable").expect("events");
    assert_unbroken(&snapshot);
    assert_eq!(snapshot.head.chain_hash, receipts[1].chain_hash);
    assert_eq!(changes(&pool).await, 1);
}

#[tokio::test]
async fn what_was_recorded_before_is_told_before_the_commit() {
    let (pool, store, auditor) = host().await;
    let request = fresh_request();
    let known = event(&request);
    for is_known in [false, true] {
        let mut transaction = pool.begin().await.expect("a transaction");
        transaction.execute("insert into request values ('closed')").await.expect("a change");
        let events = [event(&request), known.clone()];
        let uncommitted = auditor.append_in(&mut transaction, events).await.expect("appended");
        assert_eq!(uncommitted.has_duplicate(), is_known);
        if is_known {
            transaction.rollback().await.expect("nothing is done twice");
        } else {
            transaction.commit().await.expect("both are there");
            assert!(uncommitted.committed().iter().all(|receipt| !receipt.is_duplicate()));
        }
    }
    assert_eq!(changes(&pool).await, 1);
    let snapshot = store.read_stream(stream(&request)).await.expect("readable").expect("events");
    assert_eq!(snapshot.records.len(), 2);
}

#[tokio::test]
async fn a_rollback_leaves_neither_change_nor_event_nor_gap() {
    let (pool, store, auditor) = host().await;
    let request = fresh_request();
    let mut transaction = pool.begin().await.expect("a transaction");
    transaction.execute("insert into request values ('closed')").await.expect("a change");
    let uncommitted = auditor.append_in(&mut transaction, [event(&request)]).await;
    drop(uncommitted.expect("appended"));
    transaction.rollback().await.expect("neither is there");
    assert_eq!(changes(&pool).await, 0);
    let recorded = auditor.record(event(&request)).await.expect("it is recorded");
    assert_eq!(recorded.receipt().expect("chained").seq, 1);
    let snapshot = store.read_stream(stream(&request)).await.expect("readable").expect("events");
    assert_unbroken(&snapshot);
}

#[tokio::test]
async fn a_conflict_or_an_event_that_cannot_be_sealed_is_an_error_before_the_commit() {
    let (pool, _, auditor) = host().await;
    let request = fresh_request();
    let known = event(&request);
    auditor.record(known.clone()).await.expect("it is recorded");
    let mut transaction = pool.begin().await.expect("a transaction");
    let other = known.output(json!("another"));
    let error = auditor.append_in(&mut transaction, [other]).await.expect_err("a conflict");
    assert!(matches!(error, RecordError::Write(WriteError::Conflict(_))), "{error:?}");
    let too_long = event(&request).idempotency_key("k".repeat(1_000));
    let error = auditor.append_in(&mut transaction, [too_long]).await.expect_err("too long");
    assert!(matches!(error, RecordError::Event(_)), "{error:?}");
    transaction.rollback().await.expect("nothing was done");
}

#[tokio::test]
async fn without_a_transaction_nothing_is_appended() {
    let (pool, store, auditor) = host().await;
    let request = fresh_request();
    let mut connection = pool.acquire().await.expect("a connection");
    let error = auditor.append_in(&mut connection, [event(&request)]).await.expect_err("refused");
    assert!(matches!(error, RecordError::Write(WriteError::Store(StoreError::Database { .. }))));
    assert!(store.head(stream(&request)).await.expect("readable").is_none());
}
