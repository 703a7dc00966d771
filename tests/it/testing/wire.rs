//! Postgres over a wire that fails: whatever happens on it, a retry lands once.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use moltbot_audit::delivery::QueueLimits;
use moltbot_audit::event::payload::MoltbotInput;
use moltbot_audit::record::Record;
use moltbot_audit::store::{AuditSink, AuditStore, PostgresStore, StreamSnapshot};
use moltbot_audit::testing::FaultProxy;
use moltbot_audit::{AdmitError, Auditor, Effect, RequestId, StreamId};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::time::Instant;

use crate::support::records::{KEY, assert_unbroken, event, fresh_request, records, stream};
use crate::support::stores::postgres_with_url;
use crate::support::stores::{self, Fresh};
use crate::support::wait::until;

/// A database, directly and through a proxy.
struct Wire {
    direct: Fresh,
    proxy: FaultProxy,
    url: String,
}

impl Wire {
    async fn new() -> Self {
        let (direct, url) = postgres_with_url().await;
        let options: PgConnectOptions = url.parse().expect("our own URL");
        let folder = options.get_socket().expect("the cluster listens on a Unix socket");
        let socket = folder.join(format!(".s.PGSQL.{}", options.get_port()));
        let proxy = FaultProxy::start(Path::new(&socket)).await.expect("a free port");
        let database = options.get_database().expect("a database of its own");
        let url = format!("postgres://postgres@{}/{database}?sslmode=disable", proxy.address());
        Self { direct, proxy, url }
    }

    /// A store with one connection, which is there already and not asked whether it lives.
    async fn connected(&self) -> PostgresStore {
        self.connected_after(&[]).await
    }

    /// The same, after this batch: the connection lies idle again, and nothing is on the wire.
    async fn connected_after(&self, batch: &[Record]) -> PostgresStore {
        let options = PgPoolOptions::new().max_connections(1).test_before_acquire(false);
        let pool = options.connect(&self.url).await.expect("the proxy passes");
        let store = PostgresStore::new(pool.clone());
        store.append(batch).await.expect("the wire is whole");
        until("the connection is given back", || pool.num_idle() > 0).await;
        store
    }

    /// What is stored, whoever may be cut off.
    async fn read(&self, request: &RequestId) -> StreamSnapshot {
        stores::read(&*self.direct.store, request).await
    }

    async fn seq(&self, stream_id: StreamId) -> i64 {
        let head = self.direct.store.head(stream_id).await.expect("a readable head");
        head.map_or(0, |head| head.seq)
    }

    /// Appends through a wire that is cut after so many bytes of the answer, then tries again.
    /// Returns whether the first try had landed.
    async fn cut_and_retry(&self, known: usize, after_bytes: u64) -> bool {
        let request = fresh_request();
        let store = self.connected_after(&records(&request, known)).await;
        let batch = records(&request, 3);
        self.proxy.truncate(after_bytes);
        let cut = store.append(&batch).await.expect_err("the answer is cut");
        assert!(cut.is_retryable(), "after {after_bytes} bytes: {cut:?}");
        let has_landed = self.seq(stream(&request)).await > seq(known);
        self.proxy.pass();
        for _ in 0..2 {
            let retried = store.append(&batch).await.expect("the retry lands");
            let places: Vec<_> = retried.iter().flatten().map(|receipt| receipt.seq).collect();
            let expected: Vec<_> = (1..=3).map(|place| seq(known) + place).collect();
            assert_eq!(places, expected, "after {after_bytes} bytes");
        }
        let snapshot = self.read(&request).await;
        assert_eq!(snapshot.records.len(), known + 3, "after {after_bytes} bytes");
        assert_unbroken(&snapshot);
        store.close().await;
        has_landed
    }

    /// How many bytes the server answers an append with, on a connection that has appended before or
    /// has not.
    async fn answer_len(&self, known: usize) -> u64 {
        let request = fresh_request();
        let store = self.connected_after(&records(&request, known)).await;
        let before = self.proxy.bytes_answered();
        store.append(&records(&request, 3)).await.expect("the wire is whole");
        let len = self.proxy.bytes_answered() - before;
        store.close().await;
        len
    }
}

fn seq(count: usize) -> i64 {
    i64::try_from(count).expect("a small number")
}

