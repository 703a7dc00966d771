//! Ceilings of the deployment: what a host passes is bounded by what an operator set.

use std::sync::Arc;
use std::time::Duration;

use moltbot_audit::event::payload::MoltbotInput;
use moltbot_audit::event::{Budget, Period};
use moltbot_audit::policy::Limits;
use moltbot_audit::store::StoreError;
use moltbot_audit::store::admission::{Charge, Claim, ConsentClaim, Obstacle};
use moltbot_audit::{AdmitError, Auditor, Effect, StreamId};
use sqlx::PgPool;

use crate::support::claims::{Case, charge, told};
use crate::support::records::{KEY, assert_unbroken, fresh_request};
use crate::support::stores::{self};

async fn database() -> (Case, PgPool) {
    let (store, pool) = stores::database().await;
    (Case::new(Arc::new(store)), pool)
}

async fn set(
    pool: &PgPool,
    budget: &str,
    period: &str,
    most: Option<i64>,
) -> Result<String, sqlx::Error> {
    let sql =
        "select moltbot_audit.set_limit($1, $2, $3, 'Aline \"a\"', e'\\\\ the\\n\\tcontract é')";
    sqlx::query_scalar(sql).bind(budget).bind(period).bind(most).fetch_one(pool).await
}

async fn assert_above(case: &Case, claim: Claim) {
    let error = case.admission().admit(&told(&claim)).await.expect_err("it is above the ceiling");
    assert!(matches!(error, StoreError::Refused { .. }), "{error:?}");
    let why = std::error::Error::source(&error).expect("the server's word").to_string();
    assert!(why.contains("the deployment's"), "{why}");
}

#[tokio::test]
async fn a_limit_above_the_deployments_is_refused_and_one_at_it_holds() {
    let (case, pool) = database().await;
    let calls = |limit| case.charged([charge(Budget::MOLTBOT_CALLS, 1, limit)]);
    let day = |limit| {
        let of_day = Charge { period: Period::Day, ..charge(Budget::TOKENS, 1, limit) };
        case.charged([charge(Budget::MOLTBOT_CALLS, 1, 1), of_day])
    };
    let timed = |minutes| Claim { elapsed_max: Some(Duration::from_mins(minutes)), ..case.claim() };
    case.admit(&calls(800)).await;
    set(&pool, "moltbot_calls", "request", Some(2)).await.expect("a ceiling");
    set(&pool, "tokens", "day", Some(100)).await.expect("a ceiling");
    set(&pool, "elapsed_ms", "request", Some(600_000)).await.expect("a ceiling");
    assert_above(&case, calls(3)).await;
    assert_above(&case, calls(i64::MAX)).await;
    assert_above(&case, day(101)).await;
    assert_above(&case, timed(11)).await;
    assert_eq!(case.event_types().await.len(), 1, "nothing of it is left");
    case.admit(&calls(2)).await;
    assert_eq!(case.refusal(&calls(2)).await, Obstacle::Budget { charge: 0, used: 2 });
    case.admit(&timed(10)).await;
    // A day's ceiling is not a request's, and another budget's is none of this one's.
    case.admit(&case.charged([charge(Budget::TOKENS, 1, 1_000)])).await;
    set(&pool, "moltbot_calls", "request", None).await.expect("taken away");
    case.admit(&calls(800)).await;
}

#[tokio::test]
async fn a_consents_lifetime_is_bounded_too() {
    let (case, pool) = database().await;
    set(&pool, "lifetime_ms", "consent", Some(86_400_000)).await.expect("a ceiling");
    let call = |hours| {
        let lifetime = Duration::from_hours(hours);
        let consent = Some(ConsentClaim { consent_id: "c1".to_owned(), lifetime });
        Claim { consent, ..case.claim() }
    };
    assert_above(&case, call(25)).await;
    assert_eq!(case.refusal(&call(24)).await, Obstacle::NoConsent);
}

#[tokio::test]
async fn a_host_is_told_which_of_its_limits_is_too_high() {
    let (case, pool) = database().await;
    let limits = Limits::default().per_request(Budget::MOLTBOT_CALLS, 20).expect("a limit");
    let auditor = Auditor::builder(case.store.clone(), KEY).budgets(limits).build();
    sqlx::query("select moltbot_audit.reset('ai', 'a test', 'a test')")
        .execute(&pool)
        .await
        .expect("a switch is reset");
    let call = || Effect::moltbot_call(&MoltbotInput::default()).request(&fresh_request());
    let permit = auditor.effect(call()).admit().await.expect("there is no ceiling yet");
    permit.not_performed("a test").await.expect("recorded");
    set(&pool, "moltbot_calls", "request", Some(8)).await.expect("a ceiling");
    let AdmitError::NotRun(error) = auditor.effect(call()).admit().await.expect_err("above") else {
        panic!("it is an error of the host's set-up");
    };
    assert!(!error.is_retryable(), "{error:?}");
    let shown = format!("{error:?}");
    assert!(shown.contains("moltbot_calls a request is above 8"), "{shown}");
}

#[tokio::test]
async fn a_ceiling_is_an_event_that_the_library_could_have_sealed() {
    let (case, pool) = database().await;
    set(&pool, "vendors", "request", Some(15)).await.expect("a ceiling");
    set(&pool, "vendors", "request", Some(10)).await.expect("a ceiling");
    set(&pool, "vendors", "request", None).await.expect("taken away");
    let snapshot = case.store.read_stream(StreamId::SYSTEM).await.expect("readable");
    let snapshot = snapshot.expect("events");
    assert_unbroken(&snapshot);
    let most: Vec<_> = snapshot
        .records
        .iter()
        .map(|row| {
            assert_eq!(row.header.event_type, "audit.limit_set");
            let input = row.input.as_ref().expect("who, what and why");
            assert_eq!(input["by"]["claimed"], "Aline \"a\"");
            assert_eq!(input["by"]["how"], "session");
            assert_eq!(input["reason"], "\\ the\n\tcontract é");
            (input["most_before"].as_i64(), input["most"].as_i64())
        })
        .collect();
    assert_eq!(most, [(None, Some(15)), (Some(15), Some(10)), (Some(10), None)]);
}

#[tokio::test]
async fn what_is_no_ceiling_is_refused_and_leaves_nothing() {
    let (case, pool) = database().await;
    for (budget, period, most) in [
        ("moltbot_calls", "week", 1),
        ("moltbot_calls", "consent", 1),
        ("Moltbot calls", "request", 1),
        ("call_0788123456", "request", 1),
        ("moltbot_calls", "request", -1),
        ("moltbot_calls", "request", i64::MAX),
        ("", "request", 1),
    ] {
        set(&pool, budget, period, Some(most)).await.expect_err("it is none");
    }
    for sql in [
        "select moltbot_audit.set_limit('vendors', 'request', 1, '', 'why')",
        "select moltbot_audit.set_limit('vendors', 'request', 1, 'who', ' ')",
        "select moltbot_audit.set_limit('vendors', 'request', 1, 'who', null)",
        "select moltbot_audit.set_limit(null, 'request', 1, 'who', 'why')",
        "select moltbot_audit.set_limit('vendors', null, 1, 'who', 'why')",
    ] {
        sqlx::query(sql).execute(&pool).await.expect_err(sql);
    }
    assert!(case.store.read_stream(StreamId::SYSTEM).await.expect("readable").is_none());
}
