//! `explain` of every scenario, against what was written by hand before the code (`tests/explanations`).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use moltbot_audit::event::Language;
use moltbot_audit::pack::export_request_pack;
use moltbot_audit::pack::scoring::ScoringRules;
use moltbot_audit::redact::Profile;
use moltbot_audit::store::AuditStore;
use serde_json::{Map, Value, json};

use super::packs::packs;
use super::simulation::scenario::Scenario;
use super::{Played, folder, scenarios_in};
use crate::support::stores;

/// The scenarios of the examples, and those of the folder that the environment names.
fn scenarios() -> Vec<Scenario> {
    let others = std::env::var_os("MOLTBOT_AUDIT_SCENARIOS").map(PathBuf::from);
    let others = others.map(|folder| scenarios_in(&folder)).unwrap_or_default();
    scenarios_in(&folder()).into_iter().chain(others).collect()
}

fn by_hand(scenario: &str) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/explanations");
    let text = std::fs::read_to_string(folder.join(format!("{scenario}.json")));
    let text = text.unwrap_or_else(|_| panic!("{scenario} has an expectation"));
    serde_json::from_str(&text).expect("a list")
}

/// What both packs of every request of a play explain.
async fn explanations(
    scenario: &Scenario,
    store: Arc<dyn AuditStore>,
) -> Vec<[Map<String, Value>; 2]> {
    let explanation =
        |pack: Value| pack["explanation"]["content"].as_object().cloned().unwrap_or_default();
    packs(scenario, store).await.into_iter().map(|both| both.map(explanation)).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}

/// The members of an explanation that the expectations speak of.
fn summary(explanation: &Map<String, Value>) -> Value {
    let of = |name: &str| explanation.get(name).cloned().unwrap_or_default();
    let reruns = of("reruns");
    let mut shortlists =
        list(&reruns).iter().filter(|rerun| rerun["event_type"] == "shortlist.generated");
    let last = shortlists.next_back().cloned().unwrap_or_default();
    let scored = |vendor: &Value| match vendor.get("reason") {
        Some(reason) => json!([vendor["vendor_id"], vendor["total"], reason]),
        None => json!([vendor["vendor_id"], vendor["total"]]),
    };
    let vendors = list(&of("vendors")).iter().map(vendor).collect::<Map<_, _>>();
    let codes = |calls: &Value| list(calls).iter().map(|c| c["error_code"].clone()).collect();
    let calls = of("phone_calls");
    let (failed, refused): (Vec<_>, Vec<_>) = (codes(&calls["failed"]), codes(&calls["refused"]));
    json!({
        "decided_by": list(&of("orders")).last().map(|order| order["decided_by"].clone()),
        "by_the_rule": list(&last["listed"]).iter().map(scored).collect::<Vec<_>>(),
        "left_out_by_the_rule": list(&last["left_out"]).iter().map(scored).collect::<Vec<_>>(),
        "differences": list(&reruns).iter().flat_map(|r| list(&r["differences"])).collect::<Vec<_>>(),
        "vendors": vendors,
        "ai": list(&of("ai_calls")).iter().map(ai_call).collect::<Vec<_>>(),
        "people": list(&of("human_acts")).iter().map(|act| &act["event_type"]).collect::<Vec<_>>(),
        "calls": { "placed": list(&calls["placed"]).len(), "failed": failed, "refused": refused },
        "unanswered": list(&of("unanswered")).iter().map(|u| &u["question"]).collect::<Vec<_>>(),
    })
}

fn vendor(vendor: &Value) -> (String, Value) {
    let ended = &vendor["disposition"];
    let mut told = json!({ "stage": vendor["stage"] });
    if ended["ended"] == "shortlisted" {
        told["place"] = ended["rank"].clone();
    }
    let reason =
        if ended["reason"].is_string() { &ended["reason"] } else { &ended["cause"]["reason"] };
    if reason.is_string() {
        told["reason"] = reason.clone();
    }
    for goal in ["asked", "listed", "first"] {
        told[goal] = answer(&vendor["what_if"][goal]);
    }
    (text(&vendor["vendor_id"]).to_owned(), told)
}

fn answer(answer: &Value) -> Value {
    match text(&answer["answer"]) {
        "no_single_factor" => "none".into(),
        "not_known" => format!("unknown: {}", text(&answer["why"])).into(),
        "changes" => list(&answer["changes"]).iter().map(change).collect(),
        other => other.into(),
    }
}

fn change(change: &Value) -> Value {
    let (factor, bound) = (text(&change["factor"]), text(&change["bound"]));
    if change["replies_first"] == true {
        return "speed first".into();
    }
    let value = match &change["value"] {
        Value::String(word) => word.clone(),
        number => number.to_string(),
    };
    format!("{factor} {bound} {value}").into()
}

