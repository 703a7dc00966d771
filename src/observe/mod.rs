//! What operators see of the host at work: metrics and log lines of what is recorded.

#[cfg(feature = "recorder")]
mod recorded;
#[cfg(feature = "recorder")]
mod recorder;
pub(crate) mod table;

pub use self::table::{Label, METRICS, Metric, MetricKind, OTHER};
#[cfg(feature = "recorder")]
pub(crate) use self::{
    recorded::{stored, verified},
    recorder::{count, measure, register, set},
};
