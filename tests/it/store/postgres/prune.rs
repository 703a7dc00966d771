//! Removing the entries of effects that ended long ago: what goes, what a retry may still ask for, and what is recorded.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use moltbot_audit::auditor::{Clock as _, SystemClock};
use moltbot_audit::event::Budget;
use moltbot_audit::store::StreamSnapshot;
use moltbot_audit::store::admission::{Claim, Conclusion, Decision};
use moltbot_audit::{ErrorCode, Outcome, StreamId};
use serde_json::json;
use sqlx::error::DatabaseError;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool};

use crate::support::claims::{Case, charge, hash, spooled};
use crate::support::records::{assert_unbroken, event, fresh_request, sealed, stream};
use crate::support::stores::{self};

const PRUNE: &str = "select moltbot_audit.prune_effects('90 days', 'Aline', 'each month')";

async fn database() -> (Case, PgPool) {
    let (store, pool) = stores::database().await;
    (Case::new(Arc::new(store)), pool)
}

fn now() -> DateTime<Utc> {
    SystemClock::new().now()
}

fn long_ago() -> DateTime<Utc> {
    now() - TimeDelta::days(100)
}

/// A claim of long ago with a key, and a charge to a budget of 10.
fn old(case: &Case, key: &str) -> Claim {
    let charges = vec![charge(Budget::MOLTBOT_CALLS, 1, 10)];
    Claim { key_hash: Some(hash(key)), charges, ..case.claim_at(long_ago()) }
}

/// Makes of all that the database holds now what happened long ago.
async fn age(pool: &PgPool) {
    run(
        pool,
        "update moltbot_audit.audit_effects set admitted_at = admitted_at - interval '100 days';
         update moltbot_audit.audit_streams set last_at = last_at - interval '100 days'",
    )
    .await;
}

async fn run(pool: &PgPool, sql: &str) {
    pool.execute(AssertSqlSafe(sql)).await.expect(sql);
}

async fn prune(pool: &PgPool) -> i32 {
    sqlx::query_scalar(PRUNE).fetch_one(pool).await.expect("a step")
}

async fn count(pool: &PgPool, table: &str) -> i64 {
    let sql = format!("select count(*) from moltbot_audit.{table}");
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(pool).await.expect("a count")
}

async fn system(case: &Case) -> Option<StreamSnapshot> {
    case.store.read_stream(StreamId::SYSTEM).await.expect("readable")
}

#[tokio::test]
async fn what_ended_long_ago_goes_and_its_request_begins_anew() {
    let (case, pool) = database().await;
    let [done, failed, voided] = ["done", "failed", "voided"].map(|key| old(&case, key));
    for claim in [&done, &failed, &voided] {
        case.admit(claim).await;
    }
    case.succeed(&done, json!({})).await;
    case.fail(&failed, Outcome::Failed, ErrorCode::ProviderError).await;
    case.fail(&voided, Outcome::Failed, ErrorCode::NotPerformed).await;
    // An outcome that came before its intent, which never came.
    case.succeed(&old(&case, "early"), json!({})).await;
    assert_eq!(prune(&pool).await, 0, "all of it is of now");
    assert!(system(&case).await.is_none(), "and nothing is recorded of nothing");
    age(&pool).await;
    let events = count(&pool, "audit_events").await;
    assert_eq!(prune(&pool).await, 4);
    assert_eq!(count(&pool, "audit_effects").await, 0);
    assert_eq!(count(&pool, "audit_budgets").await, 0);
    assert_eq!(count(&pool, "audit_events").await, events + 1, "no event is touched");
    assert_eq!(prune(&pool).await, 0);
    // The key is free, and the budget whole.
    assert_eq!(case.admit(&old(&case, "done")).await.used, [1]);

    let snapshot = system(&case).await.expect("it is recorded");
    assert_unbroken(&snapshot);
    let [record] = &snapshot.records[..] else { panic!("one event: {snapshot:?}") };
    assert_eq!(record.header.event_type, "audit.effects_pruned");
    let input = record.input.as_ref().expect("who, what and why");
    let by = json!({ "how": "session", "who": "postgres", "claimed": "Aline" });
    assert_eq!((&input["effects"], &input["budgets"]), (&json!(4), &json!(1)));
    assert_eq!((&input["by"], &input["reason"]), (&by, &json!("each month")));
    let before: DateTime<Utc> =
        input["admitted_before"].as_str().expect("a text").parse().expect("a time");
    assert!((now() - before - TimeDelta::days(90)).abs() < TimeDelta::hours(1), "{before}");
}

