//! Reconciliation: the trail beside the host's tables.

mod bill;
mod cli;
mod hostile;
mod memory;
mod pack;
mod planted;
mod what_if;
mod world;

use std::collections::BTreeMap;

use moltbot_audit::reconcile::{Finding, reconcile_period, reconcile_request};

use self::planted::{PLANTED, Trail};
use self::world::World;
use crate::support::records::KEY;

/// A finding as the list has it.
fn told(finding: &Finding) -> (&'static str, &'static str, &'static str, &'static str) {
    let aspect = finding.aspect.map_or("", |aspect| aspect.as_str());
    (finding.code.as_str(), finding.subject.as_str(), aspect, finding.severity.as_str())
}

/// Each planted discrepancy, in one database, is found with its code, and nothing else is: neither beside it, nor in the
/// requests in which nothing is wrong.
#[tokio::test]
async fn each_planted_discrepancy_is_found_and_nothing_else() {
    let world = World::new().await;
    let mut cases = Vec::new();
    for (n, plant) in PLANTED.iter().enumerate() {
        cases.push((plant.name, plant.found, world.plant(n, plant.trail, plant.sql).await));
    }
    for n in 100..103 {
        cases.push(("nothing is wrong", &[], world.plant(n, Trail::AsItWas, "").await));
    }

    let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let host = world.store.host_tables();
    let report = reconcile_period(&world.store, &host, world.period(), world.later(), |finding| {
        found.entry(World::case_of(&finding)).or_default().push(finding);
    });
    let report = report.await.expect("both sides can be read");

    let mut wrong = Vec::new();
    for (name, expected, case) in &cases {
        let told: Vec<_> =
            found.remove(&Some(case.n)).unwrap_or_default().iter().map(told).collect();
        if told != *expected {
            wrong.push(format!("{name}: {told:?} instead of {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(found.is_empty(), "{found:?}");
    assert!(report.not_checkable.is_empty(), "{:?}", report.not_checkable);
    let expected: usize = PLANTED.iter().map(|plant| plant.found.len()).sum();
    assert_eq!(report.errors + report.warnings, expected as u64);
    // One request has no trail.
    assert_eq!(report.requests, cases.len() as u64 - 1);

    // Each request by itself gives the same.
    for (name, expected, case) in &cases {
        let request = KEY.request_id(&case.id("request")).expect("a UUID");
        let (_, findings) = reconcile_request(&world.store, &host, &request, world.later())
            .await
            .expect("both sides can be read");
        assert_eq!(findings.iter().map(told).collect::<Vec<_>>(), *expected, "{name}");
    }
}
