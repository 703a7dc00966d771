//! A host that ends: what runs may still say how it ended, and nothing new begins.

use std::sync::atomic::AtomicU64;

use moltbot_audit::delivery::{ShutdownError, WriteError};
use moltbot_audit::store::{Appended, AuditSink, BoxFuture, StoreError};
use moltbot_audit::{AdmitError, RecordError};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::*;
use crate::support::records::KEY;
use crate::support::records::named_request;

fn ocr(request: &str) -> Effect {
    Effect::ocr_job(&OcrInput::default()).request(&named_request(request))
}

fn late() -> AuditEvent {
    AuditEvent::new(EventType::REQUEST_CREATED, Actor::Client).request(&named_request("late"))
}

/// Starts an effect that runs until it is told to end. The answer is whether it went well.
async fn running(host: &Host) -> (oneshot::Sender<()>, JoinHandle<bool>) {
    let (end, told) = oneshot::channel::<()>();
    let (begun, waiting) = oneshot::channel();
    let effect = host.auditor.effect(ocr("a photo"));
    let call = tokio::spawn(async move {
        let call = async || {
            begun.send(()).expect("it is waited for");
            told.await.map_err(|_| "nobody said")
        };
        effect.run(call).await.is_ok()
    });
    waiting.await.expect("it runs");
    (end, call)
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_takes_the_outcomes_of_what_runs_and_nothing_new() {
    let host = host();
    let (end, call) = running(&host).await;
    let shutdown = tokio::spawn({
        let auditor = host.auditor.clone();
        async move { auditor.shutdown(Duration::from_mins(1)).await }
    });
    sleep(Duration::from_secs(20)).await;
    assert!(!shutdown.is_finished(), "an effect runs");
    let refused = host.auditor.record(late()).await;
    assert!(matches!(refused, Err(RecordError::Write(WriteError::Closed))), "{refused:?}");
    let refused = host.auditor.effect(ocr("late")).run(async || Ok::<_, String>(())).await;
    let Err(EffectError::NotAdmitted(AdmitError::NotRun(RecordError::Write(WriteError::Closed)))) =
        refused
    else {
        panic!("{refused:?}")
    };

    end.send(()).expect("it still runs");
    assert!(call.await.expect("it ends"), "its outcome is recorded");
    let report = shutdown.await.expect("it ends").expect("nothing is left");
    assert_eq!(report.spooled, 0);
    let records = host.sink.inner().records();
    let types: Vec<_> = records.iter().map(|one| one.header().event_type.as_str()).collect();
    assert_eq!(types, ["effect.admitted", "ocr.job_done"]);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_says_how_many_effects_still_run_when_its_time_is_up() {
    let host = host();
    let (end, call) = running(&host).await;
    let (_other_end, _other) = running(&host).await;
    let left = host.auditor.shutdown(Duration::from_secs(4)).await.expect_err("two effects run");
    let ShutdownError { events: 0, effects: 2, spooled: 0, .. } = left else { panic!("{left:?}") };
    assert!(left.to_string().contains("2 effects still run"), "{left}");
    end.send(()).expect("it still runs");
    assert!(!call.await.expect("it ends"), "the host hears that its outcome is not recorded");
}

/// One that is given up records that by itself.
#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_what_a_dropped_permit_says() {
    let host = host();
    let permit = host.auditor.effect(ocr("a photo")).admit().await.expect("it may run");
    drop(permit);
    host.auditor.shutdown(Duration::from_secs(4)).await.expect("nothing is left");
    let last = host.sink.inner().records().pop().expect("an outcome");
    assert_eq!(last.header().outcome.as_str(), "cancelled");
}

/// Counts how often upkeep calls it.
#[derive(Debug)]
struct Prepared(MemoryStore, AtomicU64);

impl AuditSink for Prepared {
    fn append<'a>(
        &'a self,
        batch: &'a [Record],
    ) -> BoxFuture<'a, Result<Vec<Appended>, StoreError>> {
        self.0.append(batch)
    }

    fn prepare(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.1.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Ok(()) })
    }
}

#[tokio::test(start_paused = true)]
async fn upkeep_ends_with_its_auditor_whatever_is_tried_afterwards() {
    let sink = Arc::new(Prepared(MemoryStore::new(), AtomicU64::new(0)));
    let auditor = Auditor::builder(sink.clone(), KEY).build();
    sleep(Duration::from_hours(3)).await;
    let before = sink.1.load(Ordering::SeqCst);
    assert!(before > 1, "{before}");
    let effect = Effect::custom(EventType::DISCOVERY_CALL, Actor::System, json!({}));
    let permit = auditor.effect(effect).admit().await.expect("it may run");
    auditor.shutdown(Duration::from_secs(1)).await.expect_err("an effect runs");
    auditor.record(late()).await.expect_err("it is closed");
    permit.succeeded(&json!({})).await.expect_err("it is closed");
    sleep(Duration::from_hours(9)).await;
    assert_eq!(sink.1.load(Ordering::SeqCst), before);
}
