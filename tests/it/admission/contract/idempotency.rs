//! One key, one effect.

use std::time::Duration;

use moltbot_audit::event::{Budget, Switch};
use moltbot_audit::proof::canonical;
use moltbot_audit::record::Record;
use moltbot_audit::store::admission::{Claim, Conclusion, Decision};
use moltbot_audit::{Actor, AuditEvent, ErrorCode, EventId, EventType, Outcome};
use serde_json::json;

use crate::support::claims::{Case, charge, flip, hash, outcome, told};
use crate::support::records::{event, is_first_receipt, sealed};

pub(crate) async fn the_same_claim_again_gets_its_first_receipt_and_takes_nothing(case: Case) {
    let claim =
        Claim { key_hash: Some(hash("a key")), ..case.charged([charge(Budget::TOKENS, 6, 10)]) };
    let first = case.admit(&claim).await;
    assert_eq!(first.used, [6]);
    let again = case.admit(&claim).await;
    assert!(is_first_receipt(&again.receipt, &first.receipt));
    assert_eq!((again.used.len(), again.elapsed), (0, None));
    // The answer stays, whatever happened since.
    case.succeed(&claim, json!("done")).await;
    assert!(is_first_receipt(&case.admit(&claim).await.receipt, &first.receipt));
    assert_eq!(case.used(&Budget::TOKENS).await, 6);
    assert_eq!(case.event_types().await.len(), 2);
    case.assert_unbroken().await;
}

pub(crate) async fn a_failed_claim_again_gets_its_first_receipt_even_when_its_key_is_anothers(
    case: Case,
) {
    let claim = case.keyed("a key");
    let first = case.admit(&claim).await;
    case.fail(&claim, Outcome::Failed, ErrorCode::ProviderError).await;
    case.admit(&case.keyed("a key")).await;
    assert!(is_first_receipt(&case.admit(&claim).await.receipt, &first.receipt));
    assert_eq!(case.open().await.len(), 1);
}

pub(crate) async fn a_key_with_another_input_is_a_conflict(case: Case) {
    let claim = case.keyed("a key");
    let other = Claim { input_hash: hash("another"), ..case.keyed("a key") };
    let conflict = Decision::Conflict { effect_id: claim.effect_id };
    case.admit(&claim).await;
    assert_eq!(case.ask(&other).await, conflict, "while it is running");
    case.succeed(&claim, json!("done")).await;
    assert_eq!(case.ask(&other).await, conflict, "once it has succeeded");
    case.admit(&Claim { key_hash: Some(hash("another key")), ..other }).await;
}

pub(crate) async fn a_key_whose_effect_succeeded_replays_the_same_bytes(case: Case) {
    let output = json!({
        "text": "Dufite iyi charger\n\u{1f50c} \"12 500\"", "price": 12_500, "confidence": 0.1,
        "large": 9_007_199_254_740_993_u64, "none": null, "list": [1.5, -0.0, 1e21], "": {},
    });
    let claim = case.keyed("a key");
    case.admit(&claim).await;
    let recorded = outcome(&claim, &case.request, |event| event.output(output));
    case.append(recorded.clone()).await;
    let Decision::Replay { effect_id, output: Some(replayed) } =
        case.ask(&case.keyed("a key")).await
    else {
        panic!("expected Replay with an output");
    };
    assert_eq!(effect_id, claim.effect_id);
    assert_eq!(Some(canonical(&replayed).as_str()), recorded.canonical_output());
    // An effect may return nothing.
    let silent = case.keyed("silent");
    case.admit(&silent).await;
    case.append(outcome(&silent, &case.request, |event| event)).await;
    let replay = Decision::Replay { effect_id: silent.effect_id, output: None };
    assert_eq!(case.ask(&case.keyed("silent")).await, replay);
}

pub(crate) async fn a_key_whose_effect_runs_is_in_progress(case: Case) {
    let claim = case.keyed("a key");
    case.admit(&claim).await;
    let lease_until = case.open().await[0].lease_until;
    let running = Decision::InProgress { effect_id: claim.effect_id, lease_until };
    assert_eq!(case.ask(&case.keyed("a key")).await, running);
    // Keys are the deployment's, not a request's.
    let other = Case::new(case.store.clone());
    assert_eq!(other.ask(&other.keyed("a key")).await, running);
    other.admit(&other.keyed("another")).await;
    other.admit(&other.claim()).await;
    other.admit(&other.claim()).await;
}

pub(crate) async fn a_key_whose_lease_is_over_is_in_doubt(case: Case) {
    let claim = Claim { lease: Duration::ZERO, ..case.keyed("a key") };
    case.admit(&claim).await;
    let in_doubt = Decision::InDoubt { effect_id: claim.effect_id };
    assert_eq!(case.ask(&case.keyed("a key")).await, in_doubt);
    case.conclude(&claim, Conclusion::Expired).await.expect("it expires");
    assert_eq!(case.ask(&case.keyed("a key")).await, in_doubt);
}

pub(crate) async fn a_key_whose_effect_was_cancelled_is_in_doubt(case: Case) {
    for (key, outcome, code) in [
        ("one", Outcome::Cancelled, ErrorCode::Cancelled),
        ("two", Outcome::Panicked, ErrorCode::Panicked),
    ] {
        let claim = case.keyed(key);
        case.admit(&claim).await;
        case.fail(&claim, outcome, code).await;
        let in_doubt = Decision::InDoubt { effect_id: claim.effect_id };
        assert_eq!(case.ask(&case.keyed(key)).await, in_doubt);
    }
}

