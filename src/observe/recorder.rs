//! Emits metrics to the recorder that the host has installed.
//!
//! The recorder is looked up each time, because a host may install it after its auditor. If it panics, neither the
//! caller nor another metric is affected.

use std::panic::{AssertUnwindSafe, catch_unwind};

use metrics::{Key, KeyName, Label as KeyLabel, Level, Metadata, Recorder, Unit};

use super::table::{METRICS, Metric, MetricKind};
use crate::store::log_line::log_line;

static METADATA: Metadata<'static> =
    Metadata::new("moltbot_audit", Level::INFO, Some("moltbot_audit"));

/// Adds to a counter. `values` has one value for each label, from the label's closed set.
pub(crate) fn count(metric: &Metric, values: &[&'static str], by: u64) {
    let key = key(metric, values);
    with_recorder(|recorder| recorder.register_counter(&key, &METADATA).increment(by));
}

/// Sets a counter without labels to a total that is counted elsewhere.
pub(crate) fn count_up_to(metric: &Metric, total: u64) {
    let key = key(metric, &[]);
    with_recorder(|recorder| recorder.register_counter(&key, &METADATA).absolute(total));
}

/// Sets a gauge.
pub(crate) fn set(metric: &Metric, values: &[&'static str], to: f64) {
    let key = key(metric, values);
    with_recorder(|recorder| recorder.register_gauge(&key, &METADATA).set(to));
}

/// Adds an observation to a histogram.
pub(crate) fn measure(metric: &Metric, values: &[&'static str], value: f64) {
    let key = key(metric, values);
    with_recorder(|recorder| recorder.register_histogram(&key, &METADATA).record(value));
}

/// Describes every metric, and starts every counter and histogram at 0. A gauge starts with its first
/// value, because before that it is unknown. It is harmless to call it again.
pub(crate) fn register() {
    for metric in METRICS {
        describe(metric);
        for values in combinations(metric) {
            let key = key(metric, &values);
            with_recorder(|recorder| match metric.kind {
                MetricKind::Counter => recorder.register_counter(&key, &METADATA).increment(0),
                MetricKind::Histogram { .. } => {
                    drop(recorder.register_histogram(&key, &METADATA));
                }
                MetricKind::Gauge => {}
            });
        }
    }
}

fn describe(metric: &Metric) {
    let (name, unit) = (KeyName::from(metric.name), Some(unit(metric)));
    let description = metric.description.into();
    with_recorder(|recorder| match metric.kind {
        MetricKind::Counter => recorder.describe_counter(name, unit, description),
        MetricKind::Gauge => recorder.describe_gauge(name, unit, description),
        MetricKind::Histogram { .. } => recorder.describe_histogram(name, unit, description),
    });
}

/// The name says the unit, as Prometheus wants it.
fn unit(metric: &Metric) -> Unit {
    if metric.name.ends_with("_seconds") {
        Unit::Seconds
    } else if metric.name.ends_with("_bytes") {
        Unit::Bytes
    } else {
        Unit::Count
    }
}

/// Every combination of the labels' values; a single empty one if the metric has no label.
fn combinations(metric: &Metric) -> Vec<Vec<&'static str>> {
    metric.labels.iter().fold(vec![Vec::new()], |found, label| {
        let with = |values: &Vec<&'static str>| {
            let values = values.clone();
            label.values().iter().map(move |value| [&values[..], &[*value]].concat())
        };
        found.iter().flat_map(with).collect()
    })
}

fn with_recorder(emit: impl FnOnce(&dyn Recorder)) {
    if catch_unwind(AssertUnwindSafe(|| metrics::with_recorder(emit))).is_err() {
        log_line!(error, "the host's metrics recorder panicked");
    }
}

fn key(metric: &Metric, values: &[&'static str]) -> Key {
    let labels = metric.labels.iter().zip(values);
    let labels = labels.map(|(label, value)| KeyLabel::from_static_parts(label.name(), value));
    Key::from_parts(metric.name, labels.collect::<Vec<_>>())
}
