//! The packs of every scenario: the same on every store, and fit for their readers.

use std::collections::BTreeSet;
use std::sync::Arc;

use moltbot_audit::pack::{export_request_pack, verify_request_pack};
use moltbot_audit::redact::{Profile, find_phones};
use moltbot_audit::store::AuditStore;
use moltbot_audit::testing::assert_no_personal_data;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::simulation::scenario::Scenario;
use super::{Played, folder, scenarios};
use crate::support::records::KEY;
use crate::support::{schema, stores};

/// The internal and the external pack of every request of a play.
pub(super) async fn packs(scenario: &Scenario, store: Arc<dyn AuditStore>) -> Vec<[Value; 2]> {
    let played = Played::on(scenario, store.clone()).await;
    let mut packs = Vec::new();
    for request in played.requests {
        let mut both = [Value::Null, Value::Null];
        let key = KEY;
        for (pack, profile) in both.iter_mut().zip([Profile::internal(), Profile::external(&key)]) {
            let exported = export_request_pack(&*store, &request, &profile).await;
            let json = exported.expect("the request has events").to_json_pretty();
            verify_request_pack(json.as_bytes()).expect("an untouched pack verifies");
            *pack = serde_json::from_str(&json).expect("a pack is JSON");
        }
        packs.push(both);
    }
    packs
}

/// The packs of every scenario on SQLite. The tests only read them, so the scenarios are played once.
pub(super) async fn packs_on_sqlite() -> &'static [(Scenario, Vec<[Value; 2]>)] {
    static PACKS: OnceCell<Vec<(Scenario, Vec<[Value; 2]>)>> = OnceCell::const_new();
    PACKS
        .get_or_init(async || {
            let mut played = Vec::new();
            for scenario in scenarios() {
                let fresh = stores::sqlite().await;
                let packs = packs(&scenario, fresh.store.clone()).await;
                played.push((scenario, packs));
            }
            played
        })
        .await
}

#[tokio::test]
async fn every_scenario_gives_the_same_pack_on_both_stores_apart_from_ids_times_and_hashes() {
    let mut all = Vec::new();
    for (scenario, on_sqlite) in packs_on_sqlite().await {
        let postgres = stores::postgres().await;
        let on_postgres = packs(scenario, postgres.store.clone()).await;
        assert_eq!(on_sqlite.len(), on_postgres.len());
        for (one, other) in on_sqlite.iter().zip(on_postgres) {
            for (one, other) in one.iter().zip(other) {
                let levels = (levelled(one), levelled(&other));
                all.extend([one.clone(), other]);
                let (one, other) = levels;
                let first = one.lines().zip(other.lines()).find(|(one, other)| one != other);
                assert_eq!(first, None, "{}", scenario.name);
                assert_eq!(one.lines().count(), other.lines().count(), "{}", scenario.name);
            }
        }
    }
    // They are all made here, so this is where another program sees whether they have the form that we publish.
    schema::validate(&all);
}

/// The pack with every id, time and hash replaced by `#`: runs of eight or more hex digits, and the
/// words between dashes and colons that hang together with them.
fn levelled(pack: &Value) -> String {
    /// A message's id goes on with eight letters that stand for the play.
    const MESSAGE: &str = "wamid.in.";
    let json = serde_json::to_string_pretty(pack).expect("a pack is JSON");
    let mut parts = json.split(MESSAGE);
    let first = parts.next().unwrap_or_default().to_owned();
    let json = parts.fold(first, |json, part| json + MESSAGE + &part[8..]);
    let is_time = |word: &str| chrono::DateTime::parse_from_rfc3339(word).is_ok();
    let is_part = |c: char| c.is_ascii_hexdigit() || c == '-';
    let mut levelled = String::with_capacity(json.len());
    for piece in json.split_inclusive('"') {
        let text = piece.trim_end_matches('"');
        if is_time(text) {
            levelled.push('#');
        } else {
            for run in text.split_inclusive(|c: char| !is_part(c)) {
                let word = run.trim_end_matches(|c: char| !is_part(c));
                let hex = word.bytes().filter(u8::is_ascii_hexdigit).count();
                levelled.push_str(if hex >= 8 { "#" } else { word });
                levelled.push_str(&run[word.len()..]);
            }
        }
        levelled.push_str(&piece[text.len()..]);
    }
    levelled
}

/// Everybody's number and every patient's name, as the scenario's file has them.
fn personal(file: &Value, found: &mut Vec<String>) {
    match file {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if name.contains("phone") => {
                        found.extend(find_phones(text).into_iter().map(|phone| phone.digits));
                    }
                    Value::String(text) if name == "patient_name" => found.push(text.clone()),
                    other => personal(other, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| personal(item, found)),
        _ => {}
    }
}

