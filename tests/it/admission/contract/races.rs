//! Many at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use moltbot_audit::event::{Budget, Switch};
use moltbot_audit::record::Receipt;
use moltbot_audit::store::admission::{Claim, Decision, Obstacle};

use crate::support::claims::{Case, charge};

/// Asks for all claims at once.
async fn ask_all(case: &Case, claims: Vec<Claim>) -> Vec<Decision> {
    let ask = |claim| {
        let case = case.clone();
        tokio::spawn(async move { case.ask(&claim).await })
    };
    let tasks: Vec<_> = claims.into_iter().map(ask).collect();
    let mut verdicts = Vec::new();
    for task in tasks {
        verdicts.push(task.await.expect("the store decides"));
    }
    verdicts
}

pub(crate) async fn fifty_claims_at_once_for_eight_places_admit_eight(case: Case) {
    let claims = (0..50).map(|_| case.charged([charge(Budget::MOLTBOT_CALLS, 1, 8)]));
    let verdicts = ask_all(&case, claims.collect()).await;
    let mut used: Vec<i64> = Vec::new();
    for verdict in verdicts {
        match verdict {
            Decision::Proceed(admission) => used.extend(admission.used),
            refused => {
                let full = Obstacle::Budget { charge: 0, used: 8 };
                assert_eq!(refused, Decision::Refused(full));
            }
        }
    }
    used.sort_unstable();
    assert_eq!(used, [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(case.used(&Budget::MOLTBOT_CALLS).await, 8);
    assert_eq!(case.event_types().await, ["effect.admitted"; 8]);
    case.assert_unbroken().await;
}

pub(crate) async fn claims_of_two_budgets_at_once_leave_both_sums_right(case: Case) {
    let claims = (1..=40).map(|n| {
        let (batches, vendors) =
            (charge(Budget::VENDOR_BATCHES, 1, 7), charge(Budget::VENDORS, n % 5 + 1, 15));
        // In another order in each: a circle of waiting writers would show.
        case.charged(if n % 2 == 0 { [batches, vendors] } else { [vendors, batches] })
    });
    let claims: Vec<_> = claims.collect();
    let verdicts = ask_all(&case, claims.clone()).await;
    let (mut batches, mut vendors) = (0, 0);
    for (claim, verdict) in claims.iter().zip(verdicts) {
        if matches!(verdict, Decision::Proceed(_)) {
            let amount =
                |of| claim.charges.iter().find(|it| it.budget == of).map_or(0, |it| it.amount);
            batches += amount(Budget::VENDOR_BATCHES);
            vendors += amount(Budget::VENDORS);
        }
    }
    assert!((1..=7).contains(&batches) && (1..=15).contains(&vendors));
    assert_eq!(case.used(&Budget::VENDOR_BATCHES).await, batches);
    assert_eq!(case.used(&Budget::VENDORS).await, vendors);
    assert_eq!(i64::try_from(case.open().await.len()), Ok(batches));
    case.assert_unbroken().await;
}

pub(crate) async fn a_hundred_claims_of_one_key_at_once_admit_one(case: Case) {
    let verdicts = ask_all(&case, (0..100).map(|_| case.keyed("a key")).collect()).await;
    let count = |is: fn(&Decision) -> bool| verdicts.iter().filter(|verdict| is(verdict)).count();
    assert_eq!(count(|verdict| matches!(verdict, Decision::Proceed(_))), 1);
    assert_eq!(count(|verdict| matches!(verdict, Decision::InProgress { .. })), 99);
    assert_eq!(case.event_types().await, ["effect.admitted"]);
}

pub(crate) async fn a_claim_told_at_once_many_times_is_admitted_once(case: Case) {
    let claim = case.charged([charge(Budget::TOKENS, 3, 10)]);
    let verdicts = ask_all(&case, vec![claim; 16]).await;
    let receipts = verdicts.iter().map(|verdict| match verdict {
        Decision::Proceed(admission) => admission.receipt,
        other => panic!("expected Proceed, got {other:?}"),
    });
    let receipts: Vec<_> = receipts.collect();
    assert_eq!(receipts.iter().filter(|receipt| !receipt.is_duplicate()).count(), 1);
    let place = |receipt: &Receipt| (receipt.event_id, receipt.seq, receipt.chain_hash);
    assert!(receipts.iter().all(|other| place(other) == place(&receipts[0])));
    assert_eq!(case.used(&Budget::TOKENS).await, 3);
    assert_eq!(case.event_types().await.len(), 1);
}

pub(crate) async fn nothing_is_admitted_once_a_switch_is_set(case: Case) {
    for _ in 0..10 {
        case.set(Switch::OCR, false).await;
        let (is_set, late) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let hammers = (0..4).map(|_| {
            let (case, is_set, late) = (case.clone(), is_set.clone(), late.clone());
            tokio::spawn(async move {
                loop {
                    let was_set = is_set.load(Ordering::SeqCst);
                    let claim = Claim { switches: vec![Switch::OCR], ..case.claim() };
                    let is_admitted = matches!(case.ask(&claim).await, Decision::Proceed(_));
                    late.fetch_add(u64::from(was_set && is_admitted), Ordering::SeqCst);
                    if was_set {
                        break;
                    }
                }
            })
        });
        let hammers: Vec<_> = hammers.collect();
        case.set(Switch::OCR, true).await;
        is_set.store(true, Ordering::SeqCst);
        for hammer in hammers {
            hammer.await.expect("the store decides");
        }
        assert_eq!(late.load(Ordering::SeqCst), 0);
    }
}
