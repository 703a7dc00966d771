//! What watches the host at work may hang or panic: recording goes on, and counts all the same.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use moltbot_audit::delivery::{QueueLimits, Spool};
use moltbot_audit::event::payload::MoltbotInput;
use moltbot_audit::observe::{JsonLayer, METRICS};
use moltbot_audit::record::{Record as SealedRecord, Recorded};
use moltbot_audit::testing::{Fault, FaultySink, MemoryStore};
use moltbot_audit::{
    Actor, AuditEvent, Auditor, Effect, EffectError, EventType, RecordError, Switch,
};
use serde_json::json;
use tokio::task::JoinSet;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

use super::metrics::recorder;
use crate::support::process::{is_alone, this_test};
use crate::support::records::{KEY, fresh_request};
use crate::support::stores;
use crate::support::wait::until;

/// A pipe that nobody reads.
struct Hangs;

impl Write for Hangs {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        loop {
            thread::park();
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Host {
    auditor: Auditor,
    sink: Arc<FaultySink<MemoryStore>>,
    _folder: tempfile::TempDir,
}

async fn host() -> Host {
    let store = Arc::new(MemoryStore::new());
    for switch in [Switch::AI, Switch::CALLING, Switch::OCR] {
        store.reset_switch(switch);
    }
    let sink = Arc::new(FaultySink::new(store));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let spool = Spool::open(folder.path()).await.expect("our own folder");
    let auditor = Auditor::builder(sink.clone(), KEY)
        .limits(QueueLimits::default().wait(Duration::from_millis(300)))
        .environment(|_| None)
        .spool(spool)
        .build();
    Host { auditor, sink, _folder: folder }
}

impl Host {
    async fn record(&self, event_type: EventType) -> Recorded {
        let event = AuditEvent::new(event_type, Actor::System).request(&fresh_request());
        self.auditor.record(event).await.expect("recorded")
    }