pub(crate) async fn a_key_is_free_again_once_its_effect_failed_or_was_voided(case: Case) {
    for (ended, code) in [
        (Outcome::Failed, ErrorCode::ProviderError),
        (Outcome::Failed, ErrorCode::NotPerformed),
        (Outcome::Refused, ErrorCode::Unavailable),
    ] {
        let claim = case.keyed("a key");
        case.admit(&claim).await;
        case.fail(&claim, ended, code).await;
    }
    // With another input too.
    case.admit(&Claim { input_hash: hash("another"), ..case.keyed("a key") }).await;
}

pub(crate) async fn an_effects_id_is_never_used_twice(case: Case) {
    let claim = case.claim();
    case.admit(&claim).await;
    let again = |input: &str| Claim {
        effect_id: claim.effect_id,
        input_hash: hash(input),
        ..case.keyed("a key")
    };
    let conflict = Decision::Conflict { effect_id: claim.effect_id };
    assert_eq!(case.ask(&again("another")).await, conflict);
    assert!(matches!(case.ask(&again("an input")).await, Decision::InProgress { .. }));
    case.fail(&claim, Outcome::Failed, ErrorCode::ProviderError).await;
    assert_eq!(case.ask(&again("an input")).await, conflict);
    assert_eq!(case.ask(&again("another")).await, conflict);
}

pub(crate) async fn what_a_key_says_goes_before_every_other_obstacle(case: Case) {
    let claim = case.keyed("a key");
    case.admit(&claim).await;
    case.succeed(&claim, json!("done")).await;
    let blocked = Claim {
        switches: vec![Switch::AI],
        charges: vec![charge(Budget::TOKENS, 2, 1)],
        elapsed_max: Some(Duration::ZERO),
        ..case.keyed("a key")
    };
    let replay = Decision::Replay { effect_id: claim.effect_id, output: Some(json!("done")) };
    assert_eq!(case.ask(&blocked).await, replay);
}

pub(crate) async fn an_intent_whose_id_is_taken_is_an_error_and_takes_nothing(case: Case) {
    let claim = case.charged([charge(Budget::TOKENS, 1, 10)]);
    let id = moltbot_audit::EventId::from_uuid(claim.intent.header().id).expect("an event id");
    case.append(sealed(event(&case.request).id(id))).await;
    let error = case.admission().admit(&told(&claim)).await.expect_err("the id is taken");
    assert!(error.is_refusal(), "{error}");
    assert_eq!(case.used(&Budget::TOKENS).await, 0);
    assert_eq!(case.open().await, []);
    case.assert_unbroken().await;
}

pub(crate) async fn an_answer_prints_nothing_of_what_it_replays(case: Case) {
    let claim = case.keyed("a key");
    case.admit(&claim).await;
    case.succeed(&claim, json!({ "text": "Ndashaka imiti ya Keza" })).await;
    let replay = case.ask(&case.keyed("a key")).await;
    assert!(matches!(replay, Decision::Replay { output: Some(_), .. }));
    assert!(!format!("{replay:?}").contains("Keza"));
}

pub(crate) async fn what_is_told_again_with_other_content_is_an_error(case: Case) {
    let another = |record: &Record, actor| {
        let mut input = record.input().expect("an input");
        input["note"] = json!("another");
        let event_type = match record.header().event_type.as_str() {
            "effect.admitted" => EventType::EFFECT_ADMITTED,
            "effect.resolved" => EventType::EFFECT_RESOLVED,
            _ => EventType::SWITCH_RESET,
        };
        let event = AuditEvent::new(event_type, actor).input(input);
        let id = EventId::from_uuid(record.header().id).expect("an event id");
        let is_of_request = record.header().request_id.is_some();
        let event = if is_of_request { event.request(&case.request) } else { event };
        sealed(event.id(id))
    };
    let claim = told(&Claim { lease: Duration::ZERO, ..case.keyed("a key") });
    case.admit(&claim).await;
    let other = Claim { intent: another(&claim.intent, Actor::System), ..claim.clone() };
    let error = case.admission().admit(&other).await.expect_err("another intent");
    assert!(error.is_refusal(), "{error:?}");

    let conclusion = Conclusion::Performed;
    let record = case.conclusion(&claim, conclusion);
    case.conclude_by(&claim, conclusion, &record).await.expect("it is in doubt");
    let other = another(&record, Actor::Admin);
    let error = case.admission().conclude(claim.effect_id, conclusion, &other).await;
    let error = error.expect_err("another conclusion");
    assert!(error.is_refusal(), "{error:?}");

    let (state, record) = flip(Switch::OCR, false);
    case.admission().set_switch(&state, &record).await.expect("the switch is set");
    let error = case.admission().set_switch(&state, &another(&record, Actor::Admin)).await;
    let error = error.expect_err("another flip");
    assert!(error.is_refusal(), "{error:?}");
    let states = case.admission().switches().await.expect("a readable store");
    let ocr = states.iter().find(|state| state.switch == Switch::OCR);
    assert_eq!(ocr.map(|state| state.is_engaged), Some(false));
    assert_eq!(case.event_types().await.len(), 2);
}
