//! What OpenTelemetry makes of the spans.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use opentelemetry::Value;
use opentelemetry::trace::{Status, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData, SpanExporter};
use tracing::Dispatch;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::SubscriberExt;

use crate::support::wait::until;

/// The trace and span id that OpenTelemetry gave a span.
pub(super) fn given(span: &SpanData) -> (String, String) {
    (span.span_context.trace_id().to_string(), span.span_context.span_id().to_string())
}

/// OpenTelemetry at work on this thread, with the spans that ended kept in memory.
pub(super) struct Heard {
    exporter: InMemorySpanExporter,
    _listening: DefaultGuard,
}

pub(super) fn listen() -> Heard {
    let exporter = InMemorySpanExporter::default();
    Heard { _listening: listen_with(exporter.clone()), exporter }
}

pub(super) fn listen_with(exporter: impl SpanExporter + 'static) -> DefaultGuard {
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
    pub(super) fn spans(&self) -> Vec<SpanData> {
        self.exporter.get_finished_spans().expect("the exporter is open")
    }

    pub(super) fn only(&self) -> SpanData {
        let mut spans = self.spans();
        assert_eq!(spans.len(), 1, "{spans:#?}");
        spans.remove(0)
    }

    pub(super) fn named(&self, name: &str) -> SpanData {
        let found = self.spans().into_iter().find(|span| span.name == name);
        found.unwrap_or_else(|| panic!("no span {name}: {:#?}", self.spans()))
    }

    /// Waits until that many spans have ended: who drops an effect does not wait for its span.
    pub(super) async fn settled(&self, len: usize) {
        until(&format!("{len} spans"), || self.spans().len() >= len).await;
    }
}

/// The attributes of a span, without those by which `tracing` says where in the code it is.
pub(super) fn attributes(span: &SpanData) -> BTreeMap<String, String> {
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

pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::I64(number) => format!("{number} as an integer"),
        other => other.to_string(),
    }
}

pub(super) fn is_error(span: &SpanData) -> bool {
    matches!(span.status, Status::Error { .. })
}
