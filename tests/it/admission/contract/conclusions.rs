//! Leases that end, and what somebody finds out.

use std::time::Duration;

use moltbot_audit::event::Budget;
use moltbot_audit::store::admission::{Claim, Conclusion, Decision, OpenKind};
use moltbot_audit::{ErrorCode, Outcome};
use serde_json::json;

use crate::support::claims::{Case, charge, hash};

/// A claim with a key and a charge whose lease is over at once.
fn lapsing(case: &Case) -> Claim {
    let charged = case.charged([charge(Budget::TOKENS, 100, 1_000)]);
    Claim { key_hash: Some(hash("a key")), lease: Duration::ZERO, ..charged }
}

pub(crate) async fn an_effect_in_doubt_that_was_performed_keeps_its_charge_and_its_key(case: Case) {
    let claim = lapsing(&case);
    case.admit(&claim).await;
    case.conclude(&claim, Conclusion::Expired).await.expect("it expires");
    case.conclude(&claim, Conclusion::Performed).await.expect("it is resolved");
    assert_eq!(case.used(&Budget::TOKENS).await, 100);
    assert_eq!(case.open().await, []);
    // Nobody knows what it returned.
    let replay = Decision::Replay { effect_id: claim.effect_id, output: None };
    assert_eq!(case.ask(&lapsing(&case)).await, replay);
    case.assert_unbroken().await;
}

pub(crate) async fn an_effect_in_doubt_that_was_not_performed_gives_both_back(case: Case) {
    let claim = lapsing(&case);
    case.admit(&claim).await;
    case.conclude(&claim, Conclusion::Expired).await.expect("it expires");
    assert_eq!(case.used(&Budget::TOKENS).await, 100);
    case.conclude(&claim, Conclusion::NotPerformed).await.expect("it is resolved");
    assert_eq!(case.used(&Budget::TOKENS).await, 0);
    assert_eq!(case.open().await, []);
    assert_eq!(case.admit(&lapsing(&case)).await.used, [100]);
    case.assert_unbroken().await;
}

pub(crate) async fn a_lease_expires_once_and_only_when_it_is_over(case: Case) {
    let running = case.claim();
    case.admit(&running).await;
    assert_eq!(case.conclude(&running, Conclusion::Expired).await, None);
    let over = lapsing(&case);
    case.admit(&over).await;
    assert_eq!(case.conclude(&over, Conclusion::Expired).await.expect("it expires").seq, 3);
    assert_eq!(case.conclude(&over, Conclusion::Expired).await, None);
    assert_eq!(case.event_types().await.len(), 3, "what is not concluded is not recorded");
}

pub(crate) async fn what_is_running_or_has_ended_is_not_concluded(case: Case) {
    let (running, done, failed, voided) = (case.claim(), case.claim(), case.claim(), case.claim());
    for claim in [&running, &done, &failed, &voided] {
        case.admit(claim).await;
    }
    case.succeed(&done, json!({})).await;
    case.fail(&failed, Outcome::Failed, ErrorCode::ProviderError).await;
    case.fail(&voided, Outcome::Failed, ErrorCode::NotPerformed).await;
    let unknown = case.claim();
    for claim in [&running, &done, &failed, &voided, &unknown] {
        for conclusion in [Conclusion::Expired, Conclusion::Performed, Conclusion::NotPerformed] {
            assert_eq!(case.conclude(claim, conclusion).await, None, "{conclusion:?}");
        }
    }
    assert_eq!(case.event_types().await.len(), 7);
}

pub(crate) async fn a_lease_that_is_over_may_be_resolved_without_being_expired(case: Case) {
    for (conclusion, used) in [(Conclusion::NotPerformed, 0), (Conclusion::Performed, 100)] {
        let claim = lapsing(&case);
        case.admit(&claim).await;
        case.conclude(&claim, conclusion).await.expect("it is resolved");
        assert_eq!(case.used(&Budget::TOKENS).await, used);
        assert_eq!(case.conclude(&claim, conclusion).await, None, "once");
    }
}

pub(crate) async fn the_same_conclusion_again_gets_its_first_receipt(case: Case) {
    let claim = lapsing(&case);
    case.admit(&claim).await;
    let [expiry, resolution] = [Conclusion::Expired, Conclusion::NotPerformed]
        .map(|conclusion| case.conclusion(&claim, conclusion));
    for (conclusion, record) in
        [(Conclusion::Expired, &expiry), (Conclusion::NotPerformed, &resolution)]
    {
        let first = case.conclude_by(&claim, conclusion, record).await;
        assert!(first.is_some(), "{conclusion:?}");
        assert_eq!(case.conclude_by(&claim, conclusion, record).await, first);
    }
    assert_eq!(case.used(&Budget::TOKENS).await, 0, "given back once");
    assert_eq!(case.event_types().await.len(), 3);
    case.assert_unbroken().await;
}

