//! The span that a task runs in.
//!
//! A task-local, not `tracing`, because it holds for every subscriber and for none: whether an event has a
//! trace must not depend on a log filter.

use std::future::Future;

use crate::event::TraceContext;

tokio::task_local! {
    static CURRENT: TraceContext;
}

/// Where in a distributed trace this code runs: inside a call that
/// [`run`](crate::PendingEffect::run) makes, that effect's span. For the `traceparent` of the calls that
/// are made there; events that are recorded there without a trace and without an id of their own take it
/// by themselves.
///
/// With the feature `otel` it is the current span of OpenTelemetry, if there is one; that can be one
/// that the host opened. Without, a task spawned inside the call is outside of it.
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
