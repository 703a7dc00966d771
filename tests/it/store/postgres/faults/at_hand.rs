//! What the store keeps of its connections between two statements.

use std::time::Duration;

use moltbot_audit::store::{AuditSink, AuditStore, StoreError};
use sqlx::PgPool;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::Tampered;
use crate::support::cluster::Cluster;
use crate::support::records::{assert_unbroken, fresh_request, records};
use crate::support::stores::migrated;

/// More than any of these takes on a busy machine.
const LONG: Duration = Duration::from_mins(1);

/// The connections to the database apart from the one that asks.
async fn connections(database: &PgPool) -> i64 {
    let count = "select count(*) from pg_stat_activity \
                 where datname = current_database() and pid <> pg_backend_pid() \
                 and backend_type = 'client backend'";
    sqlx::query_scalar(count).fetch_one(database).await.expect("one value")
}

#[tokio::test]
async fn one_caller_needs_one_connection() {
    let tampered = Tampered::with("select 1").await;
    let one = tampered.pool_of_one(sqlx::postgres::PgPoolOptions::new()).await;
    tampered.database.close().await;
    for _ in 0..50 {
        tampered.store.append(&records(&tampered.request, 1)).await.expect("the event lands");
        tampered.read().await.expect("a readable stream");
    }
    assert_eq!(connections(&one).await, 1);
}

#[tokio::test]
async fn more_callers_than_connections_are_all_answered() {
    let tampered = Tampered::with("select 1").await;
    let answered = timeout(LONG, async {
        for _ in 0..5 {
            let mut appends = JoinSet::new();
            for _ in 0..40 {
                let (store, batch) = (tampered.store.clone(), records(&fresh_request(), 1));
                appends.spawn(async move { store.append(&batch).await.expect("the event lands") });
            }
            appends.join_all().await;
        }
    });
    answered.await.expect("nobody waits for what lies at hand");
}

#[tokio::test]
async fn a_dead_connection_at_hand_is_met_once() {
    let tampered = Tampered::with("select 1").await;
    let [a, b, c, d] = [(); 4].map(|()| tampered.append());
    let all = tokio::join!(a, b, c, d);
    all.0.and(all.1).and(all.2).and(all.3).expect("the batches land");
    super::terminate_connections(&tampered.database).await;
    for _ in 0..4 {
        tampered.append().await.expect("the batch lands");
    }
    assert_unbroken(&tampered.read().await.expect("a readable stream").expect("rows"));
}

#[tokio::test]
async fn closing_gives_up_what_is_at_hand() {
    let tampered = Tampered::with("select 1").await;
    let one = tampered.pool_of_one(sqlx::postgres::PgPoolOptions::new()).await;
    tampered.database.close().await;
    timeout(LONG, tampered.store.close()).await.expect("nothing is left to wait for");
    let gone = async {
        while connections(&one).await > 0 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(LONG, gone).await.expect("the connections are closed");
    let error = tampered.append().await.expect_err("the store is closed");
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
}

#[test]
fn a_store_may_outlive_its_runtime() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let store = runtime.block_on(async {
        let store = migrated(&Cluster::shared().create_database().await).await;
        store.append(&records(&fresh_request(), 1)).await.expect("the event lands");
        store
    });
    drop(runtime);
    // It keeps a connection, whose pool would want to say goodbye from inside a runtime.
    drop(store);
}
