//! Alerts, dashboard and runbook use what the table of metrics has, and belong together.

pub(super) mod files;
mod promql;

use std::collections::BTreeSet;
use std::process::Command;

use moltbot_audit::observe::METRICS;
use serde_json::Value;

use self::files::{alerts, blocks, expressions, panels, read, recorded, regex};

/// What a gauge of the database needs, so that a process without one does not repeat an old value.
const FRESH: &str = " and on (job, instance) (time() - audit_heartbeat_timestamp_seconds < 120)";

/// Every expression that an operator is given, with where it stands.
fn all_expressions() -> Vec<(String, String)> {
    let alerts = alerts().into_iter().map(|alert| (alert.name, alert.expression));
    let shown = panels().into_iter().flat_map(|panel| {
        let title = panel["title"].to_string();
        expressions(&panel).into_iter().map(move |expression| (title.clone(), expression))
    });
    let runbook = read("docs/runbook.md");
    let asked = blocks(&runbook, "promql").into_iter().map(|block| ("runbook".to_owned(), block));
    let metrics = read("docs/metrics.md");
    let told = regex(r"(?m)^\| [\w ]+ \| `([^`]+)` \|$");
    let told = told.captures_iter(&metrics).map(|found| found[1].to_owned()).collect::<Vec<_>>();
    assert_eq!(told.len(), 4, "the seed's four");
    let told = told.into_iter().map(|expression| ("docs/metrics.md".to_owned(), expression));
    alerts.chain(recorded()).chain(shown).chain(asked).chain(told).collect()
}

#[test]
fn every_expression_names_what_the_table_has() {
    let expressions = all_expressions();
    assert!(expressions.len() > 80, "{} were found", expressions.len());
    for (place, expression) in expressions {
        assert_eq!(promql::faults(&expression), [""; 0], "{place}: {expression}");
    }
}

