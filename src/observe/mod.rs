//! What operators see of the host at work: metrics, log lines and traces of what is recorded.

#[cfg(feature = "recorder")]
mod current_trace;
#[cfg(feature = "recorder")]
mod effect_span;
#[cfg(feature = "otel")]
mod otel;
mod table;

#[cfg(feature = "recorder")]
pub use self::current_trace::current_trace;
pub use self::table::{Label, METRICS, Metric, MetricKind, OTHER};
#[cfg(feature = "recorder")]
pub(crate) use self::{current_trace::within, effect_span::EffectSpan};
