//! What operators see: metrics, log lines, traces, alerts.

mod alerts;
mod documents;
pub(crate) mod lines;
mod load;
mod log;
mod log_hostile;
mod log_privacy;
mod log_writer;
mod lookups;
pub(crate) mod metrics;
mod observers;
mod prometheus;
mod record_line;
mod runbook;
mod traces;
