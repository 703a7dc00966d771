//! The span that a task runs in.
//!
//! A task-local instead of `tracing`'s current span, because an event must have a trace with any subscriber, any log
//! filter, or none.

use std::future::Future;

use crate::event::TraceContext;

tokio::task_local! {
    static CURRENT: TraceContext;
}

/// The span of a distributed trace in which this code runs: inside a call that
/// [`run`](crate::PendingEffect::run) makes, that effect's span. Use it for the `traceparent` of outgoing
/// calls. Events that are recorded there without a trace and without an id take it by themselves.
///
/// With the feature `otel` it is the current span of OpenTelemetry, if there is one; that can be one
/// that the host opened. Without the feature, a task that is spawned inside the call is outside the span.
#[must_use]
pub fn current_trace() -> Option<TraceContext> {
    #[cfg(feature = "otel")]
    if let Some(trace) = super::otel::current() {
        return Some(trace);
    }
    CURRENT.try_with(|trace| *trace).ok()
}

/// Runs a future inside the span that `trace` names.
pub(crate) async fn within<F: Future>(trace: TraceContext, future: F) -> F::Output {
    CURRENT.scope(trace, future).await
}
