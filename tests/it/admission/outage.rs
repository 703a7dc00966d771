//! With the database away: what has a switch or a budget is refused, anything else runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use moltbot_audit::auditor::{ControlError, Finding};
use moltbot_audit::delivery::Spool;
use moltbot_audit::event::payload::CallInput;
use moltbot_audit::policy::{FallbackAction, Limits, RefusalReason};
use moltbot_audit::record::Record;
use moltbot_audit::store::{Appended, AuditSink, BoxFuture, StoreError};
use moltbot_audit::testing::{Fault, MemoryStore};
use moltbot_audit::{
    Actor, AdmitError, AuditEvent, Auditor, Budget, Effect, EffectError, ErrorCode, EventType,
    Outcome, Switch,
};
use serde_json::{Value, json};

use super::{Host, custom, host, host_with, moltbot_call, ocr_job, request, vendor_batch};
use crate::support::records::{KEY, named_conversation, sealed};
use crate::support::wait::until;

async fn spooling_host(folder: &tempfile::TempDir) -> Host {
    let path = folder.path().join("spool");
    let spool = Spool::open(path).await.expect("a spool");
    host_with(|builder| builder.spool(spool))
}

async fn drained(host: &Host) {
    let spool = host.auditor.spool().expect("a spool");
    // The event about the drain goes to the database, and says that it is taken to be back.
    let is_told = || !host.events("audit.spool_drained").is_empty();
    until("the spool is drained", || spool.depth().events == 0 && is_told()).await;
}

#[tokio::test(start_paused = true)]
async fn with_the_database_away_ai_is_refused_and_the_apology_goes_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = spooling_host(&folder).await;
    host.auditor.record(super::created()).await.expect("recorded");
    host.sink.every_call(Fault::not_landed());
    for effect in [moltbot_call(), ocr_job(), vendor_batch(2), custom().switch(Switch::AI)] {
        let refusal = host.refused(effect).await;
        assert_eq!(refusal.reason, RefusalReason::Unavailable);
        assert_eq!(refusal.fallback.action, FallbackAction::CodedWorkflow);
    }
    host.run(custom().idempotency_key("apology")).await.expect("it runs on a spooled intent");
    assert_eq!(host.store().len(), 1, "nothing of it is in the database yet");

    host.sink.heal();
    drained(&host).await;
    let refused = host.events("effect.refused");
    assert_eq!(refused.len(), 4);
    assert!(refused.iter().all(|one| one.header().error_code.as_deref() == Some("unavailable")));
    let types: Vec<_> =
        host.store().records().iter().map(|one| one.header().event_type.clone()).collect();
    let at = |event_type| types.iter().position(|found| found == event_type).expect("recorded");
    assert!(at("effect.admitted") < at("discovery.call"), "{types:?}");
    // The entry was made from the intent, and settled by the outcome.
    host.run(custom().idempotency_key("apology")).await.expect("answered");
    assert_eq!(host.events("discovery.call").len(), 1, "from the record");
    assert!(host.auditor.in_doubt().await.expect("the store is up").is_empty());
    assert_eq!(host.used(&Budget::OCR_JOBS).await, 0);
    host.run(ocr_job()).await.expect("the database is back");
}

