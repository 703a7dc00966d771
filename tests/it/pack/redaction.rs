//! Redaction removes personal data, and a redacted pack still verifies.

use moltbot_audit::redact::{Profile, find_phones};
use serde_json::{Value, json};

use super::{both_packs, story};
use crate::sqlite;

#[tokio::test]
async fn redaction_removes_personal_data() {
    let fresh = sqlite::open().await;
    let teller = story::tell_story(fresh.store.clone()).await;
    let [internal, external] = both_packs(&*fresh.store, &teller.request).await;
    let (internal, external) = (internal.to_string(), external.to_string());
    for text in [&internal, &external] {
        assert!(
            !text.contains("788100901") && !text.contains("0788 100 901"),
            "the client's number"
        );
        assert!(!text.contains("me@example.rw"), "an e-mail address");
    }
    assert!(internal.contains(story::VENDOR_A), "an operator sees vendors' numbers");
    for personal in [
        "788200911",
        "788200922",
        "Ganza",
        "Testimana",
        "Exemple",
        "Exampline",
        "Testeur",
        "Pharmacie",
        "vendor-a",
        "conv_story_1",
        "wamid.story.1",
    ] {
        assert!(!external.contains(personal), "{personal} is in the external pack");
    }
    assert!(external.contains("***911"), "what helps is kept");
    let phones = |text: &str| {
        let leaves = leaves(&serde_json::from_str(text).expect("a pack is JSON"));
        leaves.iter().flat_map(|leaf| find_phones(leaf)).count()
    };
    assert_eq!(phones(&external), 0);
    drop(fresh.keep);
}

/// Every text in a value, member names too.
fn leaves(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(leaves).collect(),
        Value::Object(members) => {
            let member = |(name, member): (&String, &Value)| {
                let mut below = leaves(member);
                below.push(name.clone());
                below
            };
            members.iter().flat_map(member).collect()
        }
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn an_external_reader_sees_nothing_of_fields_nobody_listed() {
    let fresh = sqlite::open().await;
    let teller = story::Teller::new(fresh.store.clone());
    let event = moltbot_audit::AuditEvent::new(
        moltbot_audit::EventType::WHATSAPP_INBOUND_RECEIVED,
        moltbot_audit::Actor::Client,
    );
    let input = json!({
        "message_type": "text",
        "shoe_size": 43,
        "home": { "street": "KN 12 St", "door": 7 },
        "0788123456": { "note": "a number as a name" },
    });
    teller.tell(event.clone().input(input)).await;
    teller
        .tell(event.input(json!({ "message_type": "text", "home": { "street": "KN 12 St" } })))
        .await;
    let [internal, external] = both_packs(&*fresh.store, &teller.request).await;
    for pack in [&internal, &external] {
        assert!(!pack.to_string().contains("0788123456"), "a member's name is data too");
    }
    assert_eq!(internal["events"][1]["input"]["value"]["home"]["street"], "KN 12 St");
    let shown = &external["events"][1]["input"]["value"];
    assert_eq!(*shown, json!({ "message_type": "text", "home": "[hidden]" }));
    drop(fresh.keep);
}

#[tokio::test]
async fn the_same_vendor_is_the_same_keyed_hash_in_every_pack_of_a_deployment() {
    let fresh = sqlite::open().await;
    let first = story::tell_story(fresh.store.clone()).await;
    let second = story::tell_story(fresh.store.clone()).await;
    let item = |pack: &Value| pack["shortlist"]["content"]["items"][0]["vendor_id"].clone();
    let [_, one] = both_packs(&*fresh.store, &first.request).await;
    let [_, two] = both_packs(&*fresh.store, &second.request).await;
    assert_eq!(item(&one), item(&two));
    let other = Profile::external(&moltbot_audit::redact::RedactionKey::from_bytes([6; 32]));
    let other = super::export(&*fresh.store, &first.request, &other).await;
    let other: Value = serde_json::from_str(&other.to_json_pretty()).expect("a pack is JSON");
    assert_ne!(item(&one), item(&other));
    drop(fresh.keep);
}
