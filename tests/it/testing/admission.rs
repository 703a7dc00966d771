//! Admission in memory under a clock that a test sets, and behind a sink that fails.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use moltbot_audit::event::{Budget, EventType, Period, Switch};
use moltbot_audit::record::Record;
use moltbot_audit::store::admission::{Charge, Claim, Conclusion, Decision, Obstacle, Scope};
use moltbot_audit::store::{Appended, AuditSink, BoxFuture, StoreError};
use moltbot_audit::testing::{Fault, FaultySink, MemoryStore, SteppedClock};
use serde_json::json;

use crate::support::claims::{Case, charge, flip, outcome, told};
use crate::support::records::morning;
use crate::support::stores;

fn stepped() -> (Case, Arc<SteppedClock>) {
    let clock = Arc::new(SteppedClock::new(morning()));
    (Case::new(Arc::new(MemoryStore::with_clock(clock.clone()))), clock)
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_over_when_its_time_has_come() {
    let (case, clock) = stepped();
    let claim = case.keyed("a key");
    case.admit(&claim).await;
    let lease_until = morning() + TimeDelta::minutes(1);
    clock.advance(Duration::from_micros(59_999_999));
    let running = Decision::InProgress { effect_id: claim.effect_id, lease_until };
    assert_eq!(case.ask(&case.keyed("a key")).await, running);
    assert_eq!(case.conclude(&claim, Conclusion::Expired).await, None);
    clock.advance(Duration::from_micros(1));
    let in_doubt = Decision::InDoubt { effect_id: claim.effect_id };
    assert_eq!(case.ask(&case.keyed("a key")).await, in_doubt);
    case.conclude(&claim, Conclusion::Expired).await.expect("it expires");
}

#[tokio::test(start_paused = true)]
async fn the_stores_clock_alone_ends_a_requests_time() {
    let (case, clock) = stepped();
    case.record(EventType::REQUEST_CREATED, morning(), json!({})).await;
    let timed = || Claim { elapsed_max: Some(Duration::from_mins(10)), ..case.claim() };
    clock.advance(Duration::from_mins(10));
    assert_eq!(case.admit(&timed()).await.elapsed, Some(Duration::from_mins(10)));
    clock.advance(Duration::from_micros(1));
    let elapsed = Duration::from_micros(600_000_001);
    assert_eq!(case.refusal(&timed()).await, Obstacle::Time { elapsed });
}

#[tokio::test(start_paused = true)]
async fn a_charge_is_settled_on_the_day_on_which_it_was_made() {
    let (case, clock) = stepped();
    let of_day = Charge { period: Period::Day, ..charge(Budget::TOKENS, 100, 150) };
    let yesterdays = case.charged([of_day.clone()]);
    case.admit(&yesterdays).await;
    clock.advance(Duration::from_hours(24));
    case.admit(&case.charged([of_day])).await;
    case.succeed(&yesterdays, json!({ "input_tokens": 20, "output_tokens": 10 })).await;
    let day = morning().date_naive();
    let next = day.succ_opt().expect("a day");
    assert_eq!(case.used_of(Scope::Day(day), &Budget::TOKENS).await, 30);
    assert_eq!(case.used_of(Scope::Day(next), &Budget::TOKENS).await, 100);
}

#[tokio::test(start_paused = true)]
async fn a_switch_that_moves_is_told_at_once() {
    let store = Arc::new(MemoryStore::new());
    store.reset_switch(Switch::AI);
    let case = Case::new(store);
    case.admit(&Claim { switches: vec![Switch::AI], ..case.claim() }).await;
    let moved = case.admission().switch_moved();
    let set = async {
        tokio::task::yield_now().await;
        case.set(Switch::AI, true).await;
    };
    // Under the second after which it would return anyway.
    let both = async { tokio::join!(moved, set) };
    tokio::time::timeout(Duration::from_millis(500), both).await.expect("it is told");
}

fn faulty() -> (Case, Arc<FaultySink<MemoryStore>>) {
    let sink = stores::sink();
    (Case::new(sink.clone()), sink)
}

#[tokio::test(start_paused = true)]
async fn an_admit_that_landed_and_failed_is_told_its_answer_the_second_time() {
    for (fault, events) in [(Fault::landed(), 1), (Fault::not_landed(), 0)] {
        let (case, sink) = faulty();
        sink.at_calls([1], fault);
        let claim = case.charged([charge(Budget::TOKENS, 1, 1)]);
        let error = case.admission().admit(&told(&claim)).await.expect_err("a fault on purpose");
        assert!(error.is_retryable());
        assert_eq!(case.event_types().await.len(), events);
        case.admit(&claim).await;
        assert_eq!((sink.calls(), case.used(&Budget::TOKENS).await), (2, 1));
        assert_eq!(case.event_types().await.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn conclusions_flips_and_outcomes_fail_as_told_too() {
    let (case, sink) = faulty();
    let lapsed = Claim { lease: Duration::ZERO, ..case.claim() };
    case.admit(&lapsed).await;
    case.admit(&case.claim()).await;
    sink.every_call(Fault::landed());
    let (state, record) = flip(Switch::AI, false);
    case.admission().set_switch(&state, &record).await.expect_err("a fault on purpose");
    let (id, conclusion) = (lapsed.effect_id, case.conclusion(&lapsed, Conclusion::Expired));
    let expire = || case.admission().conclude(id, Conclusion::Expired, &conclusion);
    expire().await.expect_err("a fault on purpose");
    let succeeded = outcome(&lapsed, &case.request, |event| event);
    case.store.append(&[succeeded]).await.expect_err("a fault on purpose");
    sink.heal();
    assert!(expire().await.expect("no fault").is_some(), "its first receipt");
    assert_eq!(case.open().await.len(), 1);
    case.admit(&Claim { switches: vec![Switch::AI], ..case.claim() }).await;
    sink.every_call(Fault::broken());
    assert!(
        !case.admission().admit(&told(&case.claim())).await.expect_err("broken").is_retryable()
    );
    sink.heal();
    sink.refuse(|record| record.header().event_type == "effect.admitted");
    assert!(case.admission().admit(&told(&case.claim())).await.expect_err("refused").is_refusal());
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_decides_nothing_decides_nothing_behind_a_faulty_one() {
    #[derive(Debug)]
    struct Silent;
    impl AuditSink for Silent {
        fn append<'a>(
            &'a self,
            _: &'a [Record],
        ) -> BoxFuture<'a, Result<Vec<Appended>, StoreError>> {
            Box::pin(async { Ok(Vec::new()) })
        }
    }
    let sink: FaultySink = FaultySink::new(Arc::new(Silent));
    assert!(sink.admission().is_none());
}
