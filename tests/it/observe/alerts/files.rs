//! The files that operators load: alerts, dashboard, runbook.

use std::collections::BTreeMap;
use std::path::Path;

use regex::Regex;
use serde_json::Value;

pub(in crate::observe) fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern")
}

/// The text of a file of this project.
pub(in crate::observe) fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// An alert of the rules.
#[derive(Debug)]
pub(in crate::observe) struct Alert {
    pub(in crate::observe) name: String,
    pub(in crate::observe) expression: String,
    /// Labels and annotations, with the anchor's where one is reused.
    pub(in crate::observe) texts: BTreeMap<String, String>,
}

/// The alerts, read by the form that the file keeps: promtool is who knows YAML.
pub(in crate::observe) fn alerts() -> Vec<Alert> {
    let file = read("alerts/moltbot-audit.rules.yml");
    let text = regex(r#"(?m)^ +(summary|description|runbook_url): "(.*)"$"#);
    let label = regex(r"(severity|service|component): ([\w-]+)");
    let expression = regex(r"(?s)\n        expr: \|?(.*?)\n        (?:for|labels): ");
    let annotations = regex(r"annotations: ?([&*]?)(\w*)");
    let mut anchors = BTreeMap::new();
    let blocks = file.split("- alert: ").skip(1);
    let alerts = blocks.map(|block| {
        let mut texts: BTreeMap<String, String> = text
            .captures_iter(block)
            .map(|found| (found[1].to_owned(), found[2].to_owned()))
            .collect();
        let found = annotations.captures(block).expect("annotations");
        match &found[1] {
            "&" => drop(anchors.insert(found[2].to_owned(), texts.clone())),
            "*" => texts.clone_from(&anchors[&found[2]]),
            _ => {}
        }
        let labels = label.captures_iter(block);
        texts.extend(labels.map(|found| (found[1].to_owned(), found[2].to_owned())));
        let name = block.lines().next().unwrap_or_default().to_owned();
        let expression = expression.captures(block).expect("an expression")[1].to_owned();
        Alert { name, expression, texts }
    });
    let alerts: Vec<_> = alerts.collect();
    let read = alerts.len() + recorded().len();
    assert_eq!(read, file.matches("expr: ").count(), "each rule is read");
    alerts
}

/// What the rules record, as name and expression.
pub(in crate::observe) fn recorded() -> Vec<(String, String)> {
    let file = read("alerts/moltbot-audit.rules.yml");
    let rule = regex(r"- record: (\S+)\n +expr: \|?((?:.+|\n {10})+)");
    rule.captures_iter(&file).map(|found| (found[1].to_owned(), found[2].to_owned())).collect()
}

/// The panels of the dashboard that show something.
pub(in crate::observe) fn panels() -> Vec<Value> {
    let dashboard: Value =
        serde_json::from_str(&read("dashboards/moltbot-audit.json")).expect("as it should be");
    let panels = dashboard["panels"].as_array().expect("panels").clone();
    panels.into_iter().filter(|panel| panel["type"] != "row").collect()
}

/// What a panel asks for, as `PromQL` that Prometheus itself can read.
pub(in crate::observe) fn expressions(panel: &Value) -> Vec<String> {
    let targets = panel["targets"].as_array().expect("targets");
    let expressions = targets.iter().map(|target| target["expr"].as_str().expect("PromQL"));
    expressions.map(|expression| expression.replace("$__rate_interval", "5m")).collect()
}

/// The blocks of a document that are marked as of a language.
pub(in crate::observe) fn blocks(document: &str, language: &str) -> Vec<String> {
    let block = regex(&format!(r"(?s)\n```{language}\n(.*?)\n```"));
    block.captures_iter(document).map(|found| found[1].to_owned()).collect()
}
