//! A database under the hands of its administrator.

use std::sync::Arc;
use std::time::Duration;

use moltbot_audit::Auditor;
use moltbot_audit::delivery::{QueueLimits, Spool};
use moltbot_audit::store::{AuditStore, PostgresStore};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, PgConnection};

use super::until;
use crate::support::cluster::Cluster;
use crate::support::records::{KEY, assert_unbroken, event, fresh_request, stream};
use crate::support::stores;

const CUT: &str = "select pg_terminate_backend(pid) from pg_stat_activity where datname = '{}'";

/// Closes the database by `close`, records meanwhile, opens it by `open`, and looks for the events.
async fn play(close: &str, open: &str) {
    let cluster = Cluster::shared();
    let url = cluster.create_database().await;
    let options: PgConnectOptions = url.parse().expect("our own URL");
    let name = options.get_database().expect("a database").to_owned();
    let mut admin: PgConnection =
        options.clone().database("postgres").connect().await.expect("the server is up");
    let _store = stores::migrated(&url).await;
    admin
        .execute(AssertSqlSafe(format!("create role r_{name} login superuser")))
        .await
        .expect("a role");
    let as_role = url.replace("postgres://postgres@", &format!("postgres://r_{name}@"));
    let theirs = PostgresStore::connect(&as_role).await.expect("the role may log in");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let spool = Spool::open(folder.path()).await.expect("our own");
    let auditor = Auditor::builder(Arc::new(theirs), KEY)
        .spool(spool.clone())
        .limits(QueueLimits::default().wait(Duration::from_millis(500)))
        .build();
    let request = fresh_request();
    let mut sent = vec![auditor.record(event(&request)).await.expect("it is there").event_id()];

    for sql in [close, CUT] {
        admin.execute(AssertSqlSafe(sql.replace("{}", &name))).await.expect("an administrator");
    }
    for _ in 0..5 {
        let recorded = auditor.record(event(&request)).await.expect("it is in the spool");
        sent.push(recorded.event_id());
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    admin.execute(AssertSqlSafe(open.replace("{}", &name))).await.expect("an administrator");
    until("it is drained", || spool.depth().events == 0).await;
    assert_eq!(spool.set_aside_count(), 0);
    let store = stores::connected(&url).await;
    let snapshot = store.read_stream(stream(&request)).await.expect("readable").expect("events");
    assert_unbroken(&snapshot);
    let stored: Vec<_> = snapshot.records.iter().map(|record| record.header.id).collect();
    assert_eq!(stored, sent);
}

#[tokio::test]
async fn a_database_that_takes_no_connections_is_away() {
    play("alter database {} allow_connections false", "alter database {} allow_connections true")
        .await;
}

#[tokio::test]
async fn a_role_that_may_not_log_in_for_a_while_loses_nothing() {
    play("alter role r_{} nologin", "alter role r_{} login").await;
}

#[tokio::test]
async fn a_database_that_is_read_only_for_a_while_loses_nothing() {
    play(
        "alter database {} set default_transaction_read_only = on",
        "alter database {} set default_transaction_read_only = off",
    )
    .await;
}
