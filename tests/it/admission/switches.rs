//! Kill switches: set, read from the environment, felt by work in flight, and tested.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use moltbot_audit::auditor::{ControlError, SelfTestError};
use moltbot_audit::delivery::QueueLimits;
use moltbot_audit::event::Identity;
use moltbot_audit::event::payload::{CallInput, OutboundInput};
use moltbot_audit::policy::{FallbackAction, RefusalReason, SwitchedBy};
use moltbot_audit::store::admission::{AdmissionStore as _, Claim, Decision, SwitchState};
use moltbot_audit::store::{BoxFuture, StoreError, StoreLayer};
use moltbot_audit::testing::{Fault, MemoryStore};
use moltbot_audit::{Actor, AuditEvent, Auditor, Budget, Effect, EventType, StreamId, Switch};
use serde_json::json;
use tokio::sync::Semaphore;

use super::{bare_host, custom, host, host_with, moltbot_call, ocr_job, request, vendor_batch};
use crate::support::records::KEY;
use crate::support::wait::until;

fn switch(refusal: &moltbot_audit::policy::Refusal) -> (&str, SwitchedBy) {
    let RefusalReason::Switch { switch, by, .. } = &refusal.reason else {
        panic!("expected the switch: {:?}", refusal.reason)
    };
    (switch.as_str(), *by)
}

#[tokio::test(start_paused = true)]
async fn a_switch_that_nobody_ever_set_is_engaged() {
    let host = bare_host(|builder| builder);
    assert_eq!(switch(&host.refused(moltbot_call()).await), ("ai", SwitchedBy::Store));
    assert_eq!(switch(&host.refused(ocr_job()).await), ("ocr", SwitchedBy::Store));
    let planned = vendor_batch(2).planned_by_moltbot();
    assert_eq!(switch(&host.refused(planned).await), ("ai", SwitchedBy::Store));
    let refusal = host.refused(custom().switch(Switch::new("sms").expect("a name"))).await;
    assert_eq!(switch(&refusal), ("sms", SwitchedBy::Store));
    host.run(vendor_batch(2)).await.expect("the coded rules have no switch");
    let states = host.auditor.kill_switch().states().await.expect("the store is up");
    let stand: Vec<_> = states.iter().map(|one| (one.switch.as_str(), one.is_engaged)).collect();
    assert_eq!(stand, [("ai", true), ("calling", true), ("ocr", true)]);
}

#[tokio::test(start_paused = true)]
async fn engaged_it_refuses_and_the_audit_goes_on() {
    let host = host();
    host.run(moltbot_call()).await.expect("before");
    let switches = host.auditor.kill_switch();
    let flip = switches.engage(&Switch::AI, " jeanne ", "odd answers").await.expect("engaged");
    assert_eq!(flip.receipt.expect("its stream is free").stream_id, StreamId::SYSTEM);
    let refusal = host.refused(moltbot_call()).await;
    assert_eq!(switch(&refusal), ("ai", SwitchedBy::Store));
    assert_eq!(refusal.fallback.action, FallbackAction::CodedWorkflow);
    let refused = &host.events("effect.refused")[0];
    assert_eq!(refused.header().error_code.as_deref(), Some("switched_off"));
    assert_eq!(refused.output(), Some(json!({ "switch": "ai", "switched_by": "store" })));
    assert_eq!(host.used(&Budget::MOLTBOT_CALLS).await, 1, "and is not charged");

    // What has no switch goes on, and so does the audit.
    let inbound = AuditEvent::new(EventType::WHATSAPP_INBOUND_RECEIVED, Actor::Client);
    host.auditor.record(inbound.request(&request())).await.expect("recorded");
    let message =
        OutboundInput { text: Some("A colleague will help you.".into()), ..Default::default() };
    host.run(Effect::message(&message).request(&request())).await.expect("a plain message");
    host.run(ocr_job()).await.expect("another switch");

    switches.reset(&Switch::AI, "jeanne", "found it").await.expect("reset");
    host.run(moltbot_call()).await.expect("after");
    let flips = [host.events("switch.engaged"), host.events("switch.reset")].concat();
    assert_eq!(flips.len(), 2);
    assert!(flips.iter().all(|flip| flip.header().actor == "admin"));
    let by = json!({ "how": "claimed", "who": "jeanne" });
    let said = json!({ "switch": "ai", "by": by, "reason": "odd answers" });
    assert_eq!(flips[0].input(), Some(said));
    let states = switches.states().await.expect("the store is up");
    let ai = states.iter().find(|state| state.switch == Switch::AI).expect("it was set");
    assert_eq!((ai.is_engaged, ai.reason.as_str()), (false, "found it"));
    assert_eq!(ai.by, Some(Identity::claimed("jeanne")));
}

#[tokio::test(start_paused = true)]
async fn who_and_why_must_be_said() {
    let host = host();
    let switches = host.auditor.kill_switch();
    let engaged = [
        (switches.engage(&Switch::AI, "", "why").await, "by"),
        (switches.engage(&Switch::AI, "who", " \n").await, "reason"),
        (switches.reset(&Switch::AI, "\t", "why").await, "by"),
    ];
    for (result, empty) in engaged {
        let error = result.expect_err("something is empty");
        assert!(matches!(error, ControlError::Blank { what } if what == empty), "{error:?}");
    }
    assert!(host.store().is_empty());
    host.run(moltbot_call()).await.expect("nothing was switched");
}