#[tokio::test]
async fn what_a_retry_or_an_operator_may_still_ask_for_stays() {
    let (case, pool) = database().await;
    let [running, cancelled, expired] =
        ["running", "cancelled", "expired"].map(|key| old(&case, key));
    let expired = Claim { lease: Duration::ZERO, ..expired };
    for claim in [&running, &cancelled, &expired] {
        case.admit(claim).await;
    }
    case.fail(&cancelled, Outcome::Cancelled, ErrorCode::Cancelled).await;
    case.conclude(&expired, Conclusion::Expired).await.expect("it expires");
    // A request that goes on keeps all, however old.
    let open = Case { request: fresh_request(), ..case.clone() };
    let kept = old(&open, "kept");
    open.admit(&kept).await;
    open.succeed(&kept, json!({ "id": 7 })).await;
    // An effect of now in a request of long ago.
    let young = Case { request: fresh_request(), ..case.clone() };
    young.append(spooled(&young.claim_at(long_ago()), &young.request)).await;
    age(&pool).await;
    open.append(sealed(event(&open.request))).await;
    run(&pool, "update moltbot_audit.audit_effects set state = 'done', admitted_at = now() where key_hash is null")
        .await;
    assert_eq!(prune(&pool).await, 0);
    assert_eq!(count(&pool, "audit_effects").await, 5);
    let replay = Decision::Replay { effect_id: kept.effect_id, output: Some(json!({ "id": 7 })) };
    assert_eq!(open.ask(&old(&open, "kept")).await, replay);
    assert_eq!(case.open().await.len(), 3);
    // What is in doubt gives back what it holds, though another effect of its request has gone.
    let gone = old(&case, "gone");
    case.admit(&gone).await;
    case.succeed(&gone, json!({})).await;
    age(&pool).await;
    assert_eq!(prune(&pool).await, 3, "with the two that are old too now");
    assert_eq!(case.used(&Budget::MOLTBOT_CALLS).await, 4);
    case.conclude(&expired, Conclusion::NotPerformed).await.expect("it is resolved");
    assert_eq!(case.used(&Budget::MOLTBOT_CALLS).await, 3);
}

#[tokio::test]
async fn a_step_is_small_and_waits_for_no_stream() {
    let (case, pool) = database().await;
    let claim = old(&case, "a key");
    case.admit(&claim).await;
    case.succeed(&claim, json!({})).await;
    let other = Case { request: fresh_request(), ..case.clone() };
    let held = old(&other, "held");
    other.admit(&held).await;
    other.succeed(&held, json!({})).await;
    run(
        &pool,
        "insert into moltbot_audit.audit_effects
         select moltbot_audit.event_id(now() - interval '100 days', moltbot_audit.random_salt()),
            gen_random_uuid(), null, null, 'x', null,
             sha256(''), 'done', 'running', now(), now()
         from generate_series(1, 600)",
    )
    .await;
    age(&pool).await;
    let url = pool.connect_options();
    let mut host = PgConnection::connect_with(&url).await.expect("the server is up");
    let lock = format!(
        "begin; select from moltbot_audit.audit_streams where stream_id = '{}' for update",
        stream(&other.request).uuid()
    );
    host.execute(AssertSqlSafe(lock)).await.expect("an open transaction");
    let steps = [prune(&pool).await, prune(&pool).await];
    assert!(steps.iter().sum::<i32>() == 601 && steps[0] <= 500, "{steps:?}");
    assert_eq!(count(&pool, "audit_effects").await, 1, "whose stream is held");
    host.execute("commit").await.expect("it ends");
    assert_eq!(prune(&pool).await, 1);
}

#[tokio::test]
async fn what_would_free_keys_too_early_or_says_nobody_is_refused() {
    let (case, pool) = database().await;
    for arguments in [
        "'6 days', 'who', 'why'",
        "'-1 year', 'who', 'why'",
        "'5000 years', 'who', 'why'",
        "null, 'who', 'why'",
        "'90 days', '', 'why'",
        "'90 days', 'who', null",
        "'90 days', 'who', repeat('x', 10001)",
    ] {
        let sql = format!("select moltbot_audit.prune_effects({arguments})");
        let error = pool.execute(AssertSqlSafe(sql)).await.expect_err(arguments);
        let code = error.as_database_error().and_then(DatabaseError::code).expect("a code");
        assert_eq!(code, "22023", "{arguments}: {error}");
    }
    assert!(system(&case).await.is_none());
}
