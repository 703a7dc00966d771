//! A pack that was touched after its export does not verify, and the error says where.

use moltbot_audit::pack::{
    VerifyError, VerifyOptions, verify_request_pack, verify_request_pack_with,
};
use moltbot_audit::proof::{Salt, leaf_digest, tagged_digest};
use moltbot_audit::redact::Profile;
use serde_json::{Value, json};

use super::{both_packs, export, story};
use crate::support::records::{fresh_request, records};
use crate::support::stores;

/// The bits that are flipped, each in turn: one makes another letter or digit, one the other case.
const BITS: [u8; 2] = [0x01, 0x20];

/// The JSON with one bit flipped, and the place of its byte.
fn flips(json: &[u8], step: usize) -> impl Iterator<Item = (usize, Vec<u8>)> {
    (0..json.len()).step_by(step).zip(BITS.into_iter().cycle()).map(move |(at, bit)| {
        let mut flipped = json.to_vec();
        flipped[at] ^= bit;
        (at, flipped)
    })
}

/// Of how many bytes one is changed: 7, or as the environment says.
fn step() -> usize {
    let step = std::env::var("MOLTBOT_AUDIT_FLIP_STEP").ok();
    step.map_or(7, |step| step.parse().expect("a number of bytes"))
}

fn carries_meaning(original: &Value, flipped: &[u8]) -> bool {
    serde_json::from_slice::<Value>(flipped).is_ok_and(|value| value != *original)
}

fn assert_every_flip_is_noticed(json: &str, step: usize) {
    let original: Value = serde_json::from_str(json).expect("a pack is JSON");
    let mut meaningful = 0;
    for (at, flipped) in flips(json.as_bytes(), step) {
        let verified = verify_request_pack(&flipped);
        if carries_meaning(&original, &flipped) {
            meaningful += 1;
            assert!(verified.is_err(), "byte {at}: {}", &json[at.saturating_sub(40)..=at]);
        }
    }
    assert!(meaningful > 100, "the test must change something: {meaningful}");
}

#[tokio::test]
async fn a_change_of_any_byte_of_a_small_pack_is_noticed() {
    let fresh = stores::sqlite().await;
    let request = fresh_request();
    fresh.store.append(&records(&request, 2)).await.expect("the batch lands");
    for profile in [Profile::internal(), Profile::external(&super::KEY)] {
        let pack = export(&*fresh.store, &request, &profile).await.to_json_pretty();
        let compact = serde_json::from_str::<Value>(&pack).expect("a pack is JSON").to_string();
        assert_every_flip_is_noticed(&compact, step());
    }
    drop(fresh.keep);
}

#[tokio::test]
async fn a_change_of_bytes_all_over_a_whole_story_is_noticed() {
    let fresh = stores::sqlite().await;
    let teller = story::tell_story(fresh.store.clone()).await;
    for profile in [Profile::internal(), Profile::external(&super::KEY)] {
        let pack = export(&*fresh.store, &teller.request, &profile).await.to_json_pretty();
        assert_every_flip_is_noticed(&pack, 331);
    }
    drop(fresh.keep);
}

/// Changes the pack, and returns what the verifier says.
fn fault(pack: &Value, change: impl FnOnce(&mut Value)) -> String {
    let mut pack = pack.clone();
    change(&mut pack);
    let error = verify_request_pack(pack.to_string().as_bytes()).expect_err("it was changed");
    assert!(!error.is_unusable(), "{error}");
    error.to_string()
}

