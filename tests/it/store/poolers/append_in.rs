//! Records inside the host's own transaction.

use moltbot_audit::store::{AuditSink, AuditStore, Pooling, PostgresStore, StoreError, StreamHead};
use moltbot_audit::{RequestId, StreamId};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Executor, PgPool};

use crate::support::cluster::Cluster;
use crate::support::pgbouncer::PgBouncer;
use crate::support::records::{
    assert_unbroken, event, fresh_request, numbered_records, records, sealed, stream,
};
use crate::support::stores::migrated;

/// A host with a table of its own, and a store beside its pool.
struct Host {
    pool: PgPool,
    store: PostgresStore,
    request: RequestId,
}

impl Host {
    async fn direct() -> Self {
        Self::reached_by(|url| url).await
    }

    async fn pooled() -> Self {
        Self::reached_by(|url| PgBouncer::shared().url(&url)).await
    }

    async fn reached_by(way: impl Fn(String) -> String) -> Self {
        let url = Cluster::shared().create_database().await;
        let store = migrated(&url).await;
        let options: PgConnectOptions = way(url).parse().expect("our own URL");
        let options = options.extra_float_digits(None).statement_cache_capacity(0);
        let pool = PgPoolOptions::new().max_connections(8).connect_with(options).await;
        let pool = pool.expect("the database accepts connections");
        pool.execute("create table request (state text)").await.expect("a table");
        Self { pool, store, request: fresh_request() }
    }

    async fn changes(&self) -> i64 {
        let mut transaction = self.pool.begin().await.expect("a transaction");
        sqlx::query_scalar("select count(*) from request")
            .persistent(false)
            .fetch_one(&mut *transaction)
            .await
            .expect("one value")
    }

    async fn head(&self) -> Option<StreamHead> {
        self.store.head(stream(&self.request)).await.expect("a readable head")
    }

    async fn assert_stream(&self, events: usize) {
        let id: StreamId = stream(&self.request);
        let snapshot = self.store.read_stream(id).await.expect("a readable stream");
        let snapshot = snapshot.expect("a stream with events");
        assert_eq!(snapshot.records.len(), events);
        assert_unbroken(&snapshot);
    }
}

const CHANGE: &str = "insert into request values ('closed')";

#[tokio::test]
async fn a_change_and_its_events_commit_or_roll_back_together() {
    for host in [Host::direct().await, Host::pooled().await] {
        let mut transaction = host.pool.begin().await.expect("a transaction");
        transaction.execute(CHANGE).await.expect("a change");
        let batch = records(&host.request, 3);
        let appended = PostgresStore::append_in(&mut transaction, &batch).await.expect("appended");
        let places: Vec<_> = appended.iter().flatten().map(|receipt| receipt.seq).collect();
        assert_eq!(places, [1, 2, 3]);
        assert_eq!(host.head().await, None, "nobody sees it yet");
        transaction.commit().await.expect("both are there");
        assert_eq!(host.changes().await, 1);
        let last = appended[2].expect("a new event is stored");
        assert_eq!(host.head().await.expect("a head").chain_hash, last.chain_hash);

        let mut transaction = host.pool.begin().await.expect("a transaction");
        transaction.execute(CHANGE).await.expect("a change");
        let batch = records(&host.request, 1);
        let undone = PostgresStore::append_in(&mut transaction, &batch).await.expect("appended");
        transaction.rollback().await.expect("neither is there");
        assert_eq!(host.changes().await, 1);
        let again = host.store.append(&batch).await.expect("the batch lands");
        let seq = |appended: &[moltbot_audit::store::Appended]| appended[0].map(|it| it.seq);
        assert_eq!(seq(&undone), Ok(4));
        assert_eq!(seq(&again), Ok(4), "the place was not used up");
        host.assert_stream(4).await;
    }
}

#[tokio::test]
async fn a_conflict_inside_leaves_the_transaction_standing() {
    for host in [Host::direct().await, Host::pooled().await] {
        let original = event(&host.request);
        let known = [sealed(original.clone())];
        host.store.append(&known).await.expect("the batch lands");
        let mut transaction = host.pool.begin().await.expect("a transaction");
        let other = sealed(original.output(serde_json::json!("another")));
        let batch = [sealed(event(&host.request)), other, known[0].clone()];
        let appended = PostgresStore::append_in(&mut transaction, &batch).await.expect("appended");
        assert_eq!(appended[0].map(|receipt| receipt.seq), Ok(2));
        assert_eq!(appended[1].expect_err("other content").stored, known[0].event_hash());
        assert_eq!(appended[2].map(|receipt| receipt.seq), Ok(1));
        transaction.execute(CHANGE).await.expect("a change");
        transaction.commit().await.expect("all is there");
        assert_eq!(host.changes().await, 1);
        host.assert_stream(2).await;
    }
}

