//! Statements whose plans were made while the tables were small.

use std::sync::Arc;

use moltbot_audit::{Auditor, RequestId};
use sqlx::postgres::PgPoolOptions;
use sqlx::{Executor, PgConnection};

use crate::support::cluster::Cluster;
use crate::support::records::{KEY, event, fresh_request};
use crate::support::stores::migrated;

/// More than fit on one page of an index.
const MANY: usize = 600;

fn requests(count: usize) -> Vec<RequestId> {
    (0..count).map(|_| fresh_request()).collect()
}

/// One event of each request.
async fn append(auditor: &Auditor, connection: &mut PgConnection, requests: &[RequestId]) {
    let events: Vec<_> = requests.iter().map(event).collect();
    let appended = auditor.append_in(connection, events).await.expect("appended");
    assert!(!appended.has_duplicate());
}

/// How many events this transaction has read.
async fn events_read(connection: &mut PgConnection) -> i64 {
    sqlx::query_scalar(
        "select sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::bigint
        from pg_stat_xact_user_tables where schemaname = 'moltbot_audit' and relname like 'audit_events%'",
    )
    .fetch_one(connection)
    .await
    .expect("the server counts what a transaction reads")
}

#[tokio::test]
async fn an_append_reads_no_other_streams_events_however_old_its_plans_are() {
    let url = Cluster::shared().create_database().await;
    let auditor = Auditor::builder(Arc::new(migrated(&url).await), KEY).build();
    // One connection: it keeps the plans that it makes.
    let host = PgPoolOptions::new().max_connections(1).connect(&url).await.expect("connected");
    let few = requests(2);
    let past = "update moltbot_audit.audit_streams set last_at = last_at - interval '2 months'";
    for _ in 0..2 {
        let mut transaction = host.begin().await.expect("a transaction");
        append(&auditor, &mut transaction, &few).await;
        transaction.execute(past).await.expect("a superuser may");
        transaction.commit().await.expect("committed");
    }
    let mut transaction = host.begin().await.expect("a transaction");
    append(&auditor, &mut transaction, &requests(MANY)).await;
    transaction.commit().await.expect("committed");

    for (name, requests) in [("new streams", requests(2)), ("streams of a past month", few)] {
        let mut transaction = host.begin().await.expect("a transaction");
        append(&auditor, &mut transaction, &requests).await;
        assert_eq!(events_read(&mut transaction).await, 0, "{name}");
        transaction.rollback().await.expect("rolled back");
    }
}
