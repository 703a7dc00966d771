//! What an outcome does to the charges.

use moltbot_audit::delivery::{QueueLimits, Spool};
use moltbot_audit::event::{Budget, Period};
use moltbot_audit::record::Record;
use moltbot_audit::store::admission::{Charge, Claim, Obstacle, Scope};
use moltbot_audit::{ErrorCode, Outcome, testing};
use serde_json::{Value, json};

use crate::support::claims::{Case, charge, outcome, spooled};
use crate::support::records::{event, fresh_request, named_conversation, sealed, stream};
use crate::support::wait::until;

/// A claim of a call, with an estimate of its tokens and cost.
fn estimated(case: &Case) -> Claim {
    case.charged([
        charge(Budget::MOLTBOT_CALLS, 1, 8),
        charge(Budget::TOKENS, 100, 1_000),
        charge(Budget::COST_MICROUSD, 500, 5_000),
    ])
}

async fn used(case: &Case) -> [i64; 3] {
    let mut used = [0; 3];
    let budgets = [Budget::MOLTBOT_CALLS, Budget::TOKENS, Budget::COST_MICROUSD];
    for (used, budget) in used.iter_mut().zip(&budgets) {
        *used = case.used(budget).await;
    }
    used
}

pub(crate) async fn what_was_used_settles_what_was_reserved(case: Case) {
    let claim = estimated(&case);
    case.admit(&claim).await;
    assert_eq!(used(&case).await, [1, 100, 500]);
    let output = json!({ "input_tokens": 50, "output_tokens": 30, "cost_microusd": 0 });
    case.succeed(&claim, output).await;
    assert_eq!(used(&case).await, [1, 80, 0]);
    assert_eq!(case.open().await, []);
    case.assert_unbroken().await;
}

pub(crate) async fn tokens_of_every_kind_count(case: Case) {
    let own = json!({ "input_tokens": 50, "output_tokens": 12 });
    let with = |name: &str, value: Value| {
        let mut output = own.clone();
        output[name] = value;
        output
    };
    // What each output settles the tokens at; none where they stay at what was held.
    let cases = [
        (with("cache_read_input_tokens", json!(90_000)), Some(90_062)),
        (with("cache_creation_input_tokens", json!(7)), Some(69)),
        (with("reasoning_output_tokens", json!(300)), Some(362)),
        (with("reasoning_output_tokens", json!(0)), Some(62)),
        (with("cache_read_input_tokens", json!(null)), Some(62)),
        (with("cache_read_input_tokens", json!("90000")), None),
        (with("cache_creation_input_tokens", json!(-1)), None),
        (with("reasoning_output_tokens", json!(0.5)), None),
        (json!({ "input_tokens": 50, "cache_read_input_tokens": 90_000 }), None),
        (json!({ "output_tokens": 12, "reasoning_output_tokens": 4 }), None),
    ];
    let mut sum = 0;
    for (output, counted) in cases {
        let claim = case.charged([charge(Budget::TOKENS, 100, 1_000_000)]);
        case.admit(&claim).await;
        case.succeed(&claim, output.clone()).await;
        sum += counted.unwrap_or(100);
        assert_eq!(case.used(&Budget::TOKENS).await, sum, "{output}");
    }
}

pub(crate) async fn what_was_used_may_pass_the_limit_and_then_nothing_is_admitted(case: Case) {
    let claim = estimated(&case);
    case.admit(&claim).await;
    let output = json!({ "input_tokens": 1_100, "output_tokens": 1, "cost_microusd": 9_999 });
    case.succeed(&claim, output).await;
    assert_eq!(used(&case).await, [1, 1_101, 9_999]);
    let obstacle = Obstacle::Budget { charge: 1, used: 1_101 };
    assert_eq!(case.refusal(&estimated(&case)).await, obstacle);
    assert_eq!(used(&case).await, [1, 1_101, 9_999]);
}

pub(crate) async fn a_success_that_does_not_say_what_it_used_keeps_its_charge(case: Case) {
    let outputs = [
        json!({}),
        json!("done"),
        json!({ "input_tokens": -5, "cost_microusd": "12" }),
        json!({ "input_tokens": 1.5, "cost_microusd": 1e30 }),
        json!({ "moltbot_calls": 7, "tokens": 1 }),
    ];
    for (output, n) in outputs.into_iter().zip(1..) {
        let claim = estimated(&case);
        case.admit(&claim).await;
        case.succeed(&claim, output).await;
        assert_eq!(used(&case).await, [n, 100 * n, 500 * n]);
    }
}

pub(crate) async fn a_failure_is_settled_too(case: Case) {
    let claim = estimated(&case);
    case.admit(&claim).await;
    let failed = outcome(&claim, &case.request, |event| {
        event
            .ended(Outcome::Failed, ErrorCode::ProviderError)
            .output(json!({ "input_tokens": 7, "output_tokens": 0 }))
    });
    case.append(failed).await;
    assert_eq!(used(&case).await, [1, 7, 500]);
    assert_eq!(case.open().await, []);
}