/// Every text and number of a pack that is no digest, salt or id of ours.
fn readable(value: &Value, found: &mut Vec<String>) {
    match value {
        // Twelve hex digits may look like a number by chance, and are a keyed hash all the same.
        Value::String(text) if is_keyed_hash(text) => {}
        Value::String(text) => found.push(text.clone()),
        Value::Number(number) => found.push(number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| readable(item, found)),
        Value::Object(members) => {
            for (name, member) in members.iter().filter(|(name, _)| *name != "salts") {
                found.push(name.clone());
                readable(member, found);
            }
        }
        _ => {}
    }
}

/// `kind-` and twelve hex digits.
fn is_keyed_hash(text: &str) -> bool {
    text.rsplit_once('-').is_some_and(|(kind, hash)| {
        kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            && hash.len() == 12
            && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

#[tokio::test]
async fn no_external_pack_holds_a_phone_number_or_a_patients_name() {
    let mut patients = 0;
    for path in std::fs::read_dir(folder()).expect("the examples' scenarios") {
        let path = path.expect("listed").path();
        let file = std::fs::read_to_string(&path).expect("readable");
        let mut secrets = Vec::new();
        personal(&serde_json::from_str(&file).expect("a scenario is JSON"), &mut secrets);
        assert!(!secrets.is_empty(), "{} names nobody", path.display());
        patients += secrets.iter().filter(|secret| secret.contains(' ')).count();
        let scenario = Scenario::read(&path).expect("a scenario");
        let played = packs_on_sqlite().await.iter().find(|(one, _)| one.name == scenario.name);
        let (_, packs) = played.expect("each scenario is played");
        for [_, external] in packs {
            let mut texts = Vec::new();
            readable(external, &mut texts);
            for secret in &secrets {
                // The last nine digits are the same in every way of writing a number.
                let tail = &secret[secret.len().saturating_sub(9)..];
                let holds = |text: &&String| text.to_lowercase().contains(&tail.to_lowercase());
                assert_eq!(texts.iter().find(holds), None, "{}", scenario.name);
            }
            for text in &texts {
                assert_no_personal_data(text);
            }
            assert_no_personal_data(&external.to_string());
        }
    }
    assert!(patients > 0, "some scenario has a patient");
}

#[tokio::test]
async fn every_pack_explains_its_shortlist_by_events_and_finds_nothing_invented() {
    let mut explained = 0;
    for (scenario, packs) in packs_on_sqlite().await {
        for [pack, _] in packs {
            let explanation = &pack["explanation"]["content"];
            let findings = explanation["findings"].as_array().cloned().unwrap_or_default();
            for finding in findings {
                // Moltbot's own order may differ from the rule's, and it may make up a shop.
                let finding = finding.to_string();
                let is_known = finding.contains("decided by moltbot")
                    || (scenario.name == "duplicate_webhook" && finding.contains("shop_invented"));
                assert!(is_known, "{}: {finding}", scenario.name);
            }
            let vendors = explanation["vendors"].as_array().cloned().unwrap_or_default();
            for vendor in vendors {
                let ended = &vendor["disposition"];
                if ended["ended"] == "shortlisted" {
                    assert!(vendor["reply"]["event_id"].is_string(), "{vendor}");
                    assert!(vendor["candidacies"][0]["event_id"].is_string(), "{vendor}");
                    explained += 1;
                }
            }
        }
    }
    assert!(explained >= 5, "shortlisted vendors over all scenarios: {explained}");
}

/// In English, French and Kinyarwanda; also if the message that told of it did not arrive.
#[tokio::test]
async fn everyone_whom_the_ai_wrote_to_was_told_in_time() {
    let mut languages = BTreeSet::new();
    for (scenario, packs) in packs_on_sqlite().await {
        let mut is_first = true;
        for both in packs {
            for pack in both {
                let content = &pack["ai_disclosure"]["content"];
                // The pack of a later request cannot show the message of an earlier one.
                let wanted =
                    if is_first { ["delivered_before", "not_needed"] } else { ["elsewhere"; 2] };
                for recipient in content["recipients"].as_array().into_iter().flatten() {
                    let verdict = recipient["verdict"].as_str().expect("a word");
                    assert!(wanted.contains(&verdict), "{}: {recipient}", scenario.name);
                    for disclosure in recipient["disclosures"].as_array().into_iter().flatten() {
                        languages.insert(disclosure["language"].to_string());
                        let text_check = &disclosure["message"]["text_check"];
                        assert_ne!(text_check, "differs", "{}: {disclosure}", scenario.name);
                    }
                }
            }
            is_first = false;
        }
    }
    assert_eq!(languages.len(), 3, "{languages:?}");
}
