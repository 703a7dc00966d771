//! What a `PromQL` expression names: enough of the language for the expressions of this project.

use std::collections::BTreeSet;

use moltbot_audit::observe::{METRICS, Metric, MetricKind};

use super::files::{recorded, regex};

/// Labels that come of scraping, of histograms, and of alerts.
const FOREIGN_LABELS: [&str; 7] =
    ["alertname", "alertstate", "instance", "job", "le", "service", "severity"];
/// Series that come of scraping and of alerts.
const FOREIGN_SERIES: [&str; 2] = ["ALERTS", "up"];
const KEYWORDS: [&str; 5] = ["and", "offset", "or", "unless", "bool"];

/// A series as it is selected: its name, and its matchers as name and values.
struct Selector {
    series: String,
    matchers: Vec<(String, Vec<String>)>,
}

/// The selectors of an expression, and the labels that it groups or joins by.
fn parse(expression: &str) -> (Vec<Selector>, BTreeSet<String>) {
    let grouping = regex(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)");
    let words = |list: &str| -> Vec<String> {
        list.split(',').map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
    };
    let labels = grouping.captures_iter(expression).flat_map(|found| words(&found[1])).collect();
    let bare = grouping.replace_all(expression, " ");
    let bare = regex(r"\[[^\]]*\]|\boffset\s+\w+").replace_all(&bare, " ").into_owned();
    let name = regex(r"\b([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(\{[^}]*\}|\()?");
    let matcher = regex(r#"(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)""#);
    let selectors = name.captures_iter(&bare).filter_map(|found| {
        let follows = found.get(2).map_or("", |follows| follows.as_str());
        // A function, or a keyword before a bracket.
        if follows == "(" || KEYWORDS.contains(&&found[1]) {
            return None;
        }
        let matchers = matcher.captures_iter(follows).map(|matcher| {
            (matcher[1].to_owned(), matcher[2].split('|').map(str::to_owned).collect())
        });
        Some(Selector { series: found[1].to_owned(), matchers: matchers.collect() })
    });
    (selectors.collect(), labels)
}

/// The metric that exposes a series of this name.
fn metric_of(series: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| match metric.kind {
        MetricKind::Histogram { .. } => series
            .strip_prefix(metric.name)
            .is_some_and(|suffix| ["_bucket", "_count", "_sum"].contains(&suffix)),
        _ => series == metric.name,
    })
}

/// The metrics that an expression names.
pub(super) fn metrics_of(expression: &str) -> Vec<&'static str> {
    let (selectors, _) = parse(expression);
    let found = selectors.iter().filter_map(|selector| metric_of(&selector.series));
    found.map(|metric| metric.name).collect()
}

/// What an expression names that the table does not have: series, labels and their values.
pub(super) fn faults(expression: &str) -> Vec<String> {
    let (selectors, grouped_by) = parse(expression);
    let mut faults = Vec::new();
    let mut known: BTreeSet<&str> = FOREIGN_LABELS.into();
    if selectors.is_empty() {
        faults.push("names no series".to_owned());
    }
    for Selector { series, matchers } in &selectors {
        let metric = metric_of(series);
        let is_foreign = FOREIGN_SERIES.contains(&series.as_str());
        if metric.is_none() && !is_foreign && recorded().iter().all(|(name, _)| name != series) {
            faults.push(format!("no such series: {series}"));
        }
        let labels = metric.map_or(&[][..], |metric| metric.labels);
        known.extend(labels.iter().map(|label| label.name()));
        for (name, values) in matchers {
            let Some(label) = labels.iter().find(|label| label.name() == name) else {
                if !FOREIGN_LABELS.contains(&name.as_str()) {
                    faults.push(format!("no such label of {series}: {name}"));
                }
                continue;
            };
            let unknown = values.iter().filter(|value| !label.values().contains(&value.as_str()));
            faults.extend(unknown.map(|value| format!("no such value of {name}: {value}")));
        }
    }
    let unknown = grouped_by.iter().filter(|name| !known.contains(name.as_str()));
    faults.extend(unknown.map(|name| format!("nothing has the label {name}")));
    faults
}