fn ai_call(call: &Value) -> Value {
    let saw: Vec<_> = list(&call["saw"]).iter().map(text).collect();
    let wanted = match call["ai"].as_str() {
        Some("ocr") => "ocr".to_owned(),
        _ => format!("moltbot {}", text(&call["action_type"])),
    };
    format!("{wanted} {}: {}", text(&call["verdict"]), saw.join(" ")).into()
}

#[tokio::test]
async fn every_scenario_is_explained_as_was_written_by_hand() {
    for scenario in scenarios() {
        let fresh = stores::sqlite().await;
        let explained = explanations(&scenario, fresh.store.clone()).await;
        let told: Vec<_> = explained.iter().map(|[internal, _]| summary(internal)).collect();
        let wanted = by_hand(&scenario.name);
        for (told, wanted) in told.iter().zip(&wanted) {
            let pretty = |value: &Value| serde_json::to_string_pretty(value).expect("JSON");
            let differing = |member: &&String| told[*member] != wanted[*member];
            let members = |of: &Value| -> BTreeSet<String> {
                of.as_object().expect("an object").keys().cloned().collect()
            };
            let (of_told, of_wanted) = (members(told), members(wanted));
            assert_eq!(of_told, of_wanted, "{}", scenario.name);
            if let Some(member) = of_wanted.iter().find(differing) {
                let (told, wanted) = (pretty(&told[member]), pretty(&wanted[member]));
                panic!("{}: {member} is {told}, and by hand {wanted}", scenario.name);
            }
        }
        assert_eq!(told.len(), wanted.len(), "{}", scenario.name);

        // Outsiders get the same results, under pseudonyms. What they may not see, they are not told.
        for [inside, outside] in &explained {
            let results = |explanation: &Map<String, Value>| -> Vec<Value> {
                let vendors = explanation.get("vendors").map(list).unwrap_or_default();
                vendors.iter().map(|told| vendor(told).1).collect()
            };
            assert_eq!(results(outside), results(inside), "{}", scenario.name);
            let summary = summary(outside);
            assert_eq!(summary["differences"], json!([]), "{}", scenario.name);
        }
        drop(fresh.keep);
    }
}

/// The scam vendor is excluded with the reason, and its number is nowhere.
#[tokio::test]
async fn a_vendor_that_talks_to_the_model_is_excluded_and_its_numbers_are_masked() {
    let scenario = Scenario::read(&folder().join("vendor_injection.json")).expect("a scenario");
    let fresh = stores::sqlite().await;
    for explained in &explanations(&scenario, fresh.store.clone()).await[0] {
        let sly = list(&explained["vendors"]).iter().find(|v| v["stage"] == "excluded");
        let sly = sly.expect("one vendor is excluded");
        assert_eq!(sly["disposition"]["reason"], "unsafe_reply");
        let all = Value::from(explained.clone()).to_string();
        for number in ["0780000999", "780000222", "780000221"] {
            assert!(!all.contains(number), "{number}");
        }
        assert!(text(&sly["reply"]["text"]).contains("***999"), "{sly}");
    }
    drop(fresh.keep);
}

/// Texts that were written by hand: `SCENARIO.LANGUAGE.txt`, and of one vendor `SCENARIO.VENDOR.LANGUAGE.txt`.
#[tokio::test]
async fn explanations_read_as_was_written_by_hand() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/explanations");
    let files =
        std::fs::read_dir(&folder).expect("a folder").map(|file| file.expect("listed").path());
    let mut texts: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|e| e == "txt")).collect();
    texts.sort();
    let (scenarios, mut told) = (scenarios(), 0);
    for path in texts {
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        let parts: Vec<_> = name.split('.').collect();
        let language = Language::of(parts.last().expect("a language"));
        let Some(scenario) = scenarios.iter().find(|scenario| scenario.name == parts[0]) else {
            continue;
        };
        let fresh = stores::sqlite().await;
        let played = Played::on(scenario, fresh.store.clone()).await;
        let pack =
            export_request_pack(&*fresh.store, &played.requests[0], &Profile::internal()).await;
        let explanation = pack.expect("known").explain(&ScoringRules::built_in());
        let text = match parts.as_slice() {
            [_, vendor, _] => explanation.text_of(vendor, language),
            _ => explanation.text(language),
        };
        let wanted = std::fs::read_to_string(&path).expect("readable");
        assert_eq!(without_numbers_of_events(&text), wanted, "{name}");
        told += 1;
        drop(fresh.keep);
    }
    assert!(told >= 7, "{told} texts");
}

/// The text with `#` in place of the numbers of events.
fn without_numbers_of_events(text: &str) -> String {
    let mut told = text.to_owned();
    for word in ["vent ", "vénement ", "gikorwa "] {
        let mut parts = told.split(word);
        let first = parts.next().unwrap_or_default().to_owned();
        told = parts.fold(first, |told, part| {
            let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
            told + word + if rest.len() < part.len() { "#" } else { "" } + rest
        });
    }
    told
}
