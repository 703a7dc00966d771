//! Budgets: boundaries, and all or nothing.

use std::time::Duration;

use chrono::TimeDelta;
use moltbot_audit::event::{Budget, Period};
use moltbot_audit::store::admission::{Charge, Claim, Conclusion, Decision, Obstacle, Scope};
use serde_json::json;

use crate::support::claims::{Case, charge, told};
use crate::support::records::morning;

pub(crate) async fn the_eighth_of_eight_calls_is_admitted_and_the_ninth_is_not(case: Case) {
    for used in 1..=8 {
        let claim = case.charged([charge(Budget::MOLTBOT_CALLS, 1, 8)]);
        assert_eq!(case.admit(&claim).await.used, [used]);
    }
    let ninth = case.charged([charge(Budget::MOLTBOT_CALLS, 1, 8)]);
    assert_eq!(case.refusal(&ninth).await, Obstacle::Budget { charge: 0, used: 8 });
    assert_eq!(case.used(&Budget::MOLTBOT_CALLS).await, 8);
    let free = case.charged([charge(Budget::MOLTBOT_CALLS, 0, 8)]);
    assert_eq!(case.admit(&free).await.used, [8]);
}

pub(crate) async fn fourteen_vendors_and_five_more_of_fifteen_are_refused_whole(case: Case) {
    let batch = |vendors| {
        case.charged([charge(Budget::VENDOR_BATCHES, 1, 30), charge(Budget::VENDORS, vendors, 15)])
    };
    assert_eq!(case.admit(&batch(14)).await.used, [1, 14]);
    let five = batch(5);
    assert_eq!(case.refusal(&five).await, Obstacle::Budget { charge: 1, used: 14 });
    assert_eq!(case.used(&Budget::VENDORS).await, 14);
    assert_eq!(case.used(&Budget::VENDOR_BATCHES).await, 1);
    assert_eq!(case.admit(&batch(1)).await.used, [2, 15]);
    assert_eq!(case.refusal(&batch(1)).await, Obstacle::Budget { charge: 1, used: 15 });
}

pub(crate) async fn several_budgets_are_taken_together_or_not_at_all(case: Case) {
    let day =
        |amount| Charge { period: Period::Day, ..charge(Budget::COST_MICROUSD, amount, 1_000) };
    let charges = |cost| {
        let of_request = charge(Budget::COST_MICROUSD, cost, 10_000);
        case.charged([charge(Budget::MOLTBOT_CALLS, 1, 8), of_request, day(cost)])
    };
    let admitted = case.admit(&charges(600)).await;
    assert_eq!(admitted.used, [1, 600, 600]);
    assert_eq!(case.refusal(&charges(401)).await, Obstacle::Budget { charge: 2, used: 600 });
    assert_eq!(case.used(&Budget::MOLTBOT_CALLS).await, 1);
    assert_eq!(case.used(&Budget::COST_MICROUSD).await, 600);
    assert_eq!(case.admit(&charges(400)).await.used, [2, 1_000, 1_000]);
    let today = Scope::Day(admitted.receipt.recorded_at.date_naive());
    assert_eq!(case.used_of(today, &Budget::COST_MICROUSD).await, 1_000);
    assert_eq!(case.used_of(today, &Budget::MOLTBOT_CALLS).await, 0);
}

pub(crate) async fn the_first_budget_in_the_way_is_named(case: Case) {
    let charges = [charge(Budget::OCR_JOBS, 1, 2), charge(Budget::TOKENS, 5, 4)];
    let full =
        case.charged([charges[0].clone(), charge(Budget::VENDORS, 16, 15), charges[1].clone()]);
    assert_eq!(case.refusal(&full).await, Obstacle::Budget { charge: 1, used: 0 });
    for budget in [Budget::OCR_JOBS, Budget::VENDORS, Budget::TOKENS] {
        assert_eq!(case.used(&budget).await, 0);
    }
}

