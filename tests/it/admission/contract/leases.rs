//! Leases of effects that run, renewed by their process.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use moltbot_audit::store::admission::{Claim, Conclusion, Lease};
use moltbot_audit::{ErrorCode, Outcome};
use serde_json::json;

use crate::support::claims::{Case, spooled};

async fn renew(case: &Case, claims: &[&Claim], length: Duration) {
    let lease = |claim: &&Claim| Lease { effect_id: claim.effect_id, length };
    let leases: Vec<_> = claims.iter().map(lease).collect();
    case.admission().renew_leases(&leases).await.expect("the store renews");
}

/// When the lease of an open effect ends.
async fn end(case: &Case, claim: &Claim) -> DateTime<Utc> {
    let found = case.admission().open_effect(claim.effect_id).await.expect("a readable store");
    found.expect("it is open").lease_until
}

pub(crate) async fn a_renewed_lease_ends_its_length_from_now(case: Case) {
    let claim = case.claim();
    let admitted_at = case.admit(&claim).await.receipt.recorded_at;
    let before = end(&case, &claim).await;
    renew(&case, &[&claim], claim.lease).await;
    let renewed = end(&case, &claim).await;
    assert!(renewed >= before, "{renewed} {before}");
    assert!(renewed - admitted_at < TimeDelta::minutes(1) + TimeDelta::seconds(50), "{renewed}");
    // By the length that is told, and as if told once.
    renew(&case, &[&claim], Duration::from_hours(3)).await;
    renew(&case, &[&claim], Duration::from_hours(2)).await;
    let renewed = end(&case, &claim).await - admitted_at;
    assert!(renewed >= TimeDelta::hours(2), "{renewed}");
    assert!(renewed < TimeDelta::hours(2) + TimeDelta::minutes(1), "{renewed}");
    renew(&case, &[&claim], Duration::MAX).await;
    assert!(end(&case, &claim).await - admitted_at > TimeDelta::days(100_000));
}

pub(crate) async fn a_lease_that_is_over_is_not_revived(case: Case) {
    let [over, expired, resolved] = [0; 3].map(|_| Claim { lease: Duration::ZERO, ..case.claim() });
    for claim in [&over, &expired, &resolved] {
        case.admit(claim).await;
    }
    case.conclude(&expired, Conclusion::Expired).await.expect("it expires");
    case.conclude(&resolved, Conclusion::NotPerformed).await.expect("it is resolved");
    renew(&case, &[&over, &expired, &resolved], Duration::from_hours(1)).await;
    let open = case.open().await;
    let facts: Vec<_> =
        open.iter().map(|it| (it.effect_id, it.is_in_doubt, it.is_expiring)).collect();
    assert_eq!(facts, [(over.effect_id, true, true), (expired.effect_id, true, false)]);
    case.conclude(&over, Conclusion::Performed).await.expect("it may still be resolved");
}

pub(crate) async fn what_has_ended_or_is_unknown_is_not_renewed(case: Case) {
    let [done, failed, cancelled, unknown] = [0; 4].map(|_| case.claim());
    for claim in [&done, &failed, &cancelled] {
        case.admit(claim).await;
    }
    case.succeed(&done, json!({})).await;
    case.fail(&failed, Outcome::Failed, ErrorCode::ProviderError).await;
    case.fail(&cancelled, Outcome::Cancelled, ErrorCode::Cancelled).await;
    let before = end(&case, &cancelled).await;
    renew(&case, &[&done, &failed, &cancelled, &unknown], Duration::from_hours(9)).await;
    assert_eq!(end(&case, &cancelled).await, before, "what is in doubt has no lease to renew");
    assert_eq!(case.open().await.len(), 1);
    // An effect of which only the outcome is known is nobody's either.
    case.succeed(&unknown, json!({})).await;
    renew(&case, &[&unknown], Duration::from_hours(9)).await;
    assert_eq!(case.open().await.len(), 1);
}

pub(crate) async fn a_renewal_appends_nothing_and_names_no_other_effect(case: Case) {
    let (long, other) = (case.claim(), case.claim());
    case.admit(&long).await;
    case.admit(&other).await;
    let before = end(&case, &other).await;
    renew(&case, &[&long, &long], Duration::from_hours(1)).await;
    renew(&case, &[], Duration::from_hours(1)).await;
    assert_eq!(end(&case, &other).await, before);
    assert_eq!(case.event_types().await, ["effect.admitted", "effect.admitted"]);
    case.succeed(&long, json!({})).await;
    case.assert_unbroken().await;
}

pub(crate) async fn the_lease_of_a_drained_intent_is_renewed(case: Case) {
    let claim = case.claim();
    renew(&case, &[&claim], Duration::from_hours(1)).await;
    let receipt = case.append(spooled(&claim, &case.request)).await;
    renew(&case, &[&claim], Duration::from_hours(1)).await;
    let left = end(&case, &claim).await - receipt.recorded_at;
    assert!(left > TimeDelta::minutes(50), "{left}");
}

pub(crate) async fn a_thousand_leases_are_renewed_at_once(case: Case) {
    let claims: Vec<Claim> = (0..1_000).map(|_| case.claim()).collect();
    let intents: Vec<_> = claims.iter().map(|claim| spooled(claim, &case.request)).collect();
    for intents in intents.chunks(250) {
        case.store.append(intents).await.expect("the batch lands");
    }
    renew(&case, &claims.iter().collect::<Vec<_>>(), Duration::from_hours(1)).await;
    let open = case.open().await;
    assert_eq!(open.len(), 1_000);
    assert!(open.iter().all(|one| one.lease_until - one.admitted_at > TimeDelta::minutes(50)));
}
