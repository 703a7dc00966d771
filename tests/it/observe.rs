//! What operators see: metrics, log lines, traces, alerts.

pub(crate) mod metrics;
