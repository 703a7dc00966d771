//! What nothing but a signature could stop. The list in `docs/verifying.md` is this one.

use moltbot_audit::pack::Verdict;
use moltbot_audit::{Actor, AuditEvent, EventType};
use serde_json::{Value, json};

use super::{both_packs, story};
use crate::support::forger::{Chain, Forger};
use crate::support::stores;

/// A request about no health, so that texts stand in both packs: internal, external.
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
    let packs = both_packs(&*fresh.store, &teller.request).await;
    drop(fresh.keep);
    packs
}

#[track_caller]
fn assert_verifies(forger: Forger, chain: Chain) {
    let verified = forger.verify(chain).expect("nothing but a signature stops it");
    assert_eq!(verified.verdict(), Verdict::Intact);
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
        assert_verifies(forger, Chain::Untouched);
    }
}

#[tokio::test]
async fn the_whole_chain_can_be_built_anew() {
    for pack in packs().await {
        let mut forger = Forger::of(&pack);
        forger.pack["events"][1]["output"]["value"]["price_min"] = json!(4_000);
        forger.pack["events"].as_array_mut().expect("a list").remove(2);
        assert_verifies(forger, Chain::Rebuilt);
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
    assert_verifies(forger, Chain::Untouched);
}

#[tokio::test]
async fn masked_text_can_be_reworded_within_its_form() {
    for pack in packs().await {
        let mut forger = Forger::of(&pack);
        forger.pack["events"][0]["input"]["value"]["text"] = json!("a bicycle, call ***999");
        assert_verifies(forger, Chain::Untouched);
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
        assert_verifies(forger, Chain::Untouched);
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
        assert_verifies(forger, Chain::Untouched);
    }
}

#[tokio::test]
async fn additions_to_the_profile_can_hide_the_same_fields_everywhere() {
    for pack in packs().await {
        let mut forger = Forger::of(&pack);
        forger.pack["profile"]["additions"]["hidden"] = json!(["location_note"]);
        forger.hide(0, "/input/location_note", "host", json!("[hidden]"));
        assert_verifies(forger, Chain::Untouched);
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
