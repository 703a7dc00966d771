//! What nothing but a signature stops, and that a signature does. The list in `docs/verifying.md` is this one.

use moltbot_audit::pack::{
    SignatureFault, Verdict, VerifyError, VerifyOptions, verify_request_pack_with,
};
use moltbot_audit::{Actor, AuditEvent, EventType};
use serde_json::{Value, json};

use super::{both_packs, story};
use crate::support::forger::{Chain, Forger};
use crate::support::signing::{note, note_text, sign, signer, trusting};
use crate::support::stores;

/// A request about no health, so that texts stand in both packs: internal, external. Both are signed.
async fn packs() -> [Value; 2] {
    let fresh = stores::sqlite().await;
    let teller = story::Teller::new(fresh.store.clone());
    let asked = AuditEvent::new(EventType::WHATSAPP_INBOUND_RECEIVED, Actor::Client).input(json!({
        "message_type": "text", "category": "electronics", "text": "a charger, call 0788100901",
        "location_note": "near the market", "rank": 3,
    }));
    teller.tell(asked).await;
    for vendor in ["vendor-a", "vendor-b"] {
        let reply = AuditEvent::new(EventType::VENDOR_REPLY_RECORDED, Actor::Vendor)
            .input(json!({ "vendor_id": vendor, "vendor_phone": "+250788200911", "text": "yes" }))
            .output(json!({ "availability": "in_stock", "price_min": 9_500 }));
        teller.tell(reply).await;
    }
    let mut packs = both_packs(&*fresh.store, &teller.request).await;
    for pack in &mut packs {
        sign(pack, &signer(1));
    }
    drop(fresh.keep);
    packs
}

