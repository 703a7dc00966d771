//! What the host relies on: an effect's outcome is recorded whichever way it ends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use moltbot_audit::auditor::{Clock, Entropy, EntropyError};
use moltbot_audit::delivery::{QueueLimits, WriteError};
use moltbot_audit::event::payload::{CallInput, MoltbotInput, OcrInput, OutboundInput};
use moltbot_audit::record::Record;
use moltbot_audit::redact::RedactionKey;
use moltbot_audit::testing::{Fault, MemoryStore};
use moltbot_audit::{
    Actor, AdmitError, AuditEvent, Auditor, Effect, EffectError, ErrorCode, EventType, RecordError,
    Switch,
};
use serde_json::{Value, json};

use crate::support::records::request;
use crate::support::stores::{self, Sink};
use crate::support::wait::until;

/// A sink that keeps what it is given, and can be told to fail or to wait.
/// The one event beside the intent before it, where there is one.
fn only(sink: &Sink) -> Record {
    let mut records = sink.inner().records();
    let is_intent = |record: &Record| record.header().event_type == "effect.admitted";
    if records.len() == 2 && is_intent(&records[0]) {
        records.remove(0);
    }
    assert_eq!(records.len(), 1, "exactly one event");
    records[0].clone()
}

/// A clock that moves on by 250 ms each time it is read.
#[derive(Debug, Default)]
struct TickingClock(Mutex<u32>);

impl Clock for TickingClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000, 0).expect("a time") + TimeDelta::seconds(1)
    }

    fn monotonic(&self) -> Duration {
        let mut ticks = self.0.lock().expect("no test panics while it holds the lock");
        *ticks += 1;
        Duration::from_millis(250) * *ticks
    }
}

fn auditor() -> (Auditor, Arc<Sink>) {
    let sink = stores::sink();
    for switch in [Switch::AI, Switch::CALLING, Switch::OCR] {
        sink.inner().reset_switch(switch);
    }
    let builder = Auditor::builder(sink.clone(), RedactionKey::from_bytes([1; 32]));
    let limits = QueueLimits::default().wait(Duration::from_millis(100));
    (builder.clock(Arc::new(TickingClock::default())).limits(limits).build(), sink)
}

fn moltbot_call() -> Effect {
    let input = MoltbotInput { model: Some("m-1".into()), ..Default::default() };
    Effect::moltbot_call(&input).request(&request()).idempotency_key("call-1")
}

async fn settle(sink: &Sink, len: usize) {
    until(&format!("{len} events"), || sink.inner().len() == len).await;
}

#[tokio::test(start_paused = true)]
async fn a_successful_effect_records_input_output_and_duration() {
    let (auditor, sink) = auditor();
    let run = auditor
        .effect(moltbot_call())
        .run(async || Ok::<_, String>(json!({ "action": { "type": "ask_client" } })));
    let value: Value = run.await.expect("the effect succeeds");
    assert_eq!(value["action"]["type"], "ask_client");
    let record = only(&sink);
    assert_eq!(record.header().event_type, "moltbot.called");
    assert_eq!(record.header().outcome, "succeeded");
    assert_eq!(record.header().duration_ms, Some(250));
    assert_eq!(record.header().request_id, Some(request().uuid()));
    assert_eq!(record.input(), Some(json!({ "model": "m-1" })));
    assert_eq!(record.output(), Some(value));
    assert_eq!(record.idempotency_key(), Some("call-1"));
}

#[tokio::test(start_paused = true)]
async fn a_failed_effect_is_recorded_under_its_failure_and_returns_the_hosts_own_error() {
    let (auditor, sink) = auditor();
    let message = OutboundInput { text: Some("Muraho".into()), ..Default::default() };
    let run = auditor
        .effect(Effect::message(&message))
        .run(async || Err::<Value, _>("provider says 500".to_owned()));
    let Err(EffectError::Failed(error)) = run.await else { panic!("expected the host's error") };
    assert_eq!(error, "provider says 500");
    let record = only(&sink);
    assert_eq!(record.header().event_type, "whatsapp.send_failed");
    assert_eq!(record.header().outcome, "failed");
    assert_eq!(record.header().error_code.as_deref(), Some("provider_error"));
    assert_eq!(record.output(), Some(json!({ "error_message": "provider says 500" })));
}

