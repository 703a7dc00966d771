//! Redaction removes personal data, and a redacted pack still verifies.

use moltbot_audit::redact::{Profile, find_phones};
use serde_json::{Value, json};

use super::{both_packs, story};
use crate::support::stores;

#[tokio::test]
async fn redaction_removes_personal_data() {
    let fresh = stores::sqlite().await;
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
    let fresh = stores::sqlite().await;
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
    let fresh = stores::sqlite().await;
    let first = story::tell_story(fresh.store.clone()).await;
    let second = story::tell_story(fresh.store.clone()).await;
    let item = |pack: &Value| {
        pack["shortlist"]["content"]["shortlists"][0]["items"][0]["vendor_id"].clone()
    };
    let [_, one] = both_packs(&*fresh.store, &first.request).await;
    let [_, two] = both_packs(&*fresh.store, &second.request).await;
    assert_eq!(item(&one), item(&two));
    let other = Profile::external(&moltbot_audit::redact::RedactionKey::from_bytes([6; 32]));
    let other = super::export(&*fresh.store, &first.request, &other).await;
    let other: Value = serde_json::from_str(&other.to_json_pretty()).expect("a pack is JSON");
    assert_ne!(item(&one), item(&other));
    drop(fresh.keep);
}

/// What an outsider reads of one payload.
async fn external_view(input: Value) -> (Value, String) {
    let fresh = stores::sqlite().await;
    let teller = story::Teller::new(fresh.store.clone());
    let event = moltbot_audit::AuditEvent::new(
        moltbot_audit::EventType::WHATSAPP_INBOUND_RECEIVED,
        moltbot_audit::Actor::Client,
    );
    teller.tell(event.input(input)).await;
    let [internal, external] = both_packs(&*fresh.store, &teller.request).await;
    drop(fresh.keep);
    let view = external["events"][0]["input"]["value"].clone();
    (view, format!("{internal}{external}"))
}

#[tokio::test]
async fn numbers_that_are_phone_numbers_are_hidden_wherever_they_stand() {
    for payload in [
        json!({ "to": 250_788_100_901_u64 }),
        json!({ "items": [250_788_100_901_u64] }),
        json!({ "price": 250_788_100_901_u64 }),
        json!(250_788_100_901_u64),
        json!([["0788100901"], { "a": { "b": "+250 788 100 901" } }]),
        json!("0788100901"),
        json!({ "text": "{\"from\":\"250788100901\"}" }),
        json!({ "code": "0788100901", "category": "0788100901" }),
        json!({ "0788100901": 1 }),
        json!({ "text": "x@y.0788100901" }),
    ] {
        let (_, packs) = external_view(payload.clone()).await;
        assert!(!packs.contains("788100901"), "{payload}");
        assert!(!packs.contains("788 100 901"), "{payload}");
    }
}

#[tokio::test]
async fn texts_are_shown_outside_only_where_the_category_is_known_and_not_health() {
    let text = "I need a charger, I am Keza Exemple, write to keza@example.rw";
    let message = |category: Option<&str>| {
        let mut payload = json!({ "text": text, "profile_name": "Keza Exemple" });
        if let Some(category) = category {
            payload["category"] = json!(category);
        }
        payload
    };
    let (view, _) = external_view(message(None)).await;
    assert_eq!(view["text"], "[hidden]");
    let (view, _) = external_view(message(Some("pharmacy"))).await;
    assert_eq!(view["text"], "[hidden]");
    let (view, _) = external_view(message(Some("electronics"))).await;
    assert_eq!(view["text"], "I need a charger, I am [name], write to k***@***.rw");
    assert_eq!(view["profile_name"], "[hidden]");
}

#[tokio::test]
async fn names_do_not_pass_as_words_of_open_fields_or_as_member_names() {
    let (view, _) = external_view(json!({
        "patient_name": "Marie Exemple",
        "button_id": "Marie",
        "extracted": { "medications": ["Exampline"] },
        "category": "electronics",
        "scope": "exampline",
    }))
    .await;
    assert_eq!(view["button_id"], "[hidden]");
    assert_eq!(view["scope"], "[hidden]");
    let (view, _) = external_view(json!({ "field_confidence": { "Marie Exemple": 0.9 } })).await;
    assert_eq!(view["field_confidence"], "[hidden]");
}

#[tokio::test]
async fn a_number_that_only_the_model_calls_a_vendors_is_a_strangers() {
    let fresh = stores::sqlite().await;
    let teller = story::tell_story(fresh.store.clone()).await;
    let poisoned = moltbot_audit::AuditEvent::new(
        moltbot_audit::EventType::MOLTBOT_CALLED,
        moltbot_audit::Actor::Moltbot,
    );
    let item = json!({ "vendor_id": "vendor-a", "vendor_phone": "0780000999" });
    teller.tell(poisoned.output(json!({ "action": { "items": [item] } }))).await;
    let reply = moltbot_audit::AuditEvent::new(
        moltbot_audit::EventType::VENDOR_REPLY_RECORDED,
        moltbot_audit::Actor::Vendor,
    );
    teller.tell(reply.input(json!({ "text": "send a deposit to 0780000999" }))).await;
    let [internal, _] = both_packs(&*fresh.store, &teller.request).await;
    assert!(!internal.to_string().contains("0780000999"));
    assert!(internal.to_string().contains(story::VENDOR_A));
    drop(fresh.keep);
}
