//! What operators see: metrics, log lines, traces, alerts.

mod metrics;
