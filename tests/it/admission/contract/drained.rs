//! Effects that were begun while the database was away.

use std::time::Duration;

use chrono::TimeDelta;
use moltbot_audit::event::{Budget, EventType};
use moltbot_audit::store::admission::{Claim, Conclusion, Decision, OpenKind};
use moltbot_audit::{Actor, AuditEvent, testing};
use serde_json::json;

use crate::support::claims::{Case, charge, hash, id_at, outcome, spooled};
use crate::support::records::{morning, sealed, unique};

fn keyed(case: &Case, key: &str) -> Claim {
    case.keyed(key)
}

pub(crate) async fn a_drained_intent_makes_an_entry(case: Case) {
    let claim = keyed(&case, "a key");
    let receipt = case.append(spooled(&claim, &case.request)).await;
    let open = case.open().await;
    assert_eq!(open.len(), 1);
    assert_eq!((open[0].effect_id, open[0].effect.as_str()), (claim.effect_id, "moltbot.called"));
    assert_eq!(open[0].request_id, Some(case.request.uuid()));
    assert!(!open[0].is_in_doubt && !open[0].is_expiring);
    let lease_until = open[0].lease_until;
    let lease = lease_until - receipt.recorded_at;
    assert!((lease - TimeDelta::minutes(1)).abs() < TimeDelta::seconds(20), "{lease}");
    assert!(open[0].admitted_at <= receipt.recorded_at + TimeDelta::minutes(1));
    let running = Decision::InProgress { effect_id: claim.effect_id, lease_until };
    assert_eq!(case.ask(&keyed(&case, "a key")).await, running);
    let other_input = Claim { input_hash: hash("another"), ..keyed(&case, "a key") };
    assert_eq!(case.ask(&other_input).await, Decision::Conflict { effect_id: claim.effect_id });
}

pub(crate) async fn a_drained_intent_leaves_an_entry_as_it_is(case: Case) {
    // Its `admit` had landed, though nobody was told.
    let charged = case.charged([charge(Budget::TOKENS, 5, 10)]);
    let claim = Claim { key_hash: Some(hash("a key")), ..charged };
    case.admit(&claim).await;
    case.succeed(&claim, json!({ "ok": true })).await;
    case.store.append(&[spooled(&claim, &case.request)]).await.expect("the batch lands").len();
    assert_eq!(case.used(&Budget::TOKENS).await, 5);
    assert_eq!(case.open().await, []);
}

pub(crate) async fn a_drained_intent_whose_key_is_held_has_no_key(case: Case) {
    let (holder, late) = (keyed(&case, "a key"), keyed(&case, "a key"));
    case.admit(&holder).await;
    case.append(spooled(&late, &case.request)).await;
    assert_eq!(case.open().await.len(), 2);
    case.append(outcome(&late, &case.request, |event| event.output(json!("late")))).await;
    let Decision::InProgress { effect_id, .. } = case.ask(&keyed(&case, "a key")).await else {
        panic!("expected InProgress");
    };
    assert_eq!(effect_id, holder.effect_id);
}

pub(crate) async fn a_drained_outcome_settles_a_drained_intent(case: Case) {
    let claim = keyed(&case, "a key");
    let output = json!({ "input_tokens": 9, "output_tokens": 0, "text": "Muraho" });
    let settled = outcome(&claim, &case.request, |event| event.output(output.clone()));
    let batch = [spooled(&claim, &case.request), settled];
    for _ in 0..2 {
        let appended = case.store.append(&batch).await.expect("the batch lands");
        assert!(appended.iter().all(Result::is_ok));
    }
    assert_eq!(case.open().await, []);
    assert_eq!(case.used(&Budget::TOKENS).await, 0, "a drained effect is charged nothing");
    let replay = Decision::Replay { effect_id: claim.effect_id, output: Some(output) };
    assert_eq!(case.ask(&keyed(&case, "a key")).await, replay);
    case.assert_unbroken().await;
}

/// However long the intent waited: its process may be alive, and renews the lease from here on.
pub(crate) async fn the_lease_of_a_drained_intent_begins_with_its_entry(case: Case) {
    let claim = case.keyed("a key");
    let endless = Claim { lease: Duration::from_hours(24 * 366 * 400), ..case.claim() };
    let lapsed = Claim { lease: Duration::ZERO, ..case.keyed("another key") };
    // Another host's clock says nothing about a lease.
    let dated = case.claim_at(morning() - TimeDelta::days(900));
    for claim in [&claim, &endless, &lapsed, &dated] {
        let waited =
            spooled(claim, &case.request).waiting_since(morning(), morning() + TimeDelta::hours(9));
        case.append(waited).await;
    }
    let in_doubt: Vec<_> = case.page(OpenKind::InDoubt, None, 9).await;
    let in_doubt: Vec<_> = in_doubt.iter().map(|one| one.effect_id).collect();
    assert_eq!(in_doubt, [lapsed.effect_id]);
    let answer = case.ask(&keyed(&case, "a key")).await;
    assert!(matches!(answer, Decision::InProgress { .. }), "{answer:?}");
    let in_doubt = Decision::InDoubt { effect_id: lapsed.effect_id };
    assert_eq!(case.ask(&keyed(&case, "another key")).await, in_doubt);
    case.conclude(&lapsed, Conclusion::Expired).await.expect("it expires");
    case.conclude(&lapsed, Conclusion::NotPerformed).await.expect("it is resolved");
    case.admit(&keyed(&case, "another key")).await;
}

pub(crate) async fn an_intent_that_does_not_say_its_effect_is_an_event_like_any_other(case: Case) {
    let inputs = [json!({}), json!({ "effect_id": "no id" }), json!({ "effect_id": 7 }), json!("")];
    for input in inputs {
        let event = AuditEvent::new(EventType::EFFECT_ADMITTED, Actor::System);
        let event = event.request(&case.request).id(id_at(morning())).input(input);
        case.append(testing::intent(sealed(event))).await;
    }
    let bare = AuditEvent::new(EventType::EFFECT_ADMITTED, Actor::System).request(&case.request);
    case.append(testing::intent(sealed(bare.id(id_at(morning()))))).await;
    assert_eq!(case.open().await, []);
    assert_eq!(case.event_types().await.len(), 5);
}

pub(crate) async fn keyed_hashes_pass_through_the_sealing_as_they_are(case: Case) {
    // A digest may hold what looks like a phone number or a card.
    for _ in 0..500 {
        let key = unique().to_string();
        let claim = Claim { input_hash: hash(&format!("i{key}")), ..keyed(&case, &key) };
        let intent = spooled(&claim, &case.request);
        let input = intent.input().expect("an input");
        assert_eq!(input["key_hash"], json!(claim.key_hash.map(|hash| hash.to_hex())));
        assert_eq!(input["input_hash"], json!(claim.input_hash.to_hex()));
        assert_eq!(input["effect_id"], json!(claim.effect_id.to_string()));
    }
}
