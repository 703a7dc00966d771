//! What operators see: metrics, log lines, traces, alerts.

mod alerts;
mod documents;
mod metrics;
mod runbook;
