//! Many clients, two sessions.

use std::collections::HashMap;
use std::time::Duration;

use moltbot_audit::RequestId;
use moltbot_audit::record::Receipt;
use moltbot_audit::store::{AuditSink, AuditStore, Pooling, PostgresStore};
use sqlx::PgPool;

use super::{connect, with};
use crate::postgres::migrated;
use crate::support::cluster::Cluster;
use crate::support::pgbouncer::PgBouncer;
use crate::support::records::{assert_unbroken, event, fresh_request, records, sealed, stream};

const CLIENTS: usize = 64;
const BATCHES: usize = 6;
const SHARED_STREAMS: usize = 3;

/// A client with a store of its own, on its own stream and the shared ones.
async fn work(url: String, client: usize, shared: [RequestId; SHARED_STREAMS]) -> Vec<Receipt> {
    let store = connect(&url).await;
    assert_eq!(store.current_pooling(), Pooling::Transaction);
    let own = fresh_request();
    let mut receipts = Vec::new();
    for n in 0..BATCHES {
        let requests = [&own, &shared[(client + n) % SHARED_STREAMS], &own];
        let batch: Vec<_> = requests.into_iter().map(|request| sealed(event(request))).collect();
        let appended = store.append(&batch).await.expect("the batch lands");
        for (receipt, record) in appended.into_iter().zip(&batch) {
            let receipt = receipt.expect("a new event is stored");
            assert_eq!(receipt.event_id, record.header().id);
            assert_eq!(receipt.event_hash, record.event_hash());
            receipts.push(receipt);
        }
    }
    store.close().await;
    receipts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_clients_of_two_sessions_get_true_receipts() {
    let direct = Cluster::shared().create_database().await;
    let store = migrated(&direct).await;
    // One that nothing else waits for. The clients find out what it is, all at once.
    let pooler = PgBouncer::start("transaction", 2);
    let shared = [fresh_request(), fresh_request(), fresh_request()];
    let url = with(&pooler.url(&direct), "connect_timeout=60&statement_timeout=120000");
    let clients =
        (0..CLIENTS).map(|client| tokio::spawn(work(url.clone(), client, shared.clone())));
    let mut receipts = HashMap::new();
    for client in clients.collect::<Vec<_>>() {
        for receipt in client.await.expect("no append fails") {
            let place = (receipt.stream_id, receipt.seq);
            assert!(receipts.insert(place, receipt).is_none(), "a place is given once");
        }
    }
    assert_eq!(receipts.len(), CLIENTS * BATCHES * 3);
    let streams: std::collections::HashSet<_> = receipts.keys().map(|(id, _)| *id).collect();
    assert_eq!(streams.len(), CLIENTS + SHARED_STREAMS);
    let mut stored = 0;
    for stream_id in streams {
        let snapshot = store.read_stream(stream_id).await.expect("a readable stream");
        let snapshot = snapshot.expect("a stream with events");
        assert_unbroken(&snapshot);
        for record in &snapshot.records {
            let receipt = &receipts[&(stream_id, record.seq)];
            assert_eq!(receipt.event_id, record.header.id);
            assert_eq!(receipt.chain_hash, record.chain_hash);
            stored += 1;
        }
    }
    assert_eq!(stored, receipts.len());
}

/// The driver's pool takes back a connection on which a transaction was begun by halves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_dropped_leaves_no_transaction_behind() {
    let direct = Cluster::shared().create_database().await;
    migrated(&direct).await;
    let pool = PgPool::connect(&direct).await.expect("the database accepts connections");
    let hosts = sqlx::postgres::PgPoolOptions::new().max_connections(1);
    let hosts = hosts.connect(&direct).await.expect("the database accepts connections");
    let store = PostgresStore::new(hosts);
    let request = fresh_request();
    for microseconds in (0..4_000).step_by(100) {
        let batch = records(&request, 1);
        let limit = Duration::from_micros(microseconds);
        drop(tokio::time::timeout(limit, store.append(&batch)).await);
        store.append(&batch).await.expect("the same batch lands");
    }
    let open: i64 = sqlx::query_scalar(
        "select count(*) from pg_stat_activity
         where datname = current_database() and state like 'idle in transaction%'",
    )
    .fetch_one(&pool)
    .await
    .expect("one value");
    assert_eq!(open, 0);
    let snapshot = store.read_stream(stream(&request)).await.expect("a readable stream");
    let snapshot = snapshot.expect("a stream with events");
    assert_eq!(snapshot.records.len(), 40);
    assert_unbroken(&snapshot);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_schema_is_made_through_a_transaction_pooler() {
    let pooled = PgBouncer::shared().url(&Cluster::shared().create_database().await);
    let tasks = (0..4).map(|_| {
        let pooled = pooled.clone();
        tokio::spawn(async move { migrated(&pooled).await })
    });
    for task in tasks.collect::<Vec<_>>() {
        let store = task.await.expect("no migration fails");
        let request = fresh_request();
        store.append(&records(&request, 2)).await.expect("the batch lands");
        let head = store.head(stream(&request)).await.expect("a readable head");
        assert_eq!(head.expect("a stream with events").seq, 2);
    }
}
