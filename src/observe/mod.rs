//! What operators see of the host at work: metrics and log lines of what is recorded.

#[cfg(feature = "logs")]
mod log;
#[cfg(feature = "recorder")]
mod recorded;
#[cfg(feature = "recorder")]
mod recorder;
pub(crate) mod table;

#[cfg(feature = "logs")]
pub use self::log::{JsonLayer, LogGuard, LostLines, NonBlocking};
pub use self::table::{Label, METRICS, Metric, MetricKind, OTHER};
#[cfg(all(feature = "logs", feature = "recorder"))]
pub(crate) use self::{log::lost_lines, recorder::count_up_to};
#[cfg(feature = "recorder")]
pub(crate) use self::{
    recorded::{stored, verified},
    recorder::{count, measure, register, set},
};
