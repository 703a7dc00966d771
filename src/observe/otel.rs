//! The ids that OpenTelemetry gave a span.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::event::TraceContext;

/// Starts a new span under `parent`, if there is one, and returns its ids. `None` if no layer
/// listens.
pub(super) fn start(span: &Span, parent: Option<TraceContext>) -> Option<TraceContext> {
    if let Some(parent) = parent {
        let remote = Context::current().with_remote_span_context(span_context(parent));
        // Fails if no layer listens, and then nothing is started either.
        drop(span.set_parent(remote));
    }
    trace_of(&span.context())
}

/// The innermost span that is entered, by `tracing` or by OpenTelemetry itself.
pub(super) fn current() -> Option<TraceContext> {
    trace_of(&Span::current().context()).or_else(|| trace_of(&Context::current()))
}

fn span_context(trace: TraceContext) -> SpanContext {
    let (trace_id, span_id) = trace.ids();
    let flags = TraceFlags::new(trace.flags());
    SpanContext::new(trace_id.into(), span_id.into(), flags, true, TraceState::NONE)
}

fn trace_of(context: &Context) -> Option<TraceContext> {
    let span = context.span();
    let known = Some(span.span_context()).filter(|span| span.is_valid())?;
    let (trace_id, span_id): (TraceId, SpanId) = (known.trace_id(), known.span_id());
    let trace = TraceContext::from_bytes(trace_id.to_bytes(), span_id.to_bytes());
    Some(trace.with_flags(known.trace_flags().to_u8()))
}