#[tokio::test]
async fn the_first_fault_names_its_place() {
    let fresh = stores::sqlite().await;
    let teller = story::tell_story(fresh.store.clone()).await;
    let [pack, external] = both_packs(&*fresh.store, &teller.request).await;

    let said =
        fault(&pack, |pack| pack["events"][4]["input"]["value"]["ocr_type"] = json!("invoice"));
    assert!(said.starts_with("event 5 (ocr.job_created, "), "{said}");
    assert!(said.ends_with("its /input does not match its commitment"), "{said}");

    let said = fault(&pack, |pack| pack["events"][2]["header"]["actor"] = json!("moltbot"));
    assert!(said.starts_with("event 3 ") && said.contains("event hash"), "{said}");

    let said = fault(&pack, |pack| {
        pack["events"].as_array_mut().expect("a list").remove(6);
    });
    assert!(said.contains("event 7 is missing: event 8 is in its place"), "{said}");

    let said = fault(&pack, |pack| {
        pack["events"].as_array_mut().expect("a list").pop();
    });
    assert!(said.contains("the last ones are missing"), "{said}");

    let said = fault(&pack, |pack| {
        pack["events"].as_array_mut().expect("a list").swap(2, 3);
    });
    assert!(said.contains("event 3 is missing: event 4 is in its place"), "{said}");

    let said = fault(&pack, |pack| {
        pack["events"][0]["recorded_at"] = json!("2026-01-01T00:00:00.000000Z");
    });
    assert!(said.starts_with("event 1 ") && said.contains("chain hash"), "{said}");

    let said = fault(&pack, |pack| {
        pack["explanation"]["content"]["vendors"][0]["disposition"]["total"] = json!(12.0);
    });
    let place = "section explanation at \"/content/vendors/0/disposition/total\"";
    assert!(said.starts_with(place), "{said}");

    let said = fault(&pack, |pack| pack["budgets"] = json!({ "status": "empty" }));
    assert!(said.starts_with("section budgets"), "{said}");

    let said = fault(&pack, |pack| pack["note"] = json!("all is well"));
    assert!(said.starts_with("section note"), "{said}");

    let said = fault(&external, |pack| {
        pack["events"][0]["input"]["value"]["from_phone"] = json!("***999");
    });
    assert!(said.starts_with("event 1 (whatsapp.inbound_received): masked text"), "{said}");

    let said = fault(&external, |pack| pack["profile"]["name"] = json!("internal"));
    assert!(said.starts_with("profile: "), "{said}");
    drop(fresh.keep);
}

#[tokio::test]
async fn an_event_of_another_request_cannot_be_slipped_in() {
    let fresh = stores::sqlite().await;
    let one = story::tell_story(fresh.store.clone()).await;
    let two = story::tell_story(fresh.store.clone()).await;
    let [pack, _] = both_packs(&*fresh.store, &one.request).await;
    let [other, _] = both_packs(&*fresh.store, &two.request).await;
    let said = fault(&pack, |pack| pack["events"][3] = other["events"][3].clone());
    assert!(
        said.starts_with("event 4 ") && said.contains("does not belong to the stream"),
        "{said}"
    );
    let said = fault(&pack, |pack| pack["request_id"] = other["request_id"].clone());
    assert!(
        said.starts_with("event 1 ") && said.contains("does not belong to the stream"),
        "{said}"
    );
    drop(fresh.keep);
}

#[test]
fn what_is_no_pack_is_unusable_and_says_why() {
    for (input, reason) in [
        ("", "breaks off"),
        ("{\"schema\": ", "breaks off"),
        ("[]", "not a JSON object"),
        ("nonsense", "not JSON"),
        ("{}", "schema"),
        ("{\"schema\":\"moltbot-audit/request-pack/v3\"}", "schema"),
        ("{\"a\":1,\"a\":2}", "occurs twice"),
    ] {
        let error = verify_request_pack(input.as_bytes()).expect_err("it is no pack");
        assert!(error.is_unusable() && error.to_string().contains(reason), "{input}: {error}");
    }
    let error = verify_request_pack(b"{\"schema\":\"moltbot-audit/request-pack/v2\"}");
    assert_eq!(error.expect_err("parts are missing").to_string(), "request_id: it is missing");
    let deep = "[".repeat(100_000);
    let error = verify_request_pack(deep.as_bytes()).expect_err("it is no pack");
    assert!(matches!(error, VerifyError::Unusable { .. }));
    assert!(verify_request_pack(&[0xFF, 0xFE, 0x00]).is_err_and(|error| error.is_unusable()));
}