#[test]
fn a_name_a_label_and_a_value_that_the_table_lacks_are_seen() {
    for (expression, fault) in [
        ("sum(increase(ocr_errors_total[1d])) > 1", "no such series: ocr_errors_total"),
        ("rate(ocr_confidence[1d])", "no such series: ocr_confidence"),
        ("ocr_jobs_total_sum", "no such series: ocr_jobs_total_sum"),
        ("up or spool_events", "no such series: spool_events"),
        (r#"ocr_jobs_total{why="x"}"#, "no such label of ocr_jobs_total: why"),
        (r#"kill_switch_enabled{switch=~"ai|sms"}"#, "no such value of switch: sms"),
        (r#"audit_events_total{event_type="ocr.done"}"#, "no such value of event_type: ocr.done"),
        ("sum by (le, why) (ocr_confidence_bucket)", "nothing has the label why"),
        ("time() > 5", "names no series"),
    ] {
        assert_eq!(promql::faults(expression), [fault], "{expression}");
    }
}

#[test]
fn promtool_reads_every_expression() {
    let rules = all_expressions().into_iter().enumerate().map(|(nth, (_, expression))| {
        let expression = expression.replace('\n', " ");
        format!("      - {{ record: 'r{nth}', expr: '{}' }}\n", expression.replace('\'', "''"))
    });
    let rules: String = rules.collect();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("rules.yml");
    let text = format!("groups:\n  - name: all\n    rules:\n{rules}");
    std::fs::write(&file, text).expect("our own folder");
    let promtool = Command::new("promtool").args(["check", "rules"]).arg(&file).output();
    let output = promtool.expect("promtool, of the package prometheus, is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_alert_says_whom_it_concerns_and_has_its_section_in_the_runbook() {
    let runbook = read("docs/runbook.md");
    let sections: BTreeSet<&str> =
        runbook.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let alerts = alerts();
    for alert in &alerts {
        let text = |name: &str| alert.texts.get(name).map_or("", String::as_str);
        let name = &alert.name;
        assert!(["INFO", "WARNING", "CRITICAL", "EMERGENCY"].contains(&text("severity")), "{name}");
        let services = ["audit", "calling", "moltbot", "ocr", "vendor"];
        assert!(services.contains(&text("service")), "{name}");
        for needed in ["component", "summary", "description"] {
            assert!(!text(needed).is_empty(), "{name} has no {needed}");
        }
        let section = format!("docs/runbook.md#{}", name.to_lowercase());
        assert_eq!(text("runbook_url"), section, "{name}");
    }
    let named: BTreeSet<&str> = alerts.iter().map(|alert| alert.name.as_str()).collect();
    assert_eq!(sections, named, "a section for each alert, and none for another");
    for section in runbook.split("\n## ").skip(1) {
        for part in ["**Means.**", "**Look", "**Ends**"] {
            assert!(section.contains(part), "{part}: {}", section.lines().next().unwrap());
        }
    }
}

#[test]
fn every_alert_says_its_window_and_why_nights_and_saturdays_are_quiet() {
    let file = read("alerts/moltbot-audit.rules.yml");
    let mut names = BTreeSet::new();
    for alert in alerts().into_iter().filter(|alert| names.insert(alert.name.clone())) {
        let (above, _) = file.split_once(&format!("- alert: {}\n", alert.name)).expect("its place");
        let lines = above.trim_end().lines().rev().map(str::trim);
        let comment: String = lines.take_while(|line| line.starts_with('#')).collect();
        for said in ["Window: ", "Quiet night: ", "Busy Saturday: "] {
            assert!(comment.contains(said), "{}: {said}", alert.name);
        }
    }
}

/// A day that is quiet proves nothing about a rule whose metrics it lacks.
#[test]
fn the_quiet_night_and_the_busy_saturday_have_every_metric_of_the_alerts() {
    let rules = alerts().into_iter().map(|alert| alert.expression);
    let rules: String = rules.chain(recorded().into_iter().map(|(_, rule)| rule)).collect();
    let needed: BTreeSet<_> = promql::metrics_of(&rules).into_iter().collect();
    assert!(needed.len() > 20, "{needed:?}");
    for day in ["quiet_night", "busy_saturday"] {
        let played = read(&format!("alerts/tests/{day}.yml"));
        let missing: Vec<_> = needed.iter().filter(|name| !played.contains(*name)).collect();
        assert!(missing.is_empty(), "{day} lacks {missing:?}");
    }
}

#[test]
fn a_gauge_of_the_database_alerts_only_with_a_fresh_heartbeat() {
    let of_the_database = [
        "audit_in_doubt_effects",
        "audit_partitions_ahead_seconds",
        "audit_reconciled_timestamp_seconds",
        "audit_unreconciled_findings{severity=\"error\"}",
        "budget_day_limit",
        "budget_day_used",
    ];
    for alert in alerts() {
        for gauge in of_the_database {
            let (uses, fresh) = (alert.expression.matches(gauge), format!("{gauge}{FRESH}"));
            let fresh = alert.expression.matches(&fresh);
            assert_eq!(uses.count(), fresh.count(), "{}: {gauge}", alert.name);
        }
    }
}

/// Limits that stand at the start of what is compared, as numbers.
fn limits(alert: &str) -> BTreeSet<String> {
    let limit = regex(r"(?:\)|_\w+|\)\)) (?:>|<|>=) ([\d.]+(?: \* 86400)?)");
    let tiers = alerts().into_iter().filter(|tier| tier.name == alert);
    let number = |text: &str| -> f64 {
        text.split(" * ").map(|factor| factor.parse::<f64>().expect("a number")).product()
    };
    // What follows the first limit of a tier is the least number of cases.
    let limits = tiers.map(|tier| {
        let expression = tier.expression.replace(FRESH, "");
        number(&limit.captures(&expression).expect(alert)[1])
    });
    limits.map(|limit| limit.to_string()).collect()
}

#[test]
fn the_lines_of_the_dashboard_are_the_limits_of_the_alerts() {
    let drawn = |title: &str| -> BTreeSet<String> {
        let panels = panels();
        let panel = panels.iter().find(|panel| panel["title"] == title).expect(title);
        let steps = &panel["fieldConfig"]["defaults"]["thresholds"]["steps"];
        let values =
            steps.as_array().expect("steps").iter().filter_map(|step| step["value"].as_f64());
        values.map(|value| value.to_string()).collect()
    };
    for (title, alert) in [
        ("OCR failures of a day", "OcrFailureRate"),
        ("Rejections of a day", "MoltbotRejectionRate"),
        ("Reply rate of a day", "VendorReplyRate"),
        ("Undelivered messages of an hour", "MessagesUndelivered"),
        ("Call failures of an hour", "CallFailures"),
        ("Time to shortlist", "ShortlistSlow"),
        ("Out of time", "RequestsOutOfTime"),
        ("The day's budgets", "DayBudgetUsed"),
        ("Age of the spool", "AuditSpoolOld"),
        ("Events in the spool", "AuditSpoolDeep"),
        ("Heartbeat", "AuditHeartbeatStale"),
        ("Prepared months end in", "AuditPartitionsEnding"),
    ] {
        assert_eq!(drawn(title), limits(alert), "{title}");
    }
}

#[test]
fn every_panel_says_what_it_shows_in_which_unit_of_the_chosen_prometheus() {
    let panels = panels();
    let mut ids = BTreeSet::new();
    for panel in &panels {
        let title = panel["title"].as_str().expect("a title");
        assert!(panel["description"].as_str().is_some_and(|text| text.len() > 20), "{title}");
        assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{title}");
        assert!(ids.insert(panel["id"].as_u64()), "{title}: its id is another's");
        let targets = panel["targets"].as_array().expect("targets");
        for source in targets.iter().chain([panel]).map(|place| &place["datasource"]["uid"]) {
            assert_eq!(*source, Value::from("${datasource}"), "{title}");
        }
    }
    let shown: BTreeSet<_> = panels
        .iter()
        .flat_map(expressions)
        .flat_map(|expression| promql::metrics_of(&expression))
        .collect();
    let missing: Vec<_> = METRICS.iter().filter(|metric| !shown.contains(metric.name)).collect();
    assert!(missing.is_empty(), "on no panel: {missing:?}");
}

/// What operators see of nothing must not look like 0, and what they see must lead on.
#[test]
fn every_panel_tells_zero_from_unknown_and_links_to_the_runbook() {
    let runbook = read("docs/runbook.md");
    let sections: BTreeSet<String> = runbook
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .map(str::to_lowercase)
        .collect();
    for panel in panels() {
        let title = panel["title"].as_str().expect("a title");
        let shown = &panel["fieldConfig"]["defaults"];
        let unknown = shown["noValue"].as_str().unwrap_or_default();
        assert!(unknown.starts_with("unknown"), "{title} shows nothing as {unknown:?}");
        assert!(shown["decimals"].is_u64(), "{title} has no decimals");
        let link = panel["links"][0]["url"].as_str().unwrap_or_default();
        let section = link.strip_prefix("${runbook}").expect(title);
        let is_there = section.strip_prefix('#').is_none_or(|name| sections.contains(name));
        assert!(is_there, "{title} links to {link}");
        let expressions = expressions(&panel);
        let only_above_0 = expressions.iter().all(|expression| expression.ends_with("> 0"));
        assert!(!only_above_0, "{title} shows 0 as unknown");
    }
}

#[test]
fn every_panel_is_of_the_chosen_job_and_instance() {
    let selector = regex(r#"\{[^}]*job=~"\$job", instance=~"\$instance"\}"#);
    for panel in panels() {
        for expression in expressions(&panel) {
            let metrics = promql::metrics_of(&expression).len();
            let chosen = selector.find_iter(&expression).count();
            let foreign = expression.matches("up{").count();
            assert_eq!(chosen, metrics + foreign, "{}: {expression}", panel["title"]);
        }
    }
}

#[test]
fn a_share_is_drawn_from_the_least_number_of_cases_of_its_alert() {
    for (title, alert) in [
        ("OCR failures of a day", "OcrFailureRate"),
        ("Rejections of a day", "MoltbotRejectionRate"),
        ("Reply rate of a day", "VendorReplyRate"),
        ("Undelivered messages of an hour", "MessagesUndelivered"),
        ("Call failures of an hour", "CallFailures"),
        ("Time to shortlist", "ShortlistSlow"),
    ] {
        let alerts = alerts();
        let alert = alerts.iter().find(|tier| tier.name == alert).expect(alert);
        let least = regex(r">= \d+").find(&alert.expression).expect(title).as_str();
        let panels = panels();
        let panel = panels.iter().find(|panel| panel["title"] == title).expect(title);
        assert!(expressions(panel)[0].ends_with(least), "{title}: {least}");
    }
}

/// No data, or data of a process that lost its database, is not "may run".
#[test]
fn a_kill_switch_without_data_is_shown_as_unknown() {
    let panels = panels();
    let panel = panels.iter().find(|panel| panel["title"] == "Kill switches").expect("a panel");
    for expression in expressions(panel) {
        assert!(expression.contains("audit_heartbeat_timestamp_seconds"), "{expression}");
        assert!(expression.ends_with(" or vector(-1)"), "{expression}");
    }
    let texts = &panel["fieldConfig"]["defaults"]["mappings"][0]["options"];
    assert_eq!(texts["-1"]["text"], "UNKNOWN");
}