#[tokio::test(start_paused = true)]
async fn rejections_that_waited_in_the_spool_stop_the_ai_of_their_request() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = spooling_host(&folder).await;
    host.sink.every_call(Fault::not_landed());
    for _ in 0..3 {
        let called = AuditEvent::new(EventType::MOLTBOT_CALLED, Actor::Moltbot).request(&request());
        let called = called.ended(Outcome::Failed, ErrorCode::InvalidOutput);
        host.auditor.record(called).await.expect("in the spool");
    }
    host.sink.heal();
    drained(&host).await;
    let stop = host.settled("switch.engaged", 1).await.pop().expect("one");
    assert_eq!(stop.input().expect("it says where")["scope"], "request");
    host.refused(moltbot_call()).await;
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_in_an_outage_leaves_its_effect_in_doubt() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = spooling_host(&folder).await;
    host.sink.every_call(Fault::not_landed());
    let permit = host.auditor.effect(custom()).admit().await.expect("on a spooled intent");
    let id = permit.effect_id().uuid();
    assert!(permit.intent().receipt().is_none());
    std::mem::forget(permit);
    host.sink.heal();
    drained(&host).await;
    host.clock.advance(Duration::from_mins(3));
    let doubt = host.auditor.in_doubt().await.expect("the store is up");
    assert_eq!(doubt.iter().map(|one| one.effect_id).collect::<Vec<_>>(), [id]);
    host.auditor.resolve(id, Finding::NotPerformed, "aline", "not sent").await.expect("resolved");
}

#[tokio::test(start_paused = true)]
async fn an_admission_whose_answer_was_lost_is_asked_again() {
    let host = host();
    host.sink.at_calls([1], Fault::landed());
    host.run(ocr_job()).await.expect("the second answer is the first one");
    assert_eq!(host.events("effect.admitted").len(), 1);
    assert_eq!(host.used(&Budget::OCR_JOBS).await, 1);
}