#[tokio::test(start_paused = true)]
async fn the_hosts_own_error_is_the_source_of_a_failed_effect() {
    let (auditor, _) = auditor();
    let call = async || Err::<Value, _>(std::io::Error::other("503"));
    let error = auditor.effect(moltbot_call()).run(call).await.expect_err("the call fails");
    let source = std::error::Error::source(&error).expect("a source");
    assert_eq!(source.to_string(), "503");
}

#[tokio::test(start_paused = true)]
async fn each_kind_of_effect_fails_under_its_own_type() {
    let call = CallInput { consent_id: Some("consent-1".into()), ..Default::default() };
    for (effect, event_type) in [
        (moltbot_call(), "moltbot.called"),
        (Effect::ocr_job(&OcrInput::default()), "ocr.job_failed"),
        (Effect::call(&call), "call.failed"),
        (Effect::custom(EventType::DISCOVERY_CALL, Actor::System, json!({})), "discovery.call"),
    ] {
        let (auditor, sink) = auditor();
        let granted = AuditEvent::new(EventType::CALL_CONSENT_GRANTED, Actor::Client)
            .request(&request())
            .input(json!({ "consent_id": "consent-1", "expires_at": "2100-01-01T00:00:00Z" }));
        auditor.record(granted).await.expect("the store is up");
        let effect = effect.request(&request());
        let result = auditor.effect(effect).run(async || Err::<Value, _>("no")).await;
        assert!(matches!(result, Err(EffectError::Failed("no"))));
        let records = sink.inner().records();
        assert_eq!(records.len(), 3, "the grant, the intent, the outcome");
        assert_eq!(records[2].header().event_type, event_type);
    }
}

#[tokio::test(start_paused = true)]
async fn a_panicking_effect_is_recorded_without_its_message_and_panics_on() {
    let (auditor, sink) = auditor();
    let task = tokio::spawn(async move {
        auditor
            .effect(moltbot_call())
            .run(async || -> Result<Value, String> { panic!("+250788123456") })
            .await
    });
    let panic = task.await.expect_err("the panic goes on").into_panic();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"+250788123456"));
    let record = only(&sink);
    assert_eq!(record.header().outcome, "panicked");
    assert_eq!(record.header().error_code.as_deref(), Some("panicked"));
    assert_eq!(record.output(), None);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_effect_is_recorded_as_cancelled() {
    let (auditor, sink) = auditor();
    let endless = auditor.effect(moltbot_call()).run(async || {
        tokio::time::sleep(Duration::from_hours(1)).await;
        Ok::<_, String>(json!(null))
    });
    let timeout = tokio::time::timeout(Duration::from_millis(100), endless).await;
    assert!(timeout.is_err(), "the effect was cut off");
    settle(&sink, 2).await;
    let record = only(&sink);
    assert_eq!(record.header().outcome, "cancelled");
    assert_eq!(record.header().error_code.as_deref(), Some("cancelled"));
    assert!(record.header().duration_ms.is_some());
}