#[tokio::test(start_paused = true)]
async fn the_environment_can_only_switch_off() {
    let cases = [
        ("false", Some(SwitchedBy::Environment)),
        ("0", Some(SwitchedBy::Environment)),
        (" Off\n", Some(SwitchedBy::Environment)),
        ("NO", Some(SwitchedBy::Environment)),
        ("fasle", Some(SwitchedBy::Unknown)),
        ("", Some(SwitchedBy::Unknown)),
        ("true", None),
        ("1", None),
        ("ON", None),
        ("yes", None),
    ];
    let variables = [
        ("FEATURE_AI_CONCIERGE", moltbot_call()),
        ("FEATURE_OCR", ocr_job()),
        ("FEATURE_CALLING", custom().switch(Switch::CALLING)),
    ];
    for (text, by) in cases {
        for (variable, effect) in variables.clone() {
            let host = host_with(|builder| {
                builder.environment(move |name| (name == variable).then(|| text.to_owned()))
            });
            match by {
                Some(by) => {
                    assert_eq!(switch(&host.refused(effect).await).1, by, "{variable}={text:?}");
                    let states = host.auditor.kill_switch().states().await.expect("it is up");
                    let off: Vec<_> = states.iter().filter(|state| state.is_engaged).collect();
                    assert_eq!(off.len(), 1);
                    assert_eq!((&off[0].by, off[0].reason.contains(variable)), (&None, true));
                    host.auditor.kill_switch().stopped(&off[0].switch).await;
                }
                None => drop(host.run(effect).await.expect("the database decides")),
            }
        }
    }
    // Saying that it is on does not make it so.
    let host = bare_host(|builder| builder.environment(|_| Some("true".into())));
    assert_eq!(switch(&host.refused(moltbot_call()).await), ("ai", SwitchedBy::Store));
}