#[test]
fn an_input_of_another_kind_is_named_before_it_is_read() {
    let pack = "{\"schema\":\"moltbot-audit/request-pack/v2\"}";
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    let utf32 =
        |text: &str| text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect::<Vec<_>>();
    for (input, reason) in [
        ([b"\xEF\xBB\xBF", pack.as_bytes()].concat(), "a byte order mark"),
        ([b"\xFF\xFE".to_vec(), utf16(pack)].concat(), "it is UTF-16"),
        (utf16(pack), "it is UTF-16"),
        ([b"\xFF\xFE\0\0".to_vec(), utf32(pack)].concat(), "it is UTF-32"),
        (utf32(pack), "it is UTF-32"),
        (b"\x1F\x8B\x08\0".to_vec(), "gzip"),
        (b"PK\x03\x04".to_vec(), "ZIP"),
        (b"\x28\xB5\x2F\xFD".to_vec(), "zstd"),
        (b"  \n".to_vec(), "it is empty"),
        (b" [1, 1, 1".to_vec(), "not a JSON object"),
    ] {
        let error = verify_request_pack(&input).expect_err("it is no pack");
        assert!(error.is_unusable() && error.to_string().contains(reason), "{reason}: {error}");
    }
}

#[tokio::test]
async fn how_much_is_read_is_the_callers_to_say() {
    let fresh = stores::sqlite().await;
    let request = fresh_request();
    fresh.store.append(&records(&request, 3)).await.expect("the batch lands");
    let pack = export(&*fresh.store, &request, &Profile::internal()).await.to_json_pretty();
    drop(fresh.keep);
    let exact = VerifyOptions { bytes_max: pack.len(), events_max: 3, ..VerifyOptions::default() };
    verify_request_pack_with(pack.as_bytes(), &exact).expect("it is within the limits");
    for options in [
        VerifyOptions { bytes_max: pack.len() - 1, ..exact.clone() },
        VerifyOptions { events_max: 2, ..exact },
    ] {
        let error = verify_request_pack_with(pack.as_bytes(), &options).expect_err("too much");
        assert!(error.is_unusable() && error.to_string().contains("raise"), "{error}");
    }
    // What is no event ends the reading at once, whatever follows it.
    let mut forged: Value = serde_json::from_str(&pack).expect("a pack is JSON");
    forged["events"] = json!(vec![Value::Null; 100_000]);
    let error = verify_request_pack(forged.to_string().as_bytes()).expect_err("no events");
    assert_eq!(error.to_string(), "event 1: it does not have the form of the schema");
    // Sections are compared while they are read.
    forged["events"] =
        serde_json::from_str::<Value>(&pack).expect("a pack is JSON")["events"].clone();
    forged["budgets"] = json!(vec![1; 100_000]);
    let error = verify_request_pack(forged.to_string().as_bytes()).expect_err("no section");
    assert_eq!(error.to_string(), "section budgets at \"/\" contradicts the events");
}

#[tokio::test]
async fn a_number_of_a_section_has_one_spelling() {
    let fresh = stores::sqlite().await;
    let teller = story::tell_story(fresh.store.clone()).await;
    let pack = export(&*fresh.store, &teller.request, &Profile::internal()).await.to_json_pretty();
    drop(fresh.keep);
    for (from, to) in [
        ("\"total\": 102.0", "\"total\": 102"),
        ("\"hidden\": 0", "\"hidden\": -0.0"),
        ("\"reserved\": 0", "\"reserved\": -0.0"),
    ] {
        if pack.contains(from) {
            verify_request_pack(pack.replace(from, to).as_bytes()).expect_err("another spelling");
        }
    }
}

#[tokio::test]
async fn a_member_doubled_under_one_name_is_refused() {
    let fresh = stores::sqlite().await;
    let request = fresh_request();
    fresh.store.append(&records(&request, 1)).await.expect("the batch lands");
    let pack = export(&*fresh.store, &request, &Profile::internal()).await.to_json_pretty();
    // A reader that takes the first of two would read another text than the verifier checks.
    let doubled = pack.replacen("\"value\": {", "\"value\": { \"text\": \"forged\",", 1);
    let error = verify_request_pack(doubled.as_bytes()).expect_err("text stands twice");
    assert!(error.to_string().contains("occurs twice"), "{error}");
    drop(fresh.keep);
}