pub(crate) async fn what_was_not_performed_or_refused_gives_its_charges_back(case: Case) {
    for (outcome, code) in [
        (Outcome::Failed, ErrorCode::NotPerformed),
        (Outcome::Refused, ErrorCode::Unavailable),
        (Outcome::Refused, ErrorCode::BudgetExceeded),
    ] {
        let claim = estimated(&case);
        case.admit(&claim).await;
        assert_eq!(used(&case).await, [1, 100, 500]);
        let voided = self::outcome(&claim, &case.request, |event| {
            event.ended(outcome, code).output(json!({ "input_tokens": 7, "output_tokens": 0 }))
        });
        case.append(voided).await;
        assert_eq!(used(&case).await, [0, 0, 0], "{outcome} {code}");
    }
    assert_eq!(case.open().await, []);
}

pub(crate) async fn what_was_cancelled_or_panicked_holds_its_charges(case: Case) {
    for (outcome, code, n) in
        [(Outcome::Cancelled, ErrorCode::Cancelled, 1), (Outcome::Panicked, ErrorCode::Panicked, 2)]
    {
        let claim = estimated(&case);
        case.admit(&claim).await;
        case.fail(&claim, outcome, code).await;
        assert_eq!(used(&case).await, [n, 100 * n, 500 * n]);
    }
    assert!(case.open().await.iter().all(|effect| effect.is_in_doubt && !effect.is_expiring));
    assert_eq!(case.open().await.len(), 2);
}

pub(crate) async fn a_day_is_settled_as_a_request_is(case: Case) {
    let of_day = |amount| Charge { period: Period::Day, ..charge(Budget::TOKENS, amount, 1_000) };
    let (settled, voided) = (case.charged([of_day(100)]), case.charged([of_day(300)]));
    let receipt = case.admit(&settled).await.receipt;
    case.admit(&voided).await;
    let today = Scope::Day(receipt.recorded_at.date_naive());
    assert_eq!(case.used_of(today, &Budget::TOKENS).await, 400);
    case.succeed(&settled, json!({ "input_tokens": 0, "output_tokens": 150 })).await;
    case.fail(&voided, Outcome::Failed, ErrorCode::NotPerformed).await;
    assert_eq!(case.used_of(today, &Budget::TOKENS).await, 150);
    assert_eq!(case.used(&Budget::TOKENS).await, 0);
    let tomorrow = Scope::Day(receipt.recorded_at.date_naive().succ_opt().expect("a day"));
    assert_eq!(case.used_of(tomorrow, &Budget::TOKENS).await, 0);
}

pub(crate) async fn an_outcome_twice_settles_once(case: Case) {
    let (claim, other) = (estimated(&case), estimated(&case));
    case.admit(&claim).await;
    case.admit(&other).await;
    let settled = outcome(&claim, &case.request, |event| {
        event.output(json!({ "input_tokens": 9, "output_tokens": 0 }))
    });
    let receipt = case.append(settled.clone()).await;
    assert_eq!(case.append(settled.clone()).await, receipt);
    let batch = [settled.clone(), settled];
    let appended = case.store.append(&batch).await.expect("the batch lands");
    assert_eq!(appended, [Ok(receipt), Ok(receipt)]);
    assert_eq!(used(&case).await, [2, 109, 1_000]);
    case.assert_unbroken().await;
}

pub(crate) async fn a_second_outcome_in_conflict_settles_nothing(case: Case) {
    let claim = estimated(&case);
    case.admit(&claim).await;
    case.succeed(&claim, json!({ "input_tokens": 9, "output_tokens": 0 })).await;
    let other = outcome(&claim, &case.request, |event| {
        event.ended(Outcome::Failed, ErrorCode::NotPerformed)
    });
    let appended = case.store.append(&[other]).await.expect("the batch lands");
    assert!(appended[0].is_err(), "the first stands");
    assert_eq!(used(&case).await, [1, 9, 500]);
}

pub(crate) async fn an_outcome_in_a_batch_of_others_settles_its_effect(case: Case) {
    let (one, two) = (estimated(&case), estimated(&case));
    case.admit(&one).await;
    case.admit(&two).await;
    let known = sealed(event(&case.request));
    case.append(known.clone()).await;
    let spent = |claim: &Claim, tokens: i64| {
        let output = json!({ "input_tokens": tokens, "output_tokens": 0 });
        outcome(claim, &case.request, |event| event.output(output))
    };
    let plain = || sealed(event(&case.request));
    let batch = [plain(), spent(&one, 1), known, plain(), spent(&two, 2), plain()];
    let appended = case.store.append(&batch).await.expect("the batch lands");
    assert!(appended.iter().all(Result::is_ok));
    assert_eq!(used(&case).await, [2, 3, 1_000]);
    assert_eq!(case.open().await, []);
    case.assert_unbroken().await;
}