#[tokio::test(start_paused = true)]
async fn an_effect_dropped_before_it_is_polled_did_not_happen() {
    let (auditor, sink) = auditor();
    drop(auditor.effect(moltbot_call()).run(async || Ok::<_, String>(json!(null))));
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(sink.inner().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_outcome_being_written_is_written_though_its_caller_is_gone() {
    let (auditor, sink) = auditor();
    let run = auditor.effect(moltbot_call()).run(async || {
        sink.every_call(Fault::slow(Duration::from_millis(50)));
        Ok::<_, String>(json!({ "done": 1 }))
    });
    assert!(tokio::time::timeout(Duration::from_millis(30), run).await.is_err());
    settle(&sink, 2).await;
    tokio::time::sleep(Duration::from_millis(80)).await;
    assert_eq!(only(&sink).header().outcome, "succeeded", "and not a second time as cancelled");
}

#[tokio::test(start_paused = true)]
async fn an_effect_that_cannot_be_recorded_does_not_run() {
    let (auditor, sink) = auditor();
    let ran = AtomicBool::new(false);
    let effect = moltbot_call().idempotency_key("k".repeat(513));
    let run = auditor.effect(effect).run(async || {
        ran.store(true, Ordering::SeqCst);
        Ok::<_, String>(json!(null))
    });
    let error = run.await.expect_err("the key is too long");
    assert!(
        matches!(&error, EffectError::NotAdmitted(AdmitError::NotRun(RecordError::Event(_)))),
        "{error:?}"
    );
    assert!(!ran.load(Ordering::SeqCst));
    assert_eq!(sink.inner().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_result_that_could_not_be_recorded_reaches_the_caller_all_the_same() {
    let (auditor, sink) = auditor();
    let run = auditor.effect(moltbot_call()).run(async || {
        sink.every_call(Fault::not_landed());
        Ok::<_, String>(json!({ "paid": true }))
    });
    let error = run.await.expect_err("the store is down");
    assert_eq!(error.to_string(), "the effect succeeded, and that could not be recorded");
    let EffectError::Unrecorded { result, event, source, .. } = error else {
        panic!("expected Unrecorded")
    };
    assert_eq!(result, Ok(json!({ "paid": true })));
    assert!(source.is_retryable());
    // What could not be recorded can be recorded later, as it was.
    sink.heal();
    let receipt = auditor.record(*event).await.expect("the store is up again");
    let record = only(&sink);
    assert_eq!(receipt.event_id(), record.id().uuid());
    assert_eq!(record.header().outcome, "succeeded");
    assert_eq!(record.output(), Some(json!({ "paid": true })));
    assert_eq!(record.header().duration_ms, Some(250));
}

#[tokio::test(start_paused = true)]
async fn an_effect_whose_input_leaves_no_room_for_an_outcome_does_not_run() {
    let (auditor, sink) = auditor();
    let input = json!({ "text": "x y ".repeat((1 << 20) / 4 - 10) });
    let effect = Effect::custom(EventType::DISCOVERY_CALL, Actor::System, input);
    let run =
        auditor.effect(effect).run(async || -> Result<Value, String> { panic!("it must not run") });
    let error = run.await.expect_err("there is no room");
    assert!(
        matches!(error, EffectError::NotAdmitted(AdmitError::NotRun(RecordError::Event(_)))),
        "{error:?}"
    );
    assert_eq!(sink.inner().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_output_nested_beyond_reason_does_not_lose_the_outcome() {
    let (auditor, sink) = auditor();
    let nested = (0..600).fold(json!(1), |inner, _| json!([inner]));
    let run = auditor.effect(moltbot_call()).run(async || Ok::<_, String>(nested));
    run.await.expect("the effect succeeds");
    assert_eq!(only(&sink).output(), Some(json!({ "omitted": "nested too deeply" })));
}

#[test]
fn outside_a_runtime_an_error_says_so_and_nothing_panics() {
    let (auditor, _) = auditor();
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let event = AuditEvent::new(EventType::REQUEST_CREATED, Actor::System);
    let mut record = Box::pin(auditor.record(event));
    let std::task::Poll::Ready(result) = record.as_mut().poll(&mut context) else {
        panic!("it answers at once")
    };
    let error = result.expect_err("there is no runtime");
    assert!(matches!(error, RecordError::Write(WriteError::NoRuntime)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_output_over_the_limit_does_not_lose_the_outcome() {
    let (auditor, sink) = auditor();
    let run = auditor.effect(moltbot_call()).run(async || Ok::<_, String>("x y ".repeat(400_000)));
    assert_eq!(run.await.expect("the effect succeeds").len(), 1_600_000);
    let record = only(&sink);
    assert_eq!(record.header().outcome, "succeeded");
    let output = record.output().expect("an output");
    assert_eq!(output["omitted"], "too large");
    assert!(output["length_bytes"].as_u64().is_some_and(|len| len > 1_600_000));
}

#[tokio::test(start_paused = true)]
async fn an_event_goes_on_being_written_when_its_caller_gives_up() {
    let (auditor, sink) = auditor();
    sink.every_call(Fault::slow(Duration::from_millis(50)));
    let event = AuditEvent::new(EventType::REQUEST_CREATED, Actor::System);
    let record = auditor.record(event);
    assert!(tokio::time::timeout(Duration::from_millis(5), record).await.is_err());
    settle(&sink, 1).await;
}

#[tokio::test(start_paused = true)]
async fn an_id_made_beforehand_is_the_id_that_is_recorded() {
    let (auditor, sink) = auditor();
    let id = auditor.event_id().expect("an id");
    let run = auditor.effect(moltbot_call().id(id)).run(async || Ok::<_, String>(json!(null)));
    run.await.expect("the effect succeeds");
    assert_eq!(only(&sink).id(), id);
}

#[tokio::test(start_paused = true)]
async fn an_effect_runs_inside_a_spawned_task() {
    let (auditor, sink) = auditor();
    let answer = "held across an await".to_owned();
    let task = tokio::spawn(async move {
        let call = async || {
            tokio::task::yield_now().await;
            Ok::<_, std::io::Error>(answer.len())
        };
        auditor.effect(moltbot_call()).run(call).await
    });
    assert_eq!(task.await.expect("no panic").expect("the effect succeeds"), 20);
    assert_eq!(only(&sink).output(), Some(json!(20)));
}

#[derive(Debug)]
struct NoEntropy;

impl Entropy for NoEntropy {
    fn fill(&self, _: &mut [u8]) -> Result<(), EntropyError> {
        Err(EntropyError)
    }
}

#[tokio::test(start_paused = true)]
async fn without_random_bytes_nothing_runs_and_nothing_is_written() {
    let sink = stores::sink();
    let builder = Auditor::builder(sink.clone(), RedactionKey::from_bytes([1; 32]));
    let auditor = builder.entropy(Arc::new(NoEntropy)).build();
    let event = AuditEvent::new(EventType::REQUEST_CREATED, Actor::System);
    let error = auditor.record(event).await.expect_err("no random bytes");
    assert!(matches!(error, RecordError::Entropy(_)) && error.is_retryable());
    let run = auditor
        .effect(moltbot_call())
        .run(async || -> Result<Value, String> { panic!("it must not run") });
    assert!(matches!(
        run.await,
        Err(EffectError::NotAdmitted(AdmitError::NotRun(RecordError::Entropy(_))))
    ));
    assert_eq!(sink.inner().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn errors_and_debug_output_hold_nothing_of_the_payload() {
    let (auditor, sink) = auditor();
    let secret = "+250788123456";
    let message = OutboundInput { text: Some(secret.into()), ..Default::default() };
    let effect = Effect::message(&message).idempotency_key(secret);
    let pending = auditor.effect(effect);
    let before = format!("{pending:?}{auditor:?}");
    let error = pending.run(async || Err::<Value, _>(secret.to_owned())).await;
    let error = error.expect_err("the effect fails");
    let failed = format!("{error}{error:?}{:?}", only(&sink));
    let run = auditor.effect(moltbot_call()).run(async || {
        sink.every_call(Fault::not_landed());
        Ok::<_, String>(json!(secret))
    });
    let error = run.await.expect_err("the store is down");
    let shown = format!("{before}{failed}{error}{error:?}");
    assert!(!shown.contains("788123456"), "{shown}");
    assert_eq!(ErrorCode::parse("provider_error"), Some(ErrorCode::ProviderError));
}

#[tokio::test(start_paused = true)]
async fn a_webhook_delivered_to_two_processes_is_one_event_and_the_second_is_told() {
    let store = Arc::new(MemoryStore::new());
    let key = RedactionKey::from_bytes([1; 32]);
    let process = || Auditor::builder(store.clone(), key.clone()).build();
    let sent_at = DateTime::from_timestamp(1_772_435_700, 0).expect("a time");
    let delivered = |auditor: &Auditor, text: &str| {
        AuditEvent::new(EventType::WHATSAPP_INBOUND_RECEIVED, Actor::Client)
            .id(auditor.message_event_id("wamid.1", sent_at).expect("a message"))
            .request(&request())
            .input(json!({ "text": text }))
    };
    let first = process();
    let recorded = first.record(delivered(&first, "Muraho")).await.expect("it is recorded");
    assert!(!recorded.is_duplicate());
    let second = process();
    let again = second.record(delivered(&second, "Muraho")).await.expect("it is known");
    assert!(again.is_duplicate());
    let places = [&recorded, &again].map(|one| one.receipt().map(|receipt| receipt.seq));
    assert_eq!((store.len(), places), (1, [Some(1), Some(1)]));
    // One id with two contents is no duplicate.
    let error = second.record(delivered(&second, "Mwaramutse")).await.expect_err("another text");
    assert!(error.is_conflict() && !error.is_retryable(), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_key_alone_does_not_keep_an_event_from_being_recorded_twice() {
    let (auditor, sink) = auditor();
    let event = || {
        AuditEvent::new(EventType::REQUEST_CREATED, Actor::System)
            .request(&request())
            .idempotency_key("create:7")
    };
    for _ in 0..2 {
        assert!(!auditor.record(event()).await.expect("it is recorded").is_duplicate());
    }
    assert_eq!(sink.inner().len(), 2);
}
