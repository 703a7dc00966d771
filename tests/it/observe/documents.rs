//! What is written about the code says what the code does.

use std::fmt::Write as _;
use std::time::Duration;

use moltbot_audit::observe::{METRICS, MetricKind};
use moltbot_audit::policy::Limits;
use moltbot_audit::{Budget, Period};

use super::alerts::files::{Alert, alerts, read, regex};
use super::lines::Parsed;

/// The table of all metrics, as the documentation has it.
fn table() -> String {
    let mut table = String::from("| name | kind | labels | what |\n|---|---|---|---|\n");
    for metric in METRICS {
        let kind = match metric.kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            _ => "histogram",
        };
        let labels: Vec<_> =
            metric.labels.iter().map(|label| format!("`{}`", label.name())).collect();
        let (name, labels) = (metric.name, labels.join(", "));
        writeln!(table, "| `{name}` | {kind} | {labels} | {} |", metric.description)
            .expect("a text");
    }
    table
}

#[test]
fn the_documentation_has_the_table_of_metrics_as_it_is() {
    let document = read("docs/metrics.md");
    let (_, written) = document.split_once("## All of them\n\n").expect("its section");
    assert_eq!(written, table(), "the section should be:\n{}", table());
}

/// The first number behind a text in a document.
fn number(document: &str, text: &str) -> i64 {
    let pattern = format!(r"{}\s*(\d+)", ::regex::escape(text));
    let found = regex(&pattern).captures(document);
    found.unwrap_or_else(|| panic!("nothing says {text:?}"))[1].parse().expect("a number")
}

fn minutes(document: &str, text: &str) -> Duration {
    Duration::from_mins(number(document, text).unsigned_abs())
}

#[test]
fn the_rule_of_costs_names_the_limits_that_are_in_force() {
    let rule = read(".agent/rules/71_cost_controls.md");
    let written = Limits::default()
        .per_request(Budget::MOLTBOT_CALLS, number(&rule, "Max Moltbot calls:"))
        .and_then(|limits| limits.per_request(Budget::OCR_JOBS, number(&rule, "Max OCR calls:")))
        .and_then(|limits| {
            limits.per_request(Budget::VENDOR_BATCHES, number(&rule, "Max vendor batches:"))
        })
        .and_then(|limits| limits.per_request(Budget::VENDORS, number(&rule, "Max vendors:")))
        .and_then(|limits| {
            let a_batch = number(&rule, "Max vendors per batch:");
            limits.vendors_a_batch(a_batch.try_into().expect("a count"))
        })
        .and_then(|limits| {
            let target = minutes(&rule, "Target time-to-shortlist:");
            limits.time(target, minutes(&rule, "Max processing time:"))
        })
        .and_then(|limits| {
            limits.warn_at_percent(number(&rule, "Warn at:").try_into().expect("percent"))
        })
        .expect("limits that make sense");
    assert_eq!(written, Limits::default());
    // What the rule says has no limit.
    for budget in [Budget::TOKENS, Budget::COST_MICROUSD] {
        for period in [Period::Request, Period::Day] {
            assert_eq!(Limits::default().of(&budget, period), None);
        }
    }
}

#[test]
fn the_alerts_have_the_limits_of_time_and_the_mark_of_warnings() {
    let rule = read(".agent/rules/71_cost_controls.md");
    let alerts = alerts();
    let expression = |name: &str, nth: usize| {
        let tiers: Vec<_> = alerts.iter().filter(|alert| alert.name == name).collect();
        tiers[nth].expression.clone()
    };
    let target = minutes(&rule, "Target time-to-shortlist:").as_secs();
    let max = minutes(&rule, "Max processing time:").as_secs();
    assert!(expression("ShortlistSlow", 0).contains(&format!(" > {target}\n")));
    assert!(expression("ShortlistSlow", 1).contains(&format!(" > {max}\n")));
    assert_eq!(number(&rule, "Warn at:"), 80);
    assert!(expression("DayBudgetUsed", 0).ends_with(" >= 0.8"));
}

#[test]
fn the_rule_of_logging_has_the_seeds_fields_and_those_of_the_host() {
    let rule = read(".agent/rules/70_logging_standard.md");
    // The layer writes these first on every line, which `Parsed::new` insists on.
    for field in Parsed::REQUIRED {
        let row = regex(&format!(r"(?m)^\|.*`{field}`.* \|.* \|$"));
        assert!(row.is_match(&rule), "{field}");
    }
    assert!(rule.contains("secrets") && rule.contains("full raw media"));
}

/// A row of the rule of alerting: the tiers in percent, and the least number of cases.
fn tiers_of(rule: &str, name: &str) -> (i64, i64, i64) {
    let row = rule.lines().find(|line| line.starts_with(&format!("| {name} | "))).expect(name);
    let cells: Vec<_> = row.split('|').map(str::trim).collect();
    let first = |cell: &str| number(cell, "");
    (first(cells[2]), first(cells[3]), first(cells[5]))
}

#[test]
fn the_rule_of_alerting_names_the_tiers_of_the_alerts() {
    let rule = read(".agent/rules/72_alerting.md");
    let alerts = alerts();
    for name in ["OcrFailureRate", "MoltbotRejectionRate", "VendorReplyRate", "CallFailures"] {
        let tiers: Vec<_> = alerts.iter().filter(|alert| alert.name == name).collect();
        let (warning, critical, cases) = tiers_of(&rule, name);
        for (tier, percent) in tiers.iter().zip([warning, critical]) {
            let limit = regex(&format!(r", 0\.001\) [<>] 0\.{percent:02}\n"));
            assert!(limit.is_match(&tier.expression), "{name}: {percent} %");
            assert!(tier.expression.contains(&format!(" >= {cases}")), "{name}: from {cases}");
        }
    }
}

#[test]
fn the_rule_of_alerting_lists_every_alert() {
    let rule = read(".agent/rules/72_alerting.md");
    let alerts = alerts();
    let mut rows = String::new();
    let text = |alert: &Alert, name: &str| alert.texts[name].clone();
    for alert in &alerts {
        if rows.contains(&format!("| {} |", alert.name)) {
            continue;
        }
        let tiers = alerts.iter().filter(|tier| tier.name == alert.name);
        let severities: Vec<_> = tiers.map(|tier| text(tier, "severity")).collect();
        let (service, component) = (text(alert, "service"), text(alert, "component"));
        let severities = severities.join(", ");
        writeln!(rows, "| {} | {severities} | {service} | {component} |", alert.name)
            .expect("a text");
    }
    assert!(rule.contains(&rows), "the table should be:\n{rows}");
}
