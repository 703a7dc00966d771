//! Outcomes that come before what they are the outcome of.

use std::time::Duration;

use moltbot_audit::event::Budget;
use moltbot_audit::record::Record;
use moltbot_audit::store::admission::{Claim, Conclusion, Decision};
use moltbot_audit::{Actor, AuditEvent, ErrorCode, EventType, Outcome, testing};
use serde_json::json;

use crate::support::claims::{Case, charge, hash, id_at, outcome, spooled};
use crate::support::records::{event, morning, sealed};

const ENDS: [(Outcome, Option<ErrorCode>); 5] = [
    (Outcome::Succeeded, None),
    (Outcome::Failed, Some(ErrorCode::ProviderError)),
    (Outcome::Failed, Some(ErrorCode::NotPerformed)),
    (Outcome::Refused, Some(ErrorCode::Unavailable)),
    (Outcome::Cancelled, Some(ErrorCode::Cancelled)),
];

fn ended(case: &Case, claim: &Claim, end: (Outcome, Option<ErrorCode>)) -> Record {
    outcome(claim, &case.request, |event| match end {
        (outcome, Some(code)) => event.ended(outcome, code),
        (_, None) => event.output(json!("done")),
    })
}

fn charged_and_keyed(case: &Case, key: &str) -> Claim {
    Claim { key_hash: Some(hash(key)), ..case.charged([charge(Budget::TOKENS, 5, 10)]) }
}

/// A key for each case; of a longer one `hash` takes the beginning.
fn key(nth: usize, is_batched: bool) -> String {
    format!("{nth} {is_batched}")
}

pub(crate) async fn what_has_an_outcome_is_not_admitted(case: Case) {
    for (nth, end) in ENDS.into_iter().enumerate() {
        for is_batched in [false, true] {
            let claim = charged_and_keyed(&case, &key(nth, is_batched));
            let settled = ended(&case, &claim, end);
            let mut batch = vec![settled.clone()];
            if is_batched {
                batch.push(sealed(event(&case.request)));
            }
            let first = case.store.append(&batch).await.expect("the batch lands");
            let conflict = Decision::Conflict { effect_id: claim.effect_id };
            assert_eq!(case.ask(&claim).await, conflict, "{end:?}");
            // Told again, it is the same.
            assert_eq!(Ok(case.append(settled).await), first[0]);
            assert_eq!(case.ask(&claim).await, conflict, "{end:?}");
            // Its key is another's to take, and it is nobody's to resolve.
            for conclusion in [Conclusion::Expired, Conclusion::NotPerformed] {
                assert_eq!(case.conclude(&claim, conclusion).await, None);
            }
            let keyed = Claim { key_hash: claim.key_hash, ..case.claim() };
            case.admit(&keyed).await;
            case.succeed(&keyed, json!(1)).await;
        }
    }
    assert_eq!(case.open().await, []);
    assert_eq!(case.used(&Budget::TOKENS).await, 0);
    case.assert_unbroken().await;
}

pub(crate) async fn an_outcome_before_its_drained_intent_is_one_effect(case: Case) {
    for (nth, end) in ENDS.into_iter().enumerate() {
        for is_batched in [false, true] {
            let key = key(nth, is_batched);
            let claim = Claim { key_hash: Some(hash(&key)), ..case.claim() };
            let late = [ended(&case, &claim, end), spooled(&claim, &case.request)];
            if is_batched {
                let appended = case.store.append(&late).await.expect("the batch lands");
                assert!(appended.iter().all(Result::is_ok));
            } else {
                for record in late {
                    case.append(record).await;
                }
            }
            let again = Claim { key_hash: claim.key_hash, ..case.claim() };
            let effect_id = claim.effect_id;
            match end.0 {
                Outcome::Succeeded => {
                    let output = Some(json!("done"));
                    let replay = Decision::Replay { effect_id, output };
                    assert_eq!(case.ask(&again).await, replay, "{key}");
                }
                Outcome::Cancelled => {
                    assert_eq!(case.ask(&again).await, Decision::InDoubt { effect_id }, "{key}");
                    let open = case.open().await;
                    assert_eq!(open.len(), 1);
                    let of = (open[0].effect.as_str(), open[0].request_id, open[0].is_in_doubt);
                    assert_eq!(of, ("moltbot.called", Some(case.request.uuid()), true));
                    case.conclude(&claim, Conclusion::Performed).await.expect("it is in doubt");
                }
                _ => {
                    case.admit(&again).await;
                    case.succeed(&again, json!(1)).await;
                }
            }
            assert_eq!(case.open().await, [], "{key}");
        }
    }
    case.assert_unbroken().await;
}

pub(crate) async fn a_key_that_another_effect_took_meanwhile_stays_with_that(case: Case) {
    let (late, holder) = (case.keyed("a key"), case.keyed("a key"));
    case.append(ended(&case, &late, ENDS[0])).await;
    case.admit(&holder).await;
    case.append(spooled(&late, &case.request)).await;
    let Decision::InProgress { effect_id, .. } = case.ask(&case.keyed("a key")).await else {
        panic!("expected InProgress");
    };
    assert_eq!(effect_id, holder.effect_id);
    assert_eq!(case.open().await.len(), 1);
}

pub(crate) async fn what_is_stored_does_not_become_an_outcome(case: Case) {
    let claim = case.charged([charge(Budget::TOKENS, 5, 10)]);
    case.admit(&claim).await;
    let settled = ended(&case, &claim, ENDS[1]);
    case.append(testing::plain(settled.clone())).await;
    case.append(settled).await;
    assert_eq!(case.open().await.len(), 1, "the first said nothing of its effect");
}

pub(crate) async fn a_claim_whose_intent_is_recorded_without_an_entry_is_an_error(case: Case) {
    let intent = AuditEvent::new(EventType::EFFECT_ADMITTED, Actor::System);
    let intent = sealed(intent.request(&case.request).id(id_at(morning())).input(json!({})));
    case.append(testing::intent(intent.clone())).await;
    let claim = Claim { intent, ..charged_and_keyed(&case, "a key") };
    let error = case.admission().admit(&claim).await.expect_err("nobody knows of its effect");
    assert!(error.is_refusal(), "{error:?}");
    assert_eq!(case.used(&Budget::TOKENS).await, 0);
    assert_eq!(case.open().await, []);
    assert_eq!(case.event_types().await.len(), 1);
}

/// Whichever lands first: nothing stays held, and nothing is admitted after its outcome.
pub(crate) async fn a_claim_and_its_outcome_at_once_leave_nothing_held(case: Case) {
    for round in 0..40 {
        let claim = charged_and_keyed(&case, "a key");
        let settled = ended(&case, &claim, (Outcome::Refused, Some(ErrorCode::Unavailable)));
        let (asking, telling) = (case.clone(), case.clone());
        let asked = {
            let claim = claim.clone();
            tokio::spawn(async move { asking.ask(&claim).await })
        };
        if round % 2 == 0 {
            tokio::time::sleep(Duration::from_micros(100 * (round % 8))).await;
        }
        let told = tokio::spawn(async move { telling.append(settled).await });
        let verdict = asked.await.expect("the store decides");
        let outcome = told.await.expect("it lands");
        match verdict {
            Decision::Proceed(admission) => assert!(admission.receipt.seq < outcome.seq),
            other => assert_eq!(other, Decision::Conflict { effect_id: claim.effect_id }),
        }
        assert_eq!(case.open().await, []);
        assert_eq!(case.used(&Budget::TOKENS).await, 0);
    }
    case.assert_unbroken().await;
}