/// What a forger who knows the format does: changes an event, and computes its digest again.
fn forged(pack: &Value, seq: usize, change: impl FnOnce(&mut Value)) -> String {
    fault(pack, |pack| {
        change(&mut pack["events"][seq - 1]);
        let digest = tagged_digest("shown", &pack["events"][seq - 1]);
        pack["integrity"]["event_digests"][seq - 1] = json!(digest);
    })
}

/// Calls a shown leaf hidden, with the digest that its salt gives, and shows something else.
fn hide(view: &mut Value, pointer: &str, member: &str, rule: &str, instead: Value) {
    let salt = view["salts"].as_object_mut().expect("an object").remove(pointer);
    let salt: Salt = serde_json::from_value(salt.expect("it was shown")).expect("a salt");
    let digest = leaf_digest(&view["value"][member], salt);
    view["hidden"][pointer] = json!({ "digest": digest, "kind": "scalar", "rule": rule });
    view["value"][member] = instead;
}

#[tokio::test]
async fn a_proven_value_cannot_be_called_hidden_and_replaced() {
    let fresh = stores::sqlite().await;
    let teller = story::tell_story(fresh.store.clone()).await;
    for pack in both_packs(&*fresh.store, &teller.request).await {
        let events = pack["events"].as_array().expect("a list");
        let reply = |event: &Value| event["header"]["event_type"] == "vendor.reply_recorded";
        let seq = events.iter().position(reply).expect("a reply") + 1;
        for rule in ["contact", "id", "medical", "not_listed", "phone", "text", "made_up"] {
            for (member, instead) in [
                ("price_min", json!(1)),
                ("availability", json!("out_of_stock")),
                ("confidence", json!({ "a": 1 })),
            ] {
                let said = forged(&pack, seq, |event| {
                    hide(&mut event["output"], &format!("/output/{member}"), member, rule, instead);
                });
                assert!(said.contains(&format!("it hides /output/{member}")), "{rule}: {said}");
            }
        }
    }
    drop(fresh.keep);
}

#[tokio::test]
async fn a_value_cannot_be_shown_and_hidden_at_once() {
    let fresh = stores::sqlite().await;
    let teller = story::tell_story(fresh.store.clone()).await;
    let [_, pack] = both_packs(&*fresh.store, &teller.request).await;
    let said = forged(&pack, 1, |event| {
        event["input"]["salts"]["/input/from_phone"] = json!("00000000000000000000000000000000");
    });
    assert!(said.contains("it hides /input/from_phone"), "{said}");
    drop(fresh.keep);
}

#[tokio::test]
async fn what_a_forger_writes_does_not_reach_the_terminal_as_it_is() {
    let fresh = stores::sqlite().await;
    let teller = story::tell_story(fresh.store.clone()).await;
    let [pack, _] = both_packs(&*fresh.store, &teller.request).await;
    let said = fault(&pack, |pack| {
        let long = format!("\u{1b}[2J{}", "x".repeat(10_000));
        pack["events"][0]["header"]["event_type"] = json!(long);
    });
    assert!(!said.contains('\u{1b}') && said.len() < 400, "{said}");
    drop(fresh.keep);
}

#[tokio::test]
async fn sections_of_another_version_are_not_vouched_for() {
    let fresh = stores::sqlite().await;
    let teller = story::tell_story(fresh.store.clone()).await;
    let [mut pack, _] = both_packs(&*fresh.store, &teller.request).await;
    pack["integrity"]["sections_version"] = json!(1);
    let error = verify_request_pack(pack.to_string().as_bytes()).expect_err("another version");
    assert!(error.is_unusable() && error.to_string().contains("version 1"), "{error}");
    drop(fresh.keep);
}
