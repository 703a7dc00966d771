//! What operators see of the host at work: metrics and log lines of what is recorded.

mod table;

pub use self::table::{Label, METRICS, Metric, MetricKind, OTHER};
