//! A forger who computes the pack's own digests again still cannot make a mask say whatever he likes.

use moltbot_audit::pack::verify_request_pack;
use moltbot_audit::proof::tagged_digest;
use moltbot_audit::redact::{FieldKind, Profile};
use moltbot_audit::{Actor, AuditEvent, EventType};
use serde_json::{Value, json};

use super::{KEY, both_packs, export, story};
use crate::redact::corpus::positives;
use crate::redact::properties::PIECES;
use crate::support::seeded::Seeded;
use crate::support::stores;

/// A pack of one event whose fields no section shows, so that only the mask speaks for them.
async fn pack(profile: &Profile) -> Value {
    let fresh = stores::sqlite().await;
    let teller = story::Teller::new(fresh.store.clone());
    let event = AuditEvent::new(EventType::WHATSAPP_INBOUND_RECEIVED, Actor::Client);
    let input = json!({
        "message_type": "text", "category": "electronics", "shoe": "size 43",
        "location_note": "near the market, call 0788123456", "vendor_phone": "+250788200911",
        "vendor_id": "vendor-a", "business_name": "Kigali Phones", "budget_max": 5,
    });
    teller.tell(event.input(input)).await;
    let json = export(&*fresh.store, &teller.request, profile).await.to_json_pretty();
    drop(fresh.keep);
    verify_request_pack(json.as_bytes()).expect("an untouched pack verifies");
    serde_json::from_str(&json).expect("a pack is JSON")
}

/// What the verifier says of the pack with another masked form at a field, and perhaps another rule.
fn said(pack: &Value, field: &str, rule: Option<&str>, masked: &Value) -> Result<(), String> {
    let mut pack = pack.clone();
    let event = &mut pack["events"][0];
    let hidden = &mut event["input"]["hidden"][format!("/input/{field}")];
    assert!(hidden.is_object(), "{field} is hidden");
    if let Some(rule) = rule {
        hidden["rule"] = json!(rule);
    }
    event["input"]["value"][field] = masked.clone();
    pack["integrity"]["event_digests"][0] = json!(tagged_digest("shown", &pack["events"][0]));
    match verify_request_pack(pack.to_string().as_bytes()) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

fn assert_refused(pack: &Value, field: &str, rule: Option<&str>, masked: &Value) {
    let said = said(pack, field, rule, masked).expect_err(&format!("{field} {rule:?}: {masked}"));
    assert!(said.contains(&format!("it hides /input/{field}")), "{field} {masked}: {said}");
}

#[tokio::test]
async fn a_masked_text_holds_nothing_that_would_be_masked() {
    let note = json!("near the market, call ***456");
    for profile in [Profile::internal(), Profile::external(&KEY)] {
        let pack = pack(&profile).await;
        assert_eq!(pack["events"][0]["input"]["value"]["location_note"], note);
        assert_eq!(said(&pack, "location_note", None, &note), Ok(()));
        for forged in [
            "paid 99,000 ***",
            "+250788123456 ***",
            "***",
            "call ***45",
            "paid 99,000",
            "write to jean@mail.rw, ***456",
            "4242 4242 4242 4242 ***456",
            "",
        ] {
            assert_refused(&pack, "location_note", None, &json!(forged));
        }
        assert_refused(&pack, "location_note", None, &json!(7));
    }
    let external = pack(&Profile::external(&KEY)).await;
    for forged in ["+250788123456 ***456", "0788123457 or ***456", "[name] of 0788123456"] {
        assert_refused(&external, "location_note", None, &json!(forged));
    }
}

#[tokio::test]
async fn no_rule_leaves_null() {
    let pack = pack(&Profile::external(&KEY)).await;
    for field in ["location_note", "vendor_id", "vendor_phone", "business_name", "shoe"] {
        for rule in [None, Some("member_names"), Some("text"), Some("id"), Some("not_listed")] {
            assert_refused(&pack, field, rule, &Value::Null);
        }
    }
    assert_eq!(said(&pack, "shoe", None, &json!("[hidden]")), Ok(()));
}

#[tokio::test]
async fn a_rule_hides_only_fields_of_the_class_it_is_for() {
    let pack = pack(&Profile::external(&KEY)).await;
    for (field, rule, masked) in [
        ("shoe", "text", "size ***456"),
        ("shoe", "name", "[hidden]"),
        ("shoe", "medical", "[hidden]"),
        ("shoe", "id", "shoe-0f3a0f3a0f3a"),
        ("shoe", "phone", "***456"),
        ("vendor_id", "phone", "***456"),
        ("vendor_id", "text", "***456"),
        ("location_note", "phone", "***456"),
        ("location_note", "name", "[hidden]"),
        ("business_name", "not_listed", "[hidden]"),
        ("vendor_phone", "text", "***456"),
        ("vendor_phone", "phone", "***45"),
    ] {
        assert_refused(&pack, field, Some(rule), &json!(masked));
    }
}

#[tokio::test]
async fn a_field_that_a_host_shows_is_not_called_unlisted() {
    let profile = Profile::external(&KEY).danger_show("shoe", FieldKind::Text);
    let fresh = stores::sqlite().await;
    let teller = story::Teller::new(fresh.store.clone());
    let event = AuditEvent::new(EventType::WHATSAPP_INBOUND_RECEIVED, Actor::Client);
    let input = json!({ "message_type": "text", "category": "electronics", "shoe": "0788123456" });
    teller.tell(event.input(input)).await;
    let json = export(&*fresh.store, &teller.request, &profile).await.to_json_pretty();
    drop(fresh.keep);
    let pack: Value = serde_json::from_str(&json).expect("a pack is JSON");
    assert_eq!(said(&pack, "shoe", None, &json!("***456")), Ok(()));
    assert_refused(&pack, "shoe", Some("name"), &json!("[hidden]"));
}

#[tokio::test]
async fn whatever_is_masked_verifies() {
    let mut seeded = Seeded::new(7);
    let stumbling = (0..2_000).map(|_| {
        let len = 2 + seeded.below(14);
        (0..len).map(|_| PIECES[seeded.below(PIECES.len())]).collect::<String>()
    });
    let texts = stumbling.chain(positives().into_iter().map(|planted| planted.text));
    let fresh = stores::sqlite().await;
    let teller = story::Teller::new(fresh.store.clone());
    let event = AuditEvent::new(EventType::WHATSAPP_INBOUND_RECEIVED, Actor::Client);
    let input = json!({ "category": "electronics", "options": texts.collect::<Vec<_>>() });
    teller.tell(event.input(input)).await;
    both_packs(&*fresh.store, &teller.request).await;
    drop(fresh.keep);
}