pub(crate) async fn a_budget_without_a_limit_worth_naming_is_never_used_up(case: Case) {
    let most = 1 << 53;
    for used in 1..=2 {
        let claim = case.charged([charge(Budget::TOKENS, most, i64::MAX)]);
        assert_eq!(case.admit(&claim).await.used, [most * used]);
    }
    // What does not fit into a number is over every limit.
    let beyond = case.charged([charge(Budget::TOKENS, i64::MAX, i64::MAX)]);
    assert_eq!(case.refusal(&beyond).await, Obstacle::Budget { charge: 0, used: 2 * most });
}

pub(crate) async fn requests_have_budgets_of_their_own_and_share_the_day(case: Case) {
    let other = Case::new(case.store.clone());
    let claim = |case: &Case| {
        let of_day = Charge { period: Period::Day, ..charge(Budget::OCR_JOBS, 2, 3) };
        case.charged([charge(Budget::OCR_JOBS, 2, 3), of_day])
    };
    assert_eq!(case.admit(&claim(&case)).await.used, [2, 2]);
    assert_eq!(other.refusal(&claim(&other)).await, Obstacle::Budget { charge: 1, used: 2 });
    assert_eq!(other.used(&Budget::OCR_JOBS).await, 0);
}

pub(crate) async fn a_charge_below_zero_or_a_budget_twice_is_refused_by_the_store(case: Case) {
    let negative = case.charged([charge(Budget::TOKENS, -1, 10)]);
    let twice = case.charged([charge(Budget::TOKENS, 6, 10), charge(Budget::TOKENS, 6, 10)]);
    for claim in [negative, twice] {
        let error = case.admission().admit(&told(&claim)).await.expect_err("a wrong claim");
        assert!(error.is_refusal(), "{error}");
    }
    assert_eq!(case.event_types().await, [""; 0]);
    assert_eq!(case.used(&Budget::TOKENS).await, 0);
}

pub(crate) async fn an_admitted_intent_is_chained_and_a_refused_one_is_not(case: Case) {
    let claim = |limit| case.charged([charge(Budget::OCR_JOBS, 1, limit)]);
    let (admitted, refused): (Claim, Claim) = (told(&claim(1)), claim(1));
    let Decision::Proceed(admission) = case.admission().admit(&admitted).await.expect("an answer")
    else {
        panic!("it is admitted")
    };
    let receipt = admission.receipt;
    assert_eq!(receipt.event_id, admitted.intent.header().id);
    assert_eq!((receipt.seq, receipt.event_hash), (1, admitted.intent.event_hash()));
    case.refusal(&refused).await;
    case.refusal(&refused).await;
    assert_eq!(case.admit(&claim(2)).await.receipt.seq, 2);
    assert_eq!(case.event_types().await, ["effect.admitted"; 2]);
    case.assert_unbroken().await;
}

pub(crate) async fn what_was_used_beyond_all_numbers_is_still_recorded(case: Case) {
    let all = || Claim {
        lease: Duration::ZERO,
        ..case.charged([charge(Budget::TOKENS, i64::MAX, i64::MAX)])
    };
    let claims = [all(), all(), all(), all()];
    for claim in &claims {
        case.admit(claim).await;
        case.conclude(claim, Conclusion::NotPerformed).await.expect("it is in doubt");
    }
    // They were performed after all.
    for claim in &claims {
        case.succeed(claim, json!("done")).await;
    }
    let at_least = (1 << 62) - 1;
    assert!(case.used(&Budget::TOKENS).await >= at_least);
    let more = case.charged([charge(Budget::TOKENS, 1, 10)]);
    assert!(matches!(case.refusal(&more).await, Obstacle::Budget { charge: 0, .. }));
    assert!(case.used(&Budget::TOKENS).await >= at_least - 1);
}

pub(crate) async fn a_lease_beyond_all_times_is_a_long_one(case: Case) {
    let claim = Claim { lease: Duration::MAX, elapsed_max: Some(Duration::MAX), ..case.claim() };
    case.admit(&claim).await;
    let open = case.open().await;
    assert!(open[0].lease_until > morning() + TimeDelta::days(100_000), "{:?}", open[0]);
    assert!(!open[0].is_expiring);
}
