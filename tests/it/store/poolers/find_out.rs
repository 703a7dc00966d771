//! What kind of connection it is: told, or found out.

use moltbot_audit::store::{self, AuditSink, AuditStore, Pooling, PostgresStore, StoreError};
use sqlx::PgPool;

use super::with;
use crate::support::cluster::Cluster;
use crate::support::pgbouncer::PgBouncer;
use crate::support::records::{assert_unbroken, fresh_request, records, stream};
use crate::support::stores;

async fn pooling_of(url: &str) -> Pooling {
    stores::connected(url).await.current_pooling()
}

#[tokio::test]
async fn a_direct_connection_is_a_session() {
    let url = Cluster::shared().create_database().await;
    assert_eq!(pooling_of(&url).await, Pooling::Session);
}

#[tokio::test]
async fn a_session_pooler_gives_sessions() {
    let pooler = PgBouncer::start("session", 4);
    let url = pooler.url(&Cluster::shared().create_database().await);
    assert_eq!(pooling_of(&url).await, Pooling::Session);
}

#[tokio::test]
async fn a_transaction_pooler_is_found_out() {
    let direct = Cluster::shared().create_database().await;
    for pool_size in [2, 3, 20] {
        // Sessions given back are handed out again last in, first out; or in turn.
        for order in ["server_round_robin = 0", "server_round_robin = 1"] {
            let pooler = PgBouncer::start_on(6432, "transaction", pool_size, order);
            for attempt in 0..3 {
                let pooling = pooling_of(&pooler.url(&direct)).await;
                assert_eq!(pooling, Pooling::Transaction, "{pool_size}, {order}, {attempt}");
            }
        }
    }
}

#[tokio::test]
async fn a_transaction_pooler_with_one_session_is_found_out() {
    let pooler = PgBouncer::start("transaction", 1);
    let url = pooler.url(&Cluster::shared().create_database().await);
    assert_eq!(pooling_of(&url).await, Pooling::Transaction);
}

#[tokio::test]
async fn a_second_connection_that_is_refused_counts_as_a_transaction_pooler() {
    let url = Cluster::shared().create_database().await;
    let limited = url.replace("postgres://postgres@", "postgres://lonely@");
    let create = "create role lonely login connection limit 1";
    let output = Cluster::shared().psql(&url, &["--command", create]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(pooling_of(&limited).await, Pooling::Transaction);
}

#[tokio::test]
async fn port_6543_is_a_transaction_pooler() {
    let direct = Cluster::shared().create_database().await;
    // It behaves as one that gives sessions, so that only the port can tell.
    let pooler = PgBouncer::start_on(6543, "session", 4, "");
    let url = pooler.url(&direct);
    assert_eq!(pooling_of(&url).await, Pooling::Transaction);
    assert_eq!(pooling_of(&with(&url, "pooler=session")).await, Pooling::Session);
}

#[tokio::test]
async fn what_the_url_says_counts() {
    let direct = Cluster::shared().create_database().await;
    assert_eq!(pooling_of(&with(&direct, "pooler=transaction")).await, Pooling::Transaction);
    let pooled = PgBouncer::shared().url(&direct);
    for (told, pooling) in [("session", Pooling::Session), ("none", Pooling::Session)] {
        assert_eq!(pooling_of(&with(&pooled, &format!("pooler={told}"))).await, pooling);
    }
    let through_the_door = store::connect(&with(&pooled, "pooler=transaction")).await;
    through_the_door.expect("the store's own parameters are known everywhere");
}

#[tokio::test]
async fn a_parameter_without_a_meaning_is_named() {
    let direct = Cluster::shared().create_database().await;
    for (parameter, value) in [
        ("pooler", "statement"),
        ("pooler", ""),
        ("connect_timeout", "0"),
        ("connect_timeout", "soon"),
        ("statement_timeout", "0"),
        ("statement_timeout", "-1"),
        ("statement_timeout", "4294967296"),
    ] {
        let url = with(&direct, &format!("{parameter}={value}"));
        let error = PostgresStore::connect(&url).await.expect_err(&url);
        assert!(matches!(error, StoreError::InvalidUrl { .. }), "{url}: {error:?}");
        assert!(error.to_string().contains(parameter), "{url}: {error}");
    }
}

/// A pool of the host's is taken for the worst until he says otherwise.
#[tokio::test]
async fn a_pool_of_the_host_is_taken_for_a_transaction_pooler() {
    let pool = PgPool::connect_lazy("postgres://localhost/audit").expect("a URL");
    let store = PostgresStore::new(pool);
    assert_eq!(store.current_pooling(), Pooling::Transaction);
    assert_eq!(store.pooling(Pooling::Session).current_pooling(), Pooling::Session);
}

/// Told wrongly, or not found out: the first lost statement puts it right, and nothing fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_statement_betrays_the_pooler() {
    let direct = Cluster::shared().create_database().await;
    stores::migrated(&direct).await;
    let url = with(&PgBouncer::shared().url(&direct), "pooler=session");
    let (one, other) = (stores::connected(&url).await, stores::connected(&url).await);
    let request = fresh_request();
    for _ in 0..3 {
        for store in [&one, &other] {
            store.append(&records(&request, 2)).await.expect("the batch lands");
        }
        // Both at once, so that both sessions are there, and change hands.
        let (batch, batch_of_other) = (records(&request, 1), records(&request, 1));
        let both = tokio::join!(one.append(&batch), other.append(&batch_of_other));
        both.0.and(both.1).expect("both batches land");
    }
    let poolings = [&one, &other].map(PostgresStore::current_pooling);
    assert!(poolings.contains(&Pooling::Transaction), "{poolings:?}");
    let snapshot = one.read_stream(stream(&request)).await.expect("a readable stream");
    let snapshot = snapshot.expect("a stream with events");
    assert_eq!(snapshot.records.len(), 18);
    assert_unbroken(&snapshot);
}
