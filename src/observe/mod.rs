//! What operators see: metrics, log lines and traces of what is recorded.

#[cfg(feature = "recorder")]
mod current_trace;
#[cfg(feature = "recorder")]
mod effect_span;
#[cfg(feature = "logs")]
mod log;
#[cfg(feature = "otel")]
mod otel;
#[cfg(feature = "recorder")]
mod recorded;
#[cfg(feature = "recorder")]
mod recorder;
#[cfg(feature = "recorder")]
mod report;
pub(crate) mod table;

#[cfg(feature = "recorder")]
pub use self::current_trace::current_trace;
#[cfg(feature = "logs")]
pub use self::log::{JsonLayer, LogGuard, LostLines, NonBlocking};
pub use self::table::{Label, METRICS, Metric, MetricKind, OTHER};
#[cfg(feature = "recorder")]
pub(crate) use self::{
    current_trace::within,
    effect_span::EffectSpan,
    recorded::stored,
    recorder::{count, count_up_to, measure, register, set},
    report::Report,
};

/// The log lines that this process could not write: the library's own, and those of its layers and writers.
#[cfg(feature = "recorder")]
pub(crate) fn lost_lines() -> u64 {
    let own = crate::store::log_line::lost();
    #[cfg(feature = "logs")]
    let own = own + log::lost_lines();
    own
}
