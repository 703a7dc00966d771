//! What operators see: metrics, log lines, traces, alerts.

mod alerts;
mod documents;
pub(crate) mod metrics;
mod prometheus;
mod runbook;