/// What a verifier that trusts the signer says of a pack with this note.
fn fault(pack: &Value, note: Option<String>, options: &VerifyOptions) -> SignatureFault {
    let mut pack = pack.clone();
    match note {
        Some(note) => pack["signed_note"] = note.into(),
        None => drop(pack.as_object_mut().expect("an object").remove("signed_note")),
    }
    match verify_request_pack_with(pack.to_string().as_bytes(), options) {
        Err(VerifyError::Signature(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

/// Asserts that the forgery verifies without a signature, and that a verifier with the signer's key refuses it with
/// whatever note the forger can make.
#[track_caller]
fn assert_only_a_signature_stops(forger: Forger, chain: Chain) {
    let mut pack = forger.forged(chain);
    let trusted = trusting([&signer(1)]);
    let old_note = pack["signed_note"].as_str().expect("a note").to_owned();

    let kept = || Some(old_note.clone());
    assert_eq!(fault(&pack, kept(), &trusted), SignatureFault::OtherPack);
    assert_eq!(fault(&pack, kept(), &VerifyOptions::default()), SignatureFault::OtherPack);

    let (_, old_signature) = old_note.rsplit_once("\n\n").expect("a signature");
    let with_new_text = format!("{}\n{old_signature}", note_text(&pack));
    let said = fault(&pack, Some(with_new_text), &trusted);
    assert!(matches!(said, SignatureFault::Forged { .. }), "{said}");

    let by_another = note(&note_text(&pack), &signer(2));
    let said = fault(&pack, Some(by_another), &trusted);
    assert!(matches!(said, SignatureFault::NotTrusted { .. }), "{said}");

    assert_eq!(fault(&pack, None, &trusted), SignatureFault::Unsigned);
    pack.as_object_mut().expect("an object").remove("signed_note");
    let json = pack.to_string();
    let verified = verify_request_pack_with(json.as_bytes(), &VerifyOptions::default());
    let verified = verified.expect("nothing but a signature stops it");
    assert_eq!(verified.verdict(), Verdict::Intact);
}

#[tokio::test]
async fn what_was_not_forged_verifies_with_the_key() {
    let trusted = trusting([&signer(1)]);
    for pack in packs().await {
        let verified = verify_request_pack_with(pack.to_string().as_bytes(), &trusted);
        assert_eq!(verified.expect("it is signed").signed_by(), trusted.trusted_keys);
    }
}

#[tokio::test]
async fn the_last_events_can_be_cut_off() {
    for pack in packs().await {
        let mut forger = Forger::of(&pack);
        forger.pack["events"].as_array_mut().expect("a list").pop();
        let last = forger.pack["events"][1].clone();
        let head = &mut forger.pack["integrity"]["head"];
        head["seq"] = last["seq"].clone();
        head["chain_hash"] = last["chain_hash"].clone();
        head["last_at"] = last["recorded_at"].clone();
        assert_only_a_signature_stops(forger, Chain::Untouched);
    }
}

#[tokio::test]
async fn the_whole_chain_can_be_built_anew() {
    for pack in packs().await {
        let mut forger = Forger::of(&pack);
        forger.pack["events"][1]["output"]["value"]["price_min"] = json!(4_000);
        forger.pack["events"].as_array_mut().expect("a list").remove(2);
        assert_only_a_signature_stops(forger, Chain::Rebuilt);
    }
}

#[tokio::test]
async fn keyed_hashes_can_be_swapped() {
    let [_, external] = packs().await;
    let id = |event: usize| external["events"][event]["input"]["value"]["vendor_id"].clone();
    let (a, b) = (id(1), id(2));
    let mut forger = Forger::of(&external);
    forger.pack["events"][1]["input"]["value"]["vendor_id"] = b;
    forger.pack["events"][2]["input"]["value"]["vendor_id"] = a;
    assert_only_a_signature_stops(forger, Chain::Untouched);
}

#[tokio::test]
async fn masked_text_can_be_reworded_within_its_form() {
    for pack in packs().await {
        let mut forger = Forger::of(&pack);
        forger.pack["events"][0]["input"]["value"]["text"] = json!("a bicycle, call ***999");
        assert_only_a_signature_stops(forger, Chain::Untouched);
    }
}

#[tokio::test]
async fn a_text_can_be_called_masked() {
    let [internal, external] = packs().await;
    for (pack, rule, masked) in [
        (&internal, "contact", "at the lake, call ***999"),
        (&external, "text", "at the lake, call ***999"),
        (&external, "medical", "[hidden]"),
    ] {
        let mut forger = Forger::of(pack);
        forger.hide(0, "/input/location_note", rule, json!(masked));
        assert_only_a_signature_stops(forger, Chain::Untouched);
    }
}

#[tokio::test]
async fn a_field_that_no_section_computes_from_can_be_called_hidden() {
    let [internal, external] = packs().await;
    for (pack, rule, pointer) in [
        (&internal, "contact", "/input/rank"),
        (&internal, "member_names", "/input/rank"),
        (&external, "not_listed", "/input/category"),
    ] {
        let mut forger = Forger::of(pack);
        forger.hide(0, pointer, rule, json!("[hidden]"));
        assert_only_a_signature_stops(forger, Chain::Untouched);
    }
}

#[tokio::test]
async fn additions_to_the_profile_can_hide_the_same_fields_everywhere() {
    for pack in packs().await {
        let mut forger = Forger::of(&pack);
        forger.pack["profile"]["additions"]["hidden"] = json!(["location_note"]);
        forger.hide(0, "/input/location_note", "host", json!("[hidden]"));
        assert_only_a_signature_stops(forger, Chain::Untouched);
    }
}

/// The page that readers are told to read has each of these, in these words.
#[test]
fn the_documentation_lists_the_same() {
    let page = include_str!("../../../docs/verifying.md");
    let (_, list) = page.split_once("## What only a signature can prove").expect("the list");
    let list = list.split("\n## ").next().expect("a section");
    let entries: Vec<_> = list.lines().filter_map(|line| line.strip_prefix("- **")).collect();
    let told: Vec<_> = entries.iter().filter_map(|entry| entry.split("**").next()).collect();
    let tested = [
        "Cut off the last events.",
        "Build the whole chain anew.",
        "Swap keyed hashes.",
        "Reword masked text within its form.",
        "Call a text masked.",
        "Call a field hidden that no section computes from.",
        "Add to the profile, and hide the same fields everywhere.",
    ];
    assert_eq!(told, tested);
}