// One thread: what the proxy has counted when a call returns is then that call's own.
#[tokio::test]
async fn an_append_cut_anywhere_in_its_answer_is_retryable_and_its_retry_lands_once() {
    let wire = Wire::new().await;
    let (mut landed, mut not_landed) = (0, 0);
    // A connection that never appended has the statement to prepare first, and answers twice.
    for known in [0, 2] {
        let len = wire.answer_len(known).await;
        assert!(len > 100, "an answer has receipts: {len}");
        let spread = (0..12).map(|part| len * part / 12);
        let ends = [0, 1, 2, 5, 50, len - 20, len - 10, len - 5, len - 1];
        for after_bytes in ends.into_iter().chain(spread) {
            if wire.cut_and_retry(known, after_bytes).await {
                landed += 1;
            } else {
                not_landed += 1;
            }
        }
    }
    assert!(landed > 0 && not_landed > 0, "both ways: {landed} and {not_landed}");
}

#[tokio::test]
async fn connections_cut_while_appends_are_under_way_lose_nothing_and_double_nothing() {
    let wire = Wire::new().await;
    let store = PostgresStore::connect(&wire.url).await.expect("the proxy passes");
    let request = fresh_request();
    let landed = Arc::new(AtomicUsize::new(0));
    let tasks = (0..4).map(|_| {
        let (store, request, landed) = (store.clone(), request.clone(), landed.clone());
        tokio::spawn(async move {
            for _ in 0..30 {
                let batch = records(&request, 2);
                while let Err(error) = store.append(&batch).await {
                    assert!(error.is_retryable(), "{error:?}");
                }
                landed.fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    let tasks: Vec<_> = tasks.collect();
    let mut cuts = 0;
    for next in (0..4 * 30).step_by(7) {
        until("the next landed", || landed.load(Ordering::Relaxed) >= next).await;
        wire.proxy.cut();
        cuts += 1;
    }
    for task in tasks {
        task.await.expect("every event lands in the end");
    }
    // What lands between two cuts needs a connection of its own.
    let connections = wire.proxy.connections();
    assert!(connections >= cuts - 1, "{cuts} cuts, and {connections} connections");
    let snapshot = wire.read(&request).await;
    assert_eq!(snapshot.records.len(), 4 * 30 * 2);
    assert_unbroken(&snapshot);
}

#[tokio::test]
async fn a_wire_that_swallows_is_retryable_within_the_limit_and_the_retry_lands_once() {
    let wire = Wire::new().await;
    let store = wire.connected().await.with_statement_limit(Duration::from_millis(200));
    let request = fresh_request();
    let batch = records(&request, 2);
    wire.proxy.black_hole();
    let error = store.append(&batch).await.expect_err("nothing comes back");
    assert!(error.is_retryable(), "{error:?}");
    wire.proxy.pass();
    // No limit on a statement that passes: the machine may be slow.
    let store = store.with_statement_limit(Duration::from_secs(30));
    store.append(&batch).await.expect("the retry lands");
    let snapshot = wire.read(&request).await;
    assert_eq!(snapshot.records.len(), 2);
    assert_unbroken(&snapshot);
}

#[tokio::test]
async fn a_database_that_refuses_is_unavailable_until_it_accepts() {
    let wire = Wire::new().await;
    let store = wire.connected().await;
    wire.proxy.refuse();
    let error = PostgresStore::connect(&wire.url).await.expect_err("it is refused");
    assert!(error.is_retryable(), "{error:?}");
    let request = fresh_request();
    let batch = records(&request, 2);
    let error = store.append(&batch).await.expect_err("the connection was cut");
    assert!(error.is_retryable(), "{error:?}");
    wire.proxy.pass();
    store.append(&batch).await.expect("it accepts again");
    assert_eq!(wire.read(&request).await.records.len(), 2);
}

#[tokio::test]
async fn a_slow_wire_only_takes_longer() {
    let wire = Wire::new().await;
    let store = wire.connected().await;
    wire.proxy.delay(Duration::from_millis(20));
    let request = fresh_request();
    store.append(&records(&request, 2)).await.expect("it lands");
    assert_unbroken(&wire.read(&request).await);
}

/// The effect is refused, and its refusal cannot be recorded: both share one limit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_effect_waits_once_for_a_database_whose_answers_are_swallowed() {
    const LIMIT: Duration = Duration::from_secs(5);
    let wire = Wire::new().await;
    let store = Arc::new(wire.connected().await);
    let auditor = Auditor::builder(store, KEY)
        .limits(QueueLimits::default().wait(LIMIT))
        .environment(|_| None)
        .build();
    // As long as it takes on a busy machine: what is measured comes after it.
    while auditor.record(event(&fresh_request())).await.is_err() {}
    wire.proxy.black_hole();
    let begun = Instant::now();
    let effect = Effect::moltbot_call(&MoltbotInput::default()).request(&fresh_request());
    let refused = auditor.effect(effect).admit().await.expect_err("nobody answers");
    let took = begun.elapsed();
    assert!(matches!(refused, AdmitError::Refused(_)), "{refused:?}");
    assert!(took >= LIMIT && took < 2 * LIMIT, "{took:?}");
}
