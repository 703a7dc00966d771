//! In which order locks are taken: a stream that somebody holds holds nothing else.

use std::sync::Arc;
use std::time::Duration;

use moltbot_audit::event::{Budget, Period};
use moltbot_audit::store::StoreError;
use moltbot_audit::store::admission::{Charge, Claim, Conclusion, Decision, Obstacle};
use moltbot_audit::{ErrorCode, Outcome};
use sqlx::{Postgres, Transaction};

use super::Tampered;
use crate::support::claims::{Case, outcome, told};
use crate::support::records::{records, stream};

/// Holds the case's stream, as a transaction of the host does that appended to it.
async fn hold(tampered: &Tampered, case: &Case) -> Transaction<'static, Postgres> {
    let mut stuck = tampered.database.begin().await.expect("a transaction");
    let held =
        sqlx::query("select from moltbot_audit.audit_streams where stream_id = $1 for update")
            .bind(stream(&case.request).uuid())
            .execute(&mut *stuck)
            .await
            .expect("the lock is free");
    assert_eq!(held.rows_affected(), 1);
    stuck
}

/// A request with an event, and another claim that shares its day.
async fn cases(tampered: &Tampered) -> (Case, Case) {
    let store = Arc::new(tampered.store.clone());
    let (held, free) = (Case::new(store.clone()), Case::new(store));
    for case in [&held, &free] {
        case.store.append(&records(&case.request, 1)).await.expect("the event lands");
    }
    (held, free)
}

fn of_a_day(case: &Case) -> Claim {
    let charge = |budget| Charge { budget, period: Period::Day, amount: 1, limit: 1_000 };
    case.charged([charge(Budget::MOLTBOT_CALLS), charge(Budget::TOKENS)])
}

/// Starts something that waits for a held stream, and charges a day's budget before that gives up.
async fn free_while<T: Send + 'static>(
    waiting: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    tampered: &Tampered,
    free: &Case,
) {
    let waiting = tokio::spawn(waiting);
    let waits = "select exists (select from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock')";
    let is_waiting = async || -> bool {
        sqlx::query_scalar(waits).fetch_one(&tampered.database).await.expect("a boolean")
    };
    while !is_waiting().await {
        assert!(!waiting.is_finished(), "the stream is held");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    free.admit(&of_a_day(free)).await;
    assert!(!waiting.is_finished(), "the day was held");
    let waited = waiting.await.expect("it ends");
    assert!(matches!(waited.map(drop), Err(StoreError::Locked { .. })), "the stream is held");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_that_waits_for_its_stream_holds_no_day() {
    let tampered = Tampered::with("select 1").await;
    let (held, free) = cases(&tampered).await;
    let stuck = hold(&tampered, &held).await;
    let claim = of_a_day(&held);
    let admit = async move { held.admission().admit(&told(&claim)).await };
    free_while(admit, &tampered, &free).await;
    drop(stuck);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outcome_that_waits_for_its_stream_holds_no_day() {
    for batched in [false, true] {
        let tampered = Tampered::with("select 1").await;
        let (held, free) = cases(&tampered).await;
        let claims = [of_a_day(&held), of_a_day(&held)];
        for claim in &claims {
            held.admit(claim).await;
        }
        let stuck = hold(&tampered, &held).await;
        // What was not performed gives the day its charges back.
        let not_performed = |claim| {
            outcome(claim, &held.request, |event| {
                event.ended(Outcome::Failed, ErrorCode::NotPerformed)
            })
        };
        let mut batch: Vec<_> = claims.iter().map(not_performed).collect();
        batch.truncate(if batched { 2 } else { 1 });
        let store = held.store.clone();
        free_while(async move { store.append(&batch).await }, &tampered, &free).await;
        drop(stuck);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conclusion_that_waits_for_its_stream_holds_no_day() {
    let tampered = Tampered::with("select 1").await;
    let (held, free) = cases(&tampered).await;
    let claim = Claim { lease: Duration::ZERO, ..of_a_day(&held) };
    held.admit(&claim).await;
    let stuck = hold(&tampered, &held).await;
    let record = held.conclusion(&claim, Conclusion::NotPerformed);
    let conclude = async move {
        let conclusion = Conclusion::NotPerformed;
        held.admission().conclude(claim.effect_id, conclusion, &record).await
    };
    free_while(conclude, &tampered, &free).await;
    drop(stuck);
}

#[tokio::test]
async fn what_is_refused_begins_no_stream() {
    let tampered = Tampered::with("select 1").await;
    let case = Case::new(Arc::new(tampered.store.clone()));
    let over = case.charged([Charge {
        budget: Budget::TOKENS,
        period: Period::Request,
        amount: 2,
        limit: 1,
    }]);
    assert_eq!(case.ask(&over).await, Decision::Refused(Obstacle::Budget { charge: 0, used: 0 }));
    // What meets another effect of its key, or a conclusion of none, writes nothing either.
    let (other, claim) = (Case::new(case.store.clone()), case.keyed("a key"));
    other.admit(&other.keyed("a key")).await;
    assert!(matches!(case.ask(&claim).await, Decision::InProgress { .. }));
    assert_eq!(case.conclude(&claim, Conclusion::Expired).await, None);
    assert_eq!(case.store.head(stream(&case.request)).await.expect("readable"), None);
}
