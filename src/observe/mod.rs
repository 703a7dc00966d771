//! What operators see of the host at work: metrics and log lines of what is recorded.

#[cfg(feature = "logs")]
mod log;
mod table;

#[cfg(feature = "logs")]
pub use self::log::{JsonLayer, LogGuard, LostLines, NonBlocking};
pub use self::table::{Label, METRICS, Metric, MetricKind, OTHER};