pub(crate) async fn an_effect_cancelled_by_its_outcome_can_be_resolved(case: Case) {
    let claim = Claim { lease: Duration::from_mins(1), ..lapsing(&case) };
    case.admit(&claim).await;
    case.fail(&claim, Outcome::Cancelled, ErrorCode::Cancelled).await;
    assert_eq!(case.conclude(&claim, Conclusion::Expired).await, None, "it is in doubt already");
    case.conclude(&claim, Conclusion::Performed).await.expect("it is resolved");
    assert_eq!(case.used(&Budget::TOKENS).await, 100);
    let replay = Decision::Replay { effect_id: claim.effect_id, output: None };
    assert_eq!(case.ask(&lapsing(&case)).await, replay, "a cancelled outcome returned nothing");
}

pub(crate) async fn an_outcome_after_its_lease_settles_the_effect(case: Case) {
    let claim = lapsing(&case);
    case.admit(&claim).await;
    case.conclude(&claim, Conclusion::Expired).await.expect("it expires");
    let output = json!({ "input_tokens": 40, "output_tokens": 2 });
    case.succeed(&claim, output.clone()).await;
    assert_eq!(case.used(&Budget::TOKENS).await, 42);
    assert_eq!(case.open().await, []);
    let replay = Decision::Replay { effect_id: claim.effect_id, output: Some(output) };
    assert_eq!(case.ask(&lapsing(&case)).await, replay);
}

pub(crate) async fn an_outcome_after_a_resolution_is_what_counts(case: Case) {
    let tokens = |used: i64| json!({ "input_tokens": used, "output_tokens": 0 });
    for (conclusion, resolved) in [(Conclusion::Performed, 100), (Conclusion::NotPerformed, 0)] {
        let claim = Claim { key_hash: None, ..lapsing(&case) };
        let before = case.used(&Budget::TOKENS).await;
        case.admit(&claim).await;
        case.conclude(&claim, conclusion).await.expect("it is resolved");
        assert_eq!(case.used(&Budget::TOKENS).await - before, resolved);
        case.succeed(&claim, tokens(70)).await;
        assert_eq!(case.used(&Budget::TOKENS).await - before, 70, "{conclusion:?}");
    }
    // Known not to have been performed twice over, and given back once.
    let claim = Claim { key_hash: None, ..lapsing(&case) };
    case.admit(&claim).await;
    case.conclude(&claim, Conclusion::NotPerformed).await.expect("it is resolved");
    case.fail(&claim, Outcome::Failed, ErrorCode::NotPerformed).await;
    assert_eq!(case.used(&Budget::TOKENS).await, 140);
}

pub(crate) async fn open_effects_are_listed_in_the_order_in_which_their_leases_end(case: Case) {
    let (doubtful, expiring, running) = (case.claim(), lapsing(&case), case.claim());
    for claim in [&doubtful, &expiring, &running] {
        case.admit(claim).await;
    }
    case.fail(&doubtful, Outcome::Panicked, ErrorCode::Panicked).await;
    let open = case.open().await;
    let facts: Vec<_> =
        open.iter().map(|it| (it.effect_id, it.is_in_doubt, it.is_expiring)).collect();
    let expected = [
        (expiring.effect_id, true, true),
        (doubtful.effect_id, true, false),
        (running.effect_id, false, false),
    ];
    assert_eq!(facts, expected);
    for effect in &open {
        assert_eq!(effect.effect, "moltbot.called");
        assert_eq!(effect.request_id, Some(case.request.uuid()));
        assert_eq!(effect.conversation_id, None);
        let found = case.admission().open_effect(effect.effect_id).await;
        assert_eq!(found.expect("a readable store").as_ref(), Some(effect));
    }
    let lease = open[2].lease_until - open[2].admitted_at;
    assert_eq!(lease.to_std().expect("not negative"), running.lease);
    assert_eq!(case.page(OpenKind::InDoubt, None, 9).await, open[..2]);
    assert_eq!(case.page(OpenKind::Expiring, None, 9).await, open[..1]);
    assert_eq!(case.admission().count_in_doubt().await.expect("a readable store"), 2);
    case.conclude(&expiring, Conclusion::Expired).await.expect("it expires");
    let expired = &case.open().await[0];
    assert!(expired.is_in_doubt && !expired.is_expiring);
    assert_eq!(case.page(OpenKind::Expiring, None, 9).await, []);
}

pub(crate) async fn pages_of_open_effects_follow_each_other(case: Case) {
    let claims: Vec<Claim> = (0..7).map(|_| Claim { key_hash: None, ..lapsing(&case) }).collect();
    for claim in &claims {
        case.admit(claim).await;
    }
    for of in [OpenKind::All, OpenKind::Expiring, OpenKind::InDoubt] {
        let whole = case.page(of, None, 9).await;
        assert_eq!(whole.len(), 7, "{of:?}");
        let (mut paged, mut after) = (Vec::new(), None);
        loop {
            let page = case.page(of, after.as_ref(), 3).await;
            let Some(last) = page.last() else { break };
            after = Some(last.clone());
            paged.extend(page);
        }
        assert_eq!(paged, whole, "{of:?}");
    }
    case.succeed(&claims[3], json!({})).await;
    let unknown = case.claim().effect_id;
    for ended in [claims[3].effect_id, unknown] {
        assert_eq!(case.admission().open_effect(ended).await.expect("a readable store"), None);
    }
}
