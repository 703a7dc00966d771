//! Packs that earlier builds exported verify by the rules of their version. `tests/packs` says how they were made.

use moltbot_audit::pack::{SECTIONS_VERSION, Unchecked, Verdict, VerifyError, verify_request_pack};
use moltbot_audit::proof::tagged_digest;
use serde_json::{Value, json};

use crate::support::forger::Forger;

fn pack(version: u32, reader: &str) -> Value {
    let path =
        format!("{}/tests/packs/version_{version}.{reader}.json", env!("CARGO_MANIFEST_DIR"));
    let json = std::fs::read_to_string(path).expect("a pack");
    serde_json::from_str(&json).expect("JSON")
}

fn fault(pack: &Value) -> String {
    verify_request_pack(pack.to_string().as_bytes()).expect_err("it was changed").to_string()
}

/// The pack with its digests computed again, as whoever forges one does.
fn resealed(mut pack: Value) -> Value {
    let events = pack["events"].as_array().expect("a list").iter();
    let digests: Vec<_> = events.map(|event| tagged_digest("shown", event)).collect();
    pack["integrity"]["event_digests"] = json!(digests);
    pack["integrity"]["profile_digest"] = json!(tagged_digest("shown", &pack["profile"]));
    pack
}

fn hidden(
    version: u32,
    reader: &str,
    event_type: &str,
    pointer: &str,
    rule: &str,
    masked: Value,
) -> Value {
    let mut forger = Forger::of(&pack(version, reader));
    let event = forger.first(event_type);
    forger.hide(event, pointer, rule, masked);
    resealed(forger.pack)
}

#[test]
fn packs_of_earlier_versions_verify_but_for_sections_that_are_computed_otherwise_now() {
    for (version, sections, internal, external) in
        [(4, 2, 6, 66), (5, 3, 6, 66), (6, 4, 5, 68), (7, 5, 5, 68)]
    {
        for (reader, events, hidden) in [("internal", 16, internal), ("external", 17, external)] {
            let pack = pack(version, reader).to_string();
            let verified = verify_request_pack(pack.as_bytes()).expect("it verifies");
            assert_eq!((verified.events(), verified.hidden()), (events, hidden));
            let said = &verified.remarks()[0];
            assert!(said.contains(&format!("by the rules of version {version}")), "{said}");
            if sections == SECTIONS_VERSION {
                assert_eq!(verified.verdict(), Verdict::Intact);
            } else {
                assert_eq!(verified.unchecked(), [Unchecked::Sections { version: sections }]);
                assert_eq!(verified.verdict(), Verdict::CannotBeChecked);
                assert!(verified.budgets().to_string().contains("earlier version"));
            }
        }
    }
}

#[test]
fn what_was_changed_in_them_is_noticed() {
    for version in [4, 5, 6, 7] {
        let mut changed = pack(version, "external");
        let events = changed["events"].as_array_mut().expect("a list");
        let at = events.iter().position(|event| event["input"]["value"]["channel"].is_string());
        events[at.expect("a channel")]["input"]["value"]["channel"] = json!("telegram");
        let said = fault(&resealed(changed.clone()));
        assert!(said.contains("/input"), "{version}: {said}");

        let mut shorter = pack(version, "internal");
        shorter["events"].as_array_mut().expect("a list").pop();
        let said = fault(&resealed(shorter));
        assert!(said.contains("the last ones are missing"), "{version}: {said}");
    }
}

#[test]
fn nothing_is_hidden_in_them_that_their_version_showed() {
    for version in [4, 5, 6, 7] {
        let forged = [
            // A number of a listed field is shown; a word of one is hidden as text by no rule.
            hidden(
                version,
                "external",
                "request.state_changed",
                "/input/to_state",
                "medical",
                json!("[hidden]"),
            ),
            hidden(
                version,
                "external",
                "request.state_changed",
                "/input/to_state",
                "contact",
                json!("***123"),
            ),
            hidden(
                version,
                "internal",
                "request.state_changed",
                "/input/to_state",
                "text",
                json!("[hidden]"),
            ),
            hidden(
                version,
                "internal",
                "request.state_changed",
                "/input/to_state",
                "host",
                json!("[hidden]"),
            ),
        ];
        for forged in forged {
            let said = fault(&forged);
            assert!(said.contains("/input/to_state"), "{version}: {said}");
        }
    }
}

#[test]
fn what_versions_5_to_7_hid_is_not_shown() {
    for version in [5, 6, 7] {
        let mut pack = pack(version, "external");
        pack["profile"]["additions"]["hidden"] = json!(["to_state"]);
        let said = fault(&resealed(pack));
        assert!(said.contains("/input/to_state"), "{version}: {said}");
    }
}

#[test]
fn one_version_is_not_taken_for_another() {
    for (version, other) in
        [(4, 5), (5, 4), (5, 6), (4, 8), (6, 5), (6, 7), (6, 8), (6, 4), (7, 6), (7, 8)]
    {
        for reader in ["internal", "external"] {
            let mut pack = pack(version, reader);
            pack["profile"]["version"] = json!(other);
            let error = verify_request_pack(resealed(pack).to_string().as_bytes());
            let error = error.expect_err("rules of another version");
            assert!(
                matches!(error, VerifyError::Unusable { .. } | VerifyError::Masked { .. }),
                "{error}"
            );
        }
    }
    for other in [3, 9] {
        let mut pack = pack(5, "internal");
        pack["profile"]["version"] = json!(other);
        pack["integrity"]["sections_version"] = json!(SECTIONS_VERSION);
        let error =
            verify_request_pack(pack.to_string().as_bytes()).expect_err("an unknown version");
        assert!(
            error.is_unusable() && error.to_string().contains(&format!("version {other}")),
            "{error}"
        );
    }
}
