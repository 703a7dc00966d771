//! Many clients, two sessions.

use std::collections::{HashMap, HashSet};
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use moltbot_audit::RequestId;
use moltbot_audit::record::Receipt;
use moltbot_audit::store::{AuditSink, AuditStore, Pooling, PostgresStore};
use serde_json::json;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

use super::with;
use crate::support::cluster::Cluster;
use crate::support::pgbouncer::PgBouncer;
use crate::support::records::{assert_unbroken, event, fresh_request, records, sealed, stream};
use crate::support::stores::{self, migrated};

const CLIENTS: usize = 64;
const BATCHES: usize = 6;
const SHARED_STREAMS: usize = 3;

/// A client with a store of its own, on its own stream and the shared ones.
async fn work(url: String, client: usize, shared: [RequestId; SHARED_STREAMS]) -> Vec<Receipt> {
    let store = stores::connected(&url).await;
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
        // Other statements among the appends: each must meet its own in whatever session it gets.
        let head = store.head(stream(&own)).await.expect("a readable head");
        let last = receipts.last().map(|receipt| (receipt.seq, receipt.chain_hash));
        assert_eq!(head.map(|head| (head.seq, head.chain_hash)), last);
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
    let streams: HashSet<_> = receipts.keys().map(|(id, _)| *id).collect();
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

/// Drives a future until it has waited so many times, and drops it there.
async fn cut<F: Future>(future: F, waits: usize) -> Option<F::Output> {
    let (mut future, mut waited) = (pin!(future), 0);
    poll_fn(move |context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => {
            waited += 1;
            if waited == waits { Poll::Ready(None) } else { Poll::Pending }
        }
    })
    .await
}

/// Waits until nobody but us is at work in the database, or holds a transaction.
async fn wait_until_idle(database: &PgPool) -> Result<(), String> {
    let mut busy: Vec<String> = Vec::new();
    for _ in 0..6_000 {
        // Also before the first look: what was sent has to arrive.
        tokio::time::sleep(Duration::from_millis(20)).await;
        busy = sqlx::query_scalar(
            "select state || ': ' || query from pg_stat_activity
             where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle'",
        )
        .fetch_all(database)
        .await
        .expect("a list");
        if busy.is_empty() {
            return Ok(());
        }
    }
    Err(format!("{busy:?}"))
}

/// The driver's pool would take back a connection on which a transaction was begun by halves.
#[tokio::test]
async fn a_call_that_is_dropped_leaves_no_transaction_behind() {
    let direct = Cluster::shared().create_database().await;
    migrated(&direct).await;
    let database = stores::pool(&direct).await;
    let hosts = PgPoolOptions::new().max_connections(1).test_before_acquire(false);
    let hosts = hosts.connect(&direct).await.expect("the database accepts connections");
    let store = PostgresStore::new(hosts);
    let request = fresh_request();
    let mut dropped = 0;
    for waits in 1..20 {
        // With a connection that is up, so that the cut is in its use.
        store.append(&records(&request, 1)).await.expect("the batch lands");
        let batch = records(&request, 1);
        dropped += usize::from(cut(store.append(&batch), waits).await.is_none());
        assert_eq!(wait_until_idle(&database).await, Ok(()), "cut at the {waits}th wait");
        store.append(&batch).await.expect("the same batch lands");
    }
    // How often a call waits depends on how fast the server answers.
    assert!((1..19).contains(&dropped), "cut from the first wait to the last: {dropped}");
    let snapshot = store.read_stream(stream(&request)).await.expect("a readable stream");
    let snapshot = snapshot.expect("a stream with events");
    assert_eq!(snapshot.records.len(), 38);
    assert_unbroken(&snapshot);
}

/// Postgres takes no NUL in a text, and one would fail its whole batch.
#[tokio::test]
async fn a_nul_in_a_text_does_not_fail_the_batch() {
    let direct = Cluster::shared().create_database().await;
    let store = migrated(&direct).await;
    let request = fresh_request();
    for pooling in [Pooling::Session, Pooling::Transaction] {
        let store = store.clone().pooling(pooling);
        let nul = json!({ "a\0": "x\0y", "nested": ["\0"] });
        let event = event(&request).input(nul.clone()).output(nul).idempotency_key("k\0");
        let appended = store.append(&[sealed(event)]).await.expect("the batch lands");
        appended[0].expect("the event is stored");
    }
    let snapshot = store.read_stream(stream(&request)).await.expect("a readable stream");
    assert_unbroken(&snapshot.expect("a stream with events"));
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