#[tokio::test]
async fn an_empty_batch_inside_does_nothing() {
    let host = Host::direct().await;
    let mut connection = host.pool.acquire().await.expect("a connection");
    let appended = PostgresStore::append_in(&mut connection, &[]).await;
    assert!(appended.expect("nothing to do").is_empty());
}

/// The server's limit for locks inside `append` is not the host's.
#[tokio::test]
async fn the_hosts_lock_timeout_is_as_it_was() {
    let host = Host::direct().await;
    let mut transaction = host.pool.begin().await.expect("a transaction");
    transaction.execute("set local lock_timeout = '1234ms'").await.expect("a setting");
    let batch = records(&host.request, 1);
    PostgresStore::append_in(&mut transaction, &batch).await.expect("appended");
    let timeout: String = sqlx::query_scalar("show lock_timeout")
        .fetch_one(&mut *transaction)
        .await
        .expect("one value");
    assert_eq!(timeout, "1234ms");
}

/// A snapshot taken before another's append: the database cannot let both be.
#[tokio::test]
async fn an_error_inside_is_the_hosts_to_roll_back() {
    let host = Host::direct().await;
    let mut transaction = host.pool.begin().await.expect("a transaction");
    transaction
        .execute("set transaction isolation level repeatable read; select 1")
        .await
        .expect("a snapshot");
    host.store.append(&records(&host.request, 1)).await.expect("the batch lands");
    let batch = records(&host.request, 1);
    let error = PostgresStore::append_in(&mut transaction, &batch).await;
    let error = error.expect_err("the stream was moved on by another");
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    transaction.rollback().await.expect("the host rolls back");
    let mut transaction = host.pool.begin().await.expect("a transaction");
    PostgresStore::append_in(&mut transaction, &batch).await.expect("appended");
    transaction.commit().await.expect("the second time it is there");
    host.assert_stream(2).await;
}

/// Never a named statement: behind a pooler its name would meet another session's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_transactions_of_a_pooled_host_leave_one_unbroken_chain() {
    let host = Host::pooled().await;
    let tasks = (0..16_u64).map(|task| {
        let (pool, request) = (host.pool.clone(), host.request.clone());
        tokio::spawn(async move {
            for n in 0..8 {
                let mut transaction = pool.begin().await.expect("a transaction");
                transaction.execute(CHANGE).await.expect("a change");
                let batch = numbered_records(&request, [task * 8 + n]);
                PostgresStore::append_in(&mut transaction, &batch).await.expect("appended");
                if n % 4 == 3 {
                    transaction.rollback().await.expect("neither is there");
                } else {
                    transaction.commit().await.expect("both are there");
                }
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("no transaction fails");
    }
    assert_eq!(host.changes().await, 96);
    host.assert_stream(96).await;
}

/// The driver finds a prepared statement by its text, also where it is told not to prepare any.
#[tokio::test]
async fn a_statement_that_was_prepared_before_is_not_used() {
    let mut host = Host::direct().await;
    let options = host.pool.connect_options().as_ref().clone().statement_cache_capacity(100);
    let pool = PgPoolOptions::new().max_connections(1).connect_with(options).await;
    host.pool = pool.expect("the database accepts connections");
    let session = PostgresStore::new(host.pool.clone()).pooling(Pooling::Session);
    session.append(&records(&host.request, 1)).await.expect("the batch lands");
    // Now the driver is wrong about what the session holds, as it is behind a pooler.
    host.pool.execute("deallocate all").await.expect("nothing is prepared any more");
    let mut transaction = host.pool.begin().await.expect("a transaction");
    let batch = records(&host.request, 1);
    PostgresStore::append_in(&mut transaction, &batch).await.expect("appended");
    transaction.commit().await.expect("it is there");
    let transactional = session.clone().pooling(Pooling::Transaction);
    transactional.append(&records(&host.request, 1)).await.expect("the batch lands");
    assert_eq!(session.current_pooling(), Pooling::Session);
    session.append(&records(&host.request, 1)).await.expect("the lost statement is made up for");
    assert_eq!(session.current_pooling(), Pooling::Transaction);
    host.assert_stream(4).await;
}