#[tokio::test(start_paused = true)]
async fn work_in_flight_feels_its_switch() {
    let host = host();
    let permit = host.auditor.effect(moltbot_call()).admit().await.expect("admitted");
    let message = host.auditor.effect(custom()).admit().await.expect("admitted");
    let short = Duration::from_millis(300);
    assert!(tokio::time::timeout(short, permit.stopped()).await.is_err(), "nothing happened");
    let switches = host.auditor.kill_switch();
    switches.engage(&Switch::OCR, "jeanne", "another switch").await.expect("engaged");
    assert!(tokio::time::timeout(short, permit.stopped()).await.is_err(), "not its switch");
    let (stopped, ()) =
        tokio::join!(tokio::time::timeout(Duration::from_secs(3), permit.stopped()), async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            switches.engage(&Switch::AI, "jeanne", "stop").await.expect("engaged");
        });
    stopped.expect("it feels the switch");
    assert!(tokio::time::timeout(short, message.stopped()).await.is_err(), "it has no switch");

    // Reset and admitted again: what was seen of the switch before does not count.
    switches.reset(&Switch::AI, "jeanne", "go on").await.expect("reset");
    let again = host.auditor.effect(moltbot_call()).admit().await.expect("admitted");
    assert!(tokio::time::timeout(short, again.stopped()).await.is_err(), "it is reset");
    for permit in [permit, message, again] {
        permit.not_performed("a test").await.expect("recorded");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_rests_on_a_consent() {
    let host = host();
    let call = |consent_id: Option<&str>| {
        let input = CallInput { consent_id: consent_id.map(str::to_owned), ..Default::default() };
        Effect::call(&input).request(&request())
    };
    let word = |event_type| {
        let event = AuditEvent::new(event_type, Actor::Client).request(&request());
        event.input(json!({ "consent_id": "c1" }))
    };
    for effect in [call(None), call(Some("c1"))] {
        let refusal = host.refused(effect).await;
        assert_eq!(refusal.reason, RefusalReason::NoConsent);
        assert_eq!(refusal.fallback.action, FallbackAction::AskConsent);
    }
    host.auditor.record(word(EventType::CALL_CONSENT_GRANTED)).await.expect("recorded");
    host.run(call(Some("c1"))).await.expect("the client agreed");
    host.auditor.record(word(EventType::CALL_CONSENT_DENIED)).await.expect("recorded");
    let refusal = host.refused(call(Some("c1"))).await;
    assert_eq!(refusal.reason, RefusalReason::ConsentDenied);
    assert_eq!(refusal.fallback.action, FallbackAction::Write, "nobody asks again");
    host.auditor.record(word(EventType::CALL_CONSENT_GRANTED)).await.expect("recorded");
    host.clock.advance(Duration::from_hours(25));
    let refusal = host.refused(call(Some("c1"))).await;
    assert_eq!(refusal.reason, RefusalReason::ConsentExpired);
    host.auditor.kill_switch().engage(&Switch::CALLING, "jeanne", "stop").await.expect("engaged");
    host.refused(call(Some("c1"))).await;
    let refused = host.events("effect.refused");
    let codes: Vec<_> =
        refused.iter().filter_map(|one| one.header().error_code.as_deref()).collect();
    let expected =
        ["no_consent", "no_consent", "consent_denied", "consent_expired", "calling_disabled"];
    assert_eq!(codes, expected);
}

#[tokio::test(start_paused = true)]
async fn a_self_test_sees_a_probe_admitted_and_then_refused() {
    let host = bare_host(|builder| builder);
    let report = host.auditor.self_test().await.expect("the kill switch works");
    assert!(report.admitted.seq < report.engaged.expect("its stream is free").seq);
    let records = host.store().records();
    assert!(records.iter().all(|record| record.stream_id() == StreamId::SYSTEM));
    let types: Vec<_> = records.iter().map(|one| one.header().event_type.as_str()).collect();
    let expected =
        ["switch.reset", "effect.admitted", "audit.self_test", "switch.engaged", "effect.refused"];
    assert_eq!(types, expected);
    assert_eq!(records[2].header().outcome, "succeeded", "a probe does what it is for");
    assert!(host.store().switches().await.expect("it is up").is_empty(), "no switch is left");
    host.auditor.self_test().await.expect("and again");
    assert!(host.auditor.in_doubt().await.expect("the store is up").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_self_tests_at_once_disturb_neither_each_other_nor_the_host() {
    let patient = QueueLimits::default().wait(Duration::from_mins(1));
    let host = host_with(|builder| builder.limits(patient));
    let tests = (0..20).map(|_| {
        let auditor = host.auditor.clone();
        tokio::spawn(async move { auditor.self_test().await })
    });
    for test in tests.collect::<Vec<_>>() {
        test.await.expect("it ends").expect("the kill switch works");
        host.run(moltbot_call()).await.ok();
    }
    let states = host.store().switches().await.expect("it is up");
    assert_eq!(states.len(), 3, "only the host's own are left");
    assert!(states.iter().all(|state| !state.is_engaged));
}

#[tokio::test(start_paused = true)]
async fn a_self_test_finds_a_switch_that_stops_nothing() {
    let store = Arc::new(Deaf(MemoryStore::new()));
    let auditor = Auditor::builder(store, KEY).build();
    let error = auditor.self_test().await.expect_err("it was admitted");
    assert!(matches!(error, SelfTestError::NotRefused(None)), "{error:?}");

    let host = host();
    host.sink.every_call(Fault::not_landed());
    let error = host.auditor.self_test().await.expect_err("the store is down");
    assert!(matches!(error, SelfTestError::Control(ControlError::Store(_))), "{error:?}");
}

/// A store whose switches are read, and told only once the test lets them be.
#[derive(Debug)]
struct Dawdling {
    store: MemoryStore,
    reads: AtomicUsize,
    told: Semaphore,
}

impl StoreLayer for Dawdling {
    type Inner = MemoryStore;

    fn inner(&self) -> &MemoryStore {
        &self.store
    }

    fn switches(&self) -> BoxFuture<'_, Result<Vec<SwitchState>, StoreError>> {
        Box::pin(async move {
            let read = self.store.switches().await;
            self.reads.fetch_add(1, Ordering::SeqCst);
            self.told.acquire().await.expect("it is never closed").forget();
            read
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_that_began_before_a_reset_stops_nothing_that_was_admitted_after_it() {
    let store = MemoryStore::new();
    let sms = Switch::new("sms").expect("a name");
    store.reset_switch(sms.clone());
    let store = Arc::new(Dawdling { store, reads: AtomicUsize::new(0), told: Semaphore::new(0) });
    let key = KEY;
    let builder = Auditor::builder(store.clone(), key).environment(|_| None);
    let auditor = builder.limits(QueueLimits::default().wait(Duration::from_hours(1))).build();
    let has_read = async |reads: usize| {
        until("the switches are read", || store.reads.load(Ordering::SeqCst) >= reads).await;
    };
    // This one's watch reads the switches while the AI is still engaged, and is not told yet.
    let first = auditor.clone();
    let first = tokio::spawn(async move { first.kill_switch().stopped(&sms).await });
    has_read(1).await;
    store.store.reset_switch(Switch::AI);
    let kill_switch = auditor.kill_switch();
    let told = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        store.told.add_permits(1_000);
        has_read(3).await;
    };
    tokio::select! {
        biased;
        () = kill_switch.stopped(&Switch::AI) => panic!("by a read from before the reset"),
        () = told => {}
    }
    first.abort();
}

/// A store that does not look at switches.
#[derive(Debug)]
struct Deaf(MemoryStore);

impl StoreLayer for Deaf {
    type Inner = MemoryStore;

    fn inner(&self) -> &MemoryStore {
        &self.0
    }

    fn admit<'a>(&'a self, claim: &'a Claim) -> BoxFuture<'a, Result<Decision, StoreError>> {
        for switch in &claim.switches {
            self.0.reset_switch(switch.clone());
        }
        self.0.admit(claim)
    }
}