#[tokio::test(start_paused = true)]
async fn an_admission_that_may_have_landed_is_voided_by_its_refusal() {
    let host = host();
    host.sink.at_calls([1, 2, 3], Fault::landed());
    let refusal = host.refused(ocr_job()).await;
    assert_eq!(refusal.reason, RefusalReason::Unavailable);
    assert_eq!(host.events("effect.admitted").len(), 1, "it had landed");
    let refused = &host.events("effect.refused")[0];
    let admitted =
        host.events("effect.admitted")[0].input().expect("an input")["effect_id"].clone();
    assert_eq!(json!(refused.header().id), admitted, "the refusal is its outcome");
    assert_eq!(host.used(&Budget::OCR_JOBS).await, 0, "and gives the charge back");
    host.clock.advance(Duration::from_hours(1));
    assert!(host.auditor.in_doubt().await.expect("the store is up").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_holds_nobody_longer_than_they_wait() {
    let host = host();
    host.sink.every_call(Fault::not_landed().hanging());
    let refused = tokio::time::timeout(Duration::from_secs(2), host.refused(moltbot_call())).await;
    assert_eq!(refused.expect("in time").reason, RefusalReason::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn an_intent_that_the_store_refuses_does_not_run() {
    let host = host();
    host.sink.refuse(|record| record.header().event_type == "effect.admitted");
    for effect in [moltbot_call(), custom()] {
        let run = host
            .auditor
            .effect(effect)
            .run(async || -> Result<Value, String> { panic!("it must not run") });
        let error = run.await.expect_err("it cannot be recorded");
        assert!(matches!(error, EffectError::NotAdmitted(AdmitError::NotRun(_))), "{error:?}");
    }
}

/// A sink that only records.
#[derive(Debug)]
struct RecordsOnly(MemoryStore);

impl AuditSink for RecordsOnly {
    fn append<'a>(
        &'a self,
        batch: &'a [Record],
    ) -> BoxFuture<'a, Result<Vec<Appended>, StoreError>> {
        self.0.append(batch)
    }
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_only_records_runs_what_has_no_switch_and_no_budget() {
    let sink = Arc::new(RecordsOnly(MemoryStore::new()));
    let auditor = Auditor::builder(sink.clone(), KEY).build();
    let run = async |effect: Effect| {
        auditor.effect(effect).run(async || Ok::<_, String>(json!({ "ran": true }))).await
    };
    let error = run(moltbot_call()).await.expect_err("nobody can decide");
    let EffectError::Refused(refusal) = error else { panic!("expected a refusal: {error:?}") };
    assert_eq!(refusal.reason, RefusalReason::Unavailable);
    run(custom()).await.expect("it is recorded, and runs");
    let types: Vec<_> =
        sink.0.records().iter().map(|one| one.header().event_type.clone()).collect();
    assert_eq!(types, ["effect.refused", "effect.admitted", "discovery.call"]);
    let unsupported = [
        auditor.in_doubt().await.err(),
        auditor.kill_switch().states().await.err(),
        auditor.budgets().usage(&request()).await.err(),
        auditor.kill_switch().engage(&Switch::AI, "who", "why").await.err(),
    ];
    assert!(unsupported.iter().all(|one| matches!(one, Some(ControlError::Unsupported))));
}

#[tokio::test(start_paused = true)]
async fn a_call_does_not_run_on_a_consent_whose_last_word_is_in_the_spool() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = spooling_host(&folder).await;
    let conversation = named_conversation("5b0d7f43-7d0c-4f7e-9a51-1f6f4e6d2c11");
    let word = |event_type| {
        let input = json!({ "consent_id": "consent-1" });
        // In a stream of its own, which the request's does not wait for.
        AuditEvent::new(event_type, Actor::Client).conversation(&conversation).input(input)
    };
    let call = || {
        let input = CallInput { consent_id: Some("consent-1".into()), ..Default::default() };
        Effect::call(&input).request(&request()).conversation(&conversation)
    };
    host.auditor.record(word(EventType::CALL_CONSENT_GRANTED)).await.expect("recorded");
    host.run(call()).await.expect("there is a consent");
    host.sink.every_call(Fault::not_landed());
    host.auditor.record(word(EventType::CALL_CONSENT_DENIED)).await.expect("spooled");
    // The database is back, but does not have the last word yet.
    host.sink.lock(|record| record.header().event_type == "call.consent_denied");
    host.sink.every_call(Fault::slow(Duration::ZERO));
    while host.auditor.record(super::created()).await.expect("durable").receipt().is_none() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(host.refused(call()).await.reason, RefusalReason::Unavailable);
    host.sink.heal();
    drained(&host).await;
    assert_eq!(host.refused(call()).await.reason, RefusalReason::ConsentDenied);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_cannot_be_looked_up_for_a_lock_is_no_reason_to_run() {
    let host = host();
    // For as long as it is asked what may run. Whoever then took the way of an outage would run.
    let asked = AtomicUsize::new(0);
    host.sink.lock(move |record| {
        let is_intent = record.header().event_type == "effect.admitted";
        is_intent && asked.fetch_add(1, Ordering::SeqCst) < 3
    });
    let keyed = || custom().idempotency_key("apology");
    let error = host.run(keyed()).await.expect_err("it may have run before");
    assert!(matches!(error, EffectError::NotAdmitted(AdmitError::NotRun(_))), "{error:?}");
    host.sink.heal();
    host.run(keyed()).await.expect("nobody holds it");
    assert_eq!(host.events("discovery.call").len(), 1);
}

/// The store's clock stands still here: what counts is the wait.
#[tokio::test(start_paused = true)]
async fn a_request_that_was_heard_of_in_an_outage_has_taken_the_time_it_waited() {
    const WAITED: Duration = Duration::from_millis(60);
    let folder = tempfile::tempdir().expect("a folder");
    let spool = Spool::open(folder.path().join("spool")).await.expect("a spool");
    spool.push(vec![sealed(super::created())]).await.expect("it is in the spool");
    // By this machine's clock, which is not paused; nothing drains it meanwhile.
    std::thread::sleep(WAITED);
    let limits = Limits::default().time(WAITED, WAITED).expect("a limit");
    let host = host_with(|builder| builder.spool(spool).budgets(limits));
    drained(&host).await;
    let refusal = host.refused(moltbot_call()).await;
    let RefusalReason::Time { elapsed, .. } = refusal.reason else { panic!("{refusal:?}") };
    assert!(elapsed > WAITED && elapsed < Duration::from_mins(10), "{elapsed:?}");
}
