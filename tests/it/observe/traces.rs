//! Effects as spans, and the ids by which span, event and pack find each other.

#[cfg(feature = "otel")]
mod ends;
#[cfg(feature = "otel")]
mod heard;
#[cfg(feature = "otel")]
mod links;
#[cfg(feature = "otel")]
mod names;
#[cfg(feature = "otel")]
mod otlp;
#[cfg(feature = "otel")]
mod retries;
mod unheard;

use std::sync::Arc;
use std::time::Duration;

use moltbot_audit::delivery::QueueLimits;
use moltbot_audit::event::payload::MoltbotInput;
use moltbot_audit::record::Record;
use moltbot_audit::testing::{FaultySink, MemoryStore};
use moltbot_audit::{Auditor, Effect, Switch};

#[cfg(feature = "otel")]
use self::heard::{Heard, attributes, given, is_error, listen, listen_with};
use crate::support::records::{KEY, request};
use crate::support::stores;

/// The traceparent of the specification's own examples.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

/// An auditor on a store in memory.
struct Host {
    auditor: Auditor,
    sink: Arc<FaultySink<MemoryStore>>,
}

fn host() -> Host {
    let sink = stores::sink();
    for switch in [Switch::AI, Switch::CALLING, Switch::OCR] {
        sink.inner().reset_switch(switch);
    }
    let limits = QueueLimits::default().wait(Duration::from_millis(300));
    let builder = Auditor::builder(sink.clone(), KEY);
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

fn moltbot_call() -> Effect {
    let input = MoltbotInput {
        provider: Some("anthropic".into()),
        model: Some("m-1".into()),
        ..Default::default()
    };
    Effect::moltbot_call(&input).request(&request())
}
