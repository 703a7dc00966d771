//! Effects as spans, and the ids by which span, event and pack find each other.

mod ends;
mod links;
mod names;
mod otlp;
mod retries;
mod unheard;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use moltbot_audit::event::payload::MoltbotInput;
use moltbot_audit::record::Record;
use moltbot_audit::redact::RedactionKey;
use moltbot_audit::store::QueueLimits;
use moltbot_audit::testing::{FaultySink, MemoryStore};
use moltbot_audit::{Auditor, Effect, RequestId, Switch};
use opentelemetry::Value;
use opentelemetry::trace::{Status, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData, SpanExporter};
use tracing::Dispatch;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::SubscriberExt;

use crate::support::records::named_request;

/// The traceparent of the specification's own examples.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

/// An auditor on a store in memory.
struct Host {
    auditor: Auditor,
    sink: Arc<FaultySink<MemoryStore>>,
}

fn host() -> Host {
    let sink = Arc::new(FaultySink::new(Arc::new(MemoryStore::new())));
    for switch in [Switch::AI, Switch::CALLING, Switch::OCR] {
        sink.inner().reset_switch(switch);
    }
    let limits = QueueLimits::default().wait(Duration::from_millis(300));
    let builder = Auditor::builder(sink.clone(), RedactionKey::from_bytes([7; 32]));
    Host { auditor: builder.limits(limits).environment(|_| None).build(), sink }
}

impl Host {
    /// The events of a type, in their order.
    fn events(&self, event_type: &str) -> Vec<Record> {
        let records = self.sink.inner().records().into_iter();
        records.filter(|record| record.header().event_type == event_type).collect()
    }
}

/// The trace and span id of a record.
fn ids(record: &Record) -> (String, String) {
    let header = record.header();
    let id = |id: &Option<String>| id.clone().expect("an id");
    (id(&header.trace_id), id(&header.span_id))
}

/// The trace and span id that OpenTelemetry gave a span.
fn given(span: &SpanData) -> (String, String) {
    (span.span_context.trace_id().to_string(), span.span_context.span_id().to_string())
}

fn request() -> RequestId {
    named_request("d1a1c9de-52f6-4f0b-9f0a-3a1f6f0c9b77")
}

fn moltbot_call() -> Effect {
    let input = MoltbotInput {
        provider: Some("anthropic".into()),
        model: Some("m-1".into()),
        ..Default::default()
    };
    Effect::moltbot_call(&input).request(&request())
}

/// OpenTelemetry at work on this thread, with the spans that ended kept in memory.
struct Heard {
    exporter: InMemorySpanExporter,
    _listening: DefaultGuard,
}

fn listen() -> Heard {
    let exporter = InMemorySpanExporter::default();
    Heard { _listening: listen_with(exporter.clone()), exporter }
}

fn listen_with(exporter: impl SpanExporter + 'static) -> DefaultGuard {
    // `tracing` asks a lone subscriber for its interest on whichever thread meets a span first, and takes
    // no for an answer where that thread listens to nothing. A second one makes it ask all of them.
    static SECOND: LazyLock<Dispatch> =
        LazyLock::new(|| Dispatch::new(tracing_subscriber::registry()));
    LazyLock::force(&SECOND);
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    tracing::subscriber::set_default(tracing_subscriber::registry().with(layer))
}

impl Heard {
    fn spans(&self) -> Vec<SpanData> {
        self.exporter.get_finished_spans().expect("the exporter is open")
    }

    fn only(&self) -> SpanData {
        let mut spans = self.spans();
        assert_eq!(spans.len(), 1, "{spans:#?}");
        spans.remove(0)
    }

    fn named(&self, name: &str) -> SpanData {
        let found = self.spans().into_iter().find(|span| span.name == name);
        found.unwrap_or_else(|| panic!("no span {name}: {:#?}", self.spans()))
    }

    /// Waits until that many spans have ended: who drops an effect does not wait for its span.
    async fn settled(&self, len: usize) {
        for _ in 0..500 {
            if self.spans().len() >= len {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        panic!("expected {len} spans: {:#?}", self.spans());
    }
}

/// The attributes of a span, without those by which `tracing` says where in the code it is.
fn attributes(span: &SpanData) -> BTreeMap<String, String> {
    let own = span.attributes.iter().filter(|attribute| {
        let key = attribute.key.as_str();
        !["code.", "thread.", "busy_ns", "idle_ns", "target", "level"]
            .iter()
            .any(|prefix| key.starts_with(prefix))
    });
    let mut attributes = BTreeMap::new();
    for attribute in own {
        let (key, value) = (attribute.key.to_string(), shown(&attribute.value));
        assert_eq!(attributes.insert(key.clone(), value), None, "{key} is there twice");
    }
    attributes
}

fn shown(value: &Value) -> String {
    match value {
        Value::I64(number) => format!("{number} as an integer"),
        other => other.to_string(),
    }
}

fn is_error(span: &SpanData) -> bool {
    matches!(span.status, Status::Error { .. })
}