pub(crate) async fn an_event_that_is_no_outcome_settles_nothing(case: Case) {
    let (claim, stranger) = (estimated(&case), estimated(&case));
    case.admit(&claim).await;
    case.append(testing::outcome(sealed(event(&case.request)))).await;
    case.succeed(&stranger, json!({ "input_tokens": 9, "output_tokens": 0 })).await;
    let plain = outcome(&claim, &case.request, |event| {
        event.output(json!({ "input_tokens": 9, "output_tokens": 0 }))
    });
    let plain = testing::plain(plain);
    case.append(plain.clone()).await;
    assert_eq!(used(&case).await, [1, 100, 500]);
    assert_eq!(case.open().await.len(), 1);
    // Nor does it if it is offered again as an outcome: it did what it does when it was stored.
    let again = testing::outcome(plain);
    case.append(again.clone()).await;
    let among_others = [sealed(event(&case.request)), again];
    case.store.append(&among_others).await.expect("the batch lands");
    assert_eq!(used(&case).await, [1, 100, 500]);
    assert_eq!(case.open().await.len(), 1);
}

pub(crate) async fn an_outcome_of_another_request_is_refused(case: Case) {
    let claim = case.charged([charge(Budget::TOKENS, 5, 10)]);
    case.admit(&claim).await;
    let another = fresh_request();
    let conversation = named_conversation("another");
    let of_another = || outcome(&claim, &another, |event| event.output(json!({})));
    let of_a_conversation =
        || outcome(&claim, &case.request, |event| event.conversation(&conversation));
    // Alone, and among others.
    for batch in
        [vec![of_another()], vec![of_a_conversation()], vec![of_another(), sealed(event(&another))]]
    {
        let error = case.store.append(&batch).await.expect_err("another request's");
        assert!(error.is_refusal(), "{error:?}");
    }
    assert_eq!(case.open().await.len(), 1, "nothing is settled");
    let read = case.store.read_stream(stream(&another)).await.expect("a readable store");
    assert!(read.is_none(), "nothing is recorded: its id is free for the outcome");
    case.succeed(&claim, json!({ "input_tokens": 1, "output_tokens": 2 })).await;
    assert_eq!(case.open().await, []);
    assert_eq!(case.used(&Budget::TOKENS).await, 3);
}

pub(crate) async fn an_outcome_of_another_request_than_its_drained_intent_is_refused(case: Case) {
    let another = fresh_request();
    let (first, second) = (case.claim(), case.claim());
    let foreign = |claim| outcome(claim, &another, |event| event);
    let intent = |claim| spooled(claim, &case.request);
    for batch in [[intent(&first), foreign(&first)], [foreign(&second), intent(&second)]] {
        let error = case.store.append(&batch).await.expect_err("another request's");
        assert!(error.is_refusal(), "{error:?}");
    }
    case.append(intent(&first)).await;
    let error = case.store.append(&[foreign(&first)]).await.expect_err("another request's");
    assert!(error.is_refusal(), "{error:?}");
    case.succeed(&first, json!({})).await;
    assert_eq!(case.open().await, []);
}

pub(crate) async fn a_drain_sets_an_outcome_of_another_request_aside_and_goes_on(case: Case) {
    let claims = [case.claim(), case.claim(), case.claim()];
    for claim in &claims {
        case.admit(claim).await;
    }
    let another = fresh_request();
    let [before, poisoned, after] = &claims;
    let own = |claim| outcome(claim, &case.request, |event| event.output(json!({})));
    let foreign = outcome(poisoned, &another, |event| event.output(json!({})));
    let folder = tempfile::tempdir().expect("a folder");
    let spool = Spool::open(folder.path().join("spool")).await.expect("a spool");
    let later = sealed(event(&another));
    let batch = vec![own(before), foreign.clone(), later.clone(), own(after)];
    spool.push(batch).await.expect("a working spool");
    let batcher =
        testing::Batcher::new(case.store.clone(), Some(spool.clone()), QueueLimits::default(), ());
    batcher.start();
    until("the spool is drained", || spool.depth().events == 0).await;
    let aside = spool.set_aside_records(0, 10).await.expect("a readable spool");
    let [aside] = &aside[..] else { panic!("expected one: {aside:?}") };
    assert!(aside.reason.contains("another request"), "{}", aside.reason);
    assert_eq!(aside.record.as_ref().map(Record::id), Some(foreign.id()));
    let open: Vec<_> = case.open().await.iter().map(|one| one.effect_id).collect();
    assert_eq!(open, [poisoned.effect_id], "the others are settled");
    let read = case.store.read_stream(stream(&another)).await.expect("a readable store");
    let read = read.expect("what came after it is stored");
    assert_eq!(read.records.len(), 1);
    assert_eq!(read.records[0].header.id, later.header().id);
}
