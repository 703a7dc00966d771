//! Kill switches.

use std::time::Duration;

use moltbot_audit::StreamId;
use moltbot_audit::event::{Budget, Switch, SwitchScope};
use moltbot_audit::store::admission::{Claim, ConsentClaim, Obstacle, SwitchState};

use crate::support::claims::{Case, charge, flip, operator, switched};
use crate::support::records::assert_unbroken;

fn governed(case: &Case, switch: &Switch) -> Claim {
    Claim { switches: vec![switch.clone()], ..case.claim() }
}

pub(crate) async fn a_switch_that_was_never_set_is_engaged(case: Case) {
    for switch in [Switch::AI, Switch::OCR, Switch::CALLING, Switch::new("sms").expect("a name")] {
        assert_eq!(case.refusal(&governed(&case, &switch)).await, switched(0));
    }
    assert_eq!(case.admission().switches().await.expect("a readable store"), []);
    assert_eq!(case.event_types().await, [""; 0]);
}

pub(crate) async fn a_switch_governs_what_names_it_and_nothing_else(case: Case) {
    case.set(Switch::AI, false).await;
    case.admit(&governed(&case, &Switch::AI)).await;
    assert_eq!(case.refusal(&governed(&case, &Switch::OCR)).await, switched(0));
    case.set(Switch::OCR, false).await;
    case.set(Switch::AI, true).await;
    assert_eq!(case.refusal(&governed(&case, &Switch::AI)).await, switched(0));
    case.admit(&governed(&case, &Switch::OCR)).await;
    case.admit(&case.claim()).await;
    case.set(Switch::AI, false).await;
    case.admit(&governed(&case, &Switch::AI)).await;
}

pub(crate) async fn switches_are_read_back_as_they_were_set(case: Case) {
    let flips =
        [(Switch::OCR, true), (Switch::AI, false), (Switch::OCR, false), (Switch::AI, true)];
    let mut receipts = Vec::new();
    for (switch, is_engaged) in flips {
        receipts.push(case.set(switch, is_engaged).await);
    }
    let mut states = case.admission().switches().await.expect("a readable store");
    states.sort_by(|a, b| a.switch.cmp(&b.switch));
    let (at_last, before) = (receipts[3].recorded_at, receipts[2].recorded_at);
    let set = |switch, is_engaged, at| SwitchState {
        switch,
        scope: SwitchScope::Everywhere,
        is_engaged,
        until: None,
        by: Some(operator()),
        reason: "a reason".to_owned(),
        at,
        pending: 0,
    };
    let at = |index: usize| states[index].at;
    assert_eq!(states, [set(Switch::AI, true, at(0)), set(Switch::OCR, false, at(1))]);
    // The database's time, not that of the caller.
    for (found, receipt) in [(at(0), at_last), (at(1), before)] {
        let apart = (found - receipt).abs().to_std().expect("not negative");
        assert!(apart < Duration::from_mins(1), "{apart:?}");
    }
}

pub(crate) async fn a_flip_is_chained_in_the_systems_stream(case: Case) {
    for (is_engaged, seq) in [(false, 1), (true, 2), (true, 3)] {
        assert_eq!(case.set(Switch::CALLING, is_engaged).await.seq, seq);
    }
    let snapshot = case.store.read_stream(StreamId::SYSTEM).await.expect("a readable store");
    let snapshot = snapshot.expect("a stream with events");
    assert_unbroken(&snapshot);
    let types: Vec<_> = snapshot.records.iter().map(|row| row.header.event_type.as_str()).collect();
    assert_eq!(types, ["switch.reset", "switch.engaged", "switch.engaged"]);
}

pub(crate) async fn the_same_flip_again_undoes_no_later_one(case: Case) {
    let (reset, record) = flip(Switch::AI, false);
    let first = case.admission().set_switch(&reset, &record).await.expect("it is set");
    case.set(Switch::AI, true).await;
    let again = case.admission().set_switch(&reset, &record).await.expect("it was set");
    assert_eq!(first, again);
    assert_eq!(case.refusal(&governed(&case, &Switch::AI)).await, switched(0));
}

pub(crate) async fn a_switch_goes_before_consent_budget_and_time(case: Case) {
    let consent = ConsentClaim { consent_id: "none".to_owned(), lifetime: Duration::ZERO };
    let mut claim = Claim {
        consent: Some(consent),
        charges: vec![charge(Budget::TOKENS, 2, 1)],
        ..governed(&case, &Switch::CALLING)
    };
    assert_eq!(case.refusal(&claim).await, switched(0));
    case.set(Switch::CALLING, false).await;
    assert_eq!(case.refusal(&claim).await, Obstacle::NoConsent);
    claim.consent = None;
    assert_eq!(case.refusal(&claim).await, Obstacle::Budget { charge: 0, used: 0 });
}

pub(crate) async fn a_claim_of_several_switches_needs_each_and_the_first_in_the_way_is_named(
    case: Case,
) {
    let sms = Switch::new("sms").expect("a name");
    let switches = vec![Switch::OCR, sms.clone(), Switch::AI];
    let claim = || Claim { switches: switches.clone(), ..case.claim() };
    assert_eq!(case.refusal(&claim()).await, switched(0));
    case.set(Switch::OCR, false).await;
    case.set(Switch::AI, false).await;
    assert_eq!(case.refusal(&claim()).await, switched(1));
    case.set(sms.clone(), false).await;
    case.admit(&claim()).await;
    for (switch, nth) in [(Switch::AI, 2), (sms, 1), (Switch::OCR, 0)] {
        case.set(switch, true).await;
        assert_eq!(case.refusal(&claim()).await, switched(nth));
    }
}

pub(crate) async fn a_forgotten_switch_stays_engaged_and_is_listed_no_more(case: Case) {
    let forget = async || case.admission().forget_switch(&Switch::AI).await.expect("it is up");
    assert!(!forget().await, "it was never set");
    case.set(Switch::AI, false).await;
    assert!(!forget().await, "it lets things run");
    case.admit(&governed(&case, &Switch::AI)).await;
    case.set(Switch::AI, true).await;
    assert!(forget().await);
    assert_eq!(case.admission().switches().await.expect("a readable store"), []);
    assert_eq!(case.refusal(&governed(&case, &Switch::AI)).await, switched(0));
    case.set(Switch::AI, false).await;
    case.admit(&governed(&case, &Switch::AI)).await;
}