    /// Every way in which a record gets into the database: alone, by an admission and its outcome, by a flip, by
    /// a drain. Five records.
    async fn all_ways(&self) {
        self.record(EventType::REQUEST_CREATED).await;
        let effect = Effect::moltbot_call(&MoltbotInput::default()).request(&fresh_request());
        let ran = self.auditor.effect(effect).run(async || Ok::<_, String>(json!(null))).await;
        ran.expect("it runs");
        let switch = self.auditor.kill_switch();
        switch.engage(&Switch::AI, "aline", "a drill").await.expect("engaged");
        self.sink.every_call(Fault::not_landed());
        let spooled = self.record(EventType::VENDOR_REPLY_RECORDED).await;
        assert!(spooled.receipt().is_none());
        self.sink.heal();
        // What the drain says of itself comes last.
        let drained = EventType::AUDIT_SPOOL_DRAINED.as_str();
        let is_drained = |record: &SealedRecord| record.header().event_type == drained;
        let is_told = || self.sink.inner().records().iter().any(is_drained);
        until("the drain is told", is_told).await;
    }
}

async fn record_thousand(auditor: &Auditor) {
    let mut callers = JoinSet::new();
    for _ in 0..1_000 {
        let auditor = auditor.clone();
        let event = AuditEvent::new(EventType::REQUEST_STATE_CHANGED, Actor::System);
        callers.spawn(async move { auditor.record(event).await.expect("recorded") });
    }
    callers.join_all().await;
}

fn play(scene: impl Future<Output = ()>) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(scene);
}

/// On a runtime of one thread, which is gone if anything on it waits for the writer.
#[test]
fn a_log_writer_that_hangs_holds_no_caller_and_what_it_cannot_take_is_counted() {
    if !is_alone(this_test!()) {
        return;
    }
    let scraped = recorder().install_recorder().expect("the process is ours alone");
    let closed = Closed::default();
    let subscriber = tracing_subscriber::registry().with(JsonLayer::new(|| Hangs));
    tracing::subscriber::set_global_default(subscriber.with(closed.clone()))
        .expect("the process is ours alone");
    let (ended, end) = std::sync::mpsc::channel();
    thread::spawn(move || {
        play(async move {
            let first = host().await;
            first.all_ways().await;
            let patient = QueueLimits::default().wait(Duration::from_mins(1));
            let key = KEY;
            let patient = Auditor::builder(first.sink.clone(), key).limits(patient).build();
            for _ in 0..17 {
                record_thousand(&patient).await;
            }
            first.auditor.shutdown(Duration::from_secs(10)).await.expect("all is written");
            // The next auditor of the process sets the gauges when it starts.
            let next = host().await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            drop(next);
        });
        ended.send(()).expect("the test waits");
    });
    end.recv_timeout(Duration::from_mins(10)).expect("nobody waits for the writer");
    assert_eq!(closed.0.load(Ordering::SeqCst), 1, "an effect's span waits for no line");
    let exposed = scraped.render();
    assert_all_counted(&exposed);
    // 16,384 wait, and the thread has one.
    let lost = value(&exposed, "audit_log_lines_lost_total");
    assert!((17_000 - 16_385..1_000).contains(&lost), "{lost}");
}

/// The value of a series, 0 where there is none.
fn value(exposed: &str, series: &str) -> u64 {
    let value = exposed.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.map_or(0, |value| value.parse().expect("a whole number"))
}

/// What [`Host::all_ways`] counts.
const COUNTED: [&str; 7] = [
    "requests_created_total",
    "effects_admitted_total{switch=\"ai\"}",
    "moltbot_calls_total{outcome=\"succeeded\"}",
    "audit_events_total{event_type=\"switch.engaged\"}",
    "audit_spooled_events_total",
    "vendor_replies_total",
    "audit_events_total{event_type=\"audit.spool_drained\"}",
];

#[track_caller]
fn assert_all_counted(exposed: &str) {
    for series in COUNTED {
        assert_eq!(value(exposed, series), 1, "{series}");
    }
}

/// Counts the spans that have ended.
#[derive(Clone, Default)]
struct Closed(Arc<AtomicUsize>);

impl<S: Subscriber> Layer<S> for Closed {
    fn on_close(&self, _: Id, _: Context<'_, S>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A layer that panics at everything that this crate tells it.
struct Panics;

impl<S: Subscriber> Layer<S> for Panics {
    fn on_new_span(&self, span: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        assert!(!is_ours(span.metadata()), "on purpose");
    }

    fn on_record(&self, _: &Id, _: &Record<'_>, _: Context<'_, S>) {
        panic!("on purpose");
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        assert!(!is_ours(event.metadata()), "on purpose");
    }
}

fn is_ours(metadata: &tracing::Metadata<'_>) -> bool {
    metadata.target().starts_with("moltbot_audit")
}

#[test]
fn a_layer_that_panics_keeps_no_count_from_rising() {
    let recorder = recorder().build_recorder();
    let subscriber = tracing_subscriber::registry().with(Panics);
    metrics::with_local_recorder(&recorder, || {
        tracing::subscriber::with_default(subscriber, || {
            play(async { host().await.all_ways().await });
        });
    });
    assert_all_counted(&recorder.handle().render());
}

/// A recorder that panics at one metric.
struct PanicsAt<R>(&'static str, R);

impl<R> PanicsAt<R> {
    fn check(&self, key: &Key) {
        assert!(key.name() != self.0, "on purpose");
    }
}

impl<R: Recorder> Recorder for PanicsAt<R> {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        self.check(key);
        self.1.register_counter(key, metadata)
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        self.check(key);
        self.1.register_gauge(key, metadata)
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        self.check(key);
        self.1.register_histogram(key, metadata)
    }
}

#[test]
fn a_recorder_that_panics_at_one_metric_loses_no_other() {
    for metric in METRICS {
        let recorder = recorder().build_recorder();
        let scraped = recorder.handle();
        metrics::with_local_recorder(&PanicsAt(metric.name, recorder), || {
            play(async { host().await.all_ways().await });
        });
        let exposed = scraped.render();
        for series in COUNTED.into_iter().filter(|series| !series.starts_with(metric.name)) {
            assert_eq!(value(&exposed, series), 1, "{series} where {} panics", metric.name);
        }
    }
}

/// While a failure is recorded, too: the caller hears of the failure.
#[test]
fn a_recorder_that_panics_at_a_failure_takes_no_error_with_it() {
    let panics = PanicsAt("audit_append_failures_total", recorder().build_recorder());
    metrics::with_local_recorder(&panics, || {
        play(async {
            let sink = stores::sink();
            let auditor = Auditor::builder(sink.clone(), KEY).build();
            sink.refuse(|record| record.header().event_type != "effect.admitted");
            let event = AuditEvent::new(EventType::REQUEST_CREATED, Actor::System);
            let refused = auditor.record(event).await.expect_err("it is refused");
            assert!(matches!(refused, RecordError::Write(_)), "{refused:?}");
            let effect = Effect::custom(EventType::DISCOVERY_CALL, Actor::System, json!({}));
            let ran = auditor.effect(effect).run(async || Ok::<_, String>(json!(7))).await;
            let Err(EffectError::Unrecorded { result, .. }) = ran else { panic!("{ran:?}") };
            assert_eq!(result.expect("the call went well"), 7);
        });
    });
}
