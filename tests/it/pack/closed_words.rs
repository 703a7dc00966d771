//! A word that an outsider sees is one of a closed set: the library's, or what the host's profile lists by value.

use moltbot_audit::pack::{Verdict, verify_request_pack};
use moltbot_audit::redact::{FieldKind, Profile};
use moltbot_audit::{Actor, AuditEvent, EventType};
use serde_json::{Value, json};

use super::{KEY, export, story};
use crate::support::forger::{Chain, Forger};
use crate::support::stores;

/// What an outsider reads of one payload in a request about electronics, and what the verifier says.
async fn shown(profile: &Profile, event_type: EventType, input: Value) -> (Value, Verdict) {
    let fresh = stores::sqlite().await;
    let teller = story::Teller::new(fresh.store.clone());
    let about = json!({ "category": "electronics", "profile_name": "Mukamana", "client_phone": "+447700900123" });
    let inbound = AuditEvent::new(EventType::WHATSAPP_INBOUND_RECEIVED, Actor::Client);
    teller.tell(inbound.input(about)).await;
    teller.tell(AuditEvent::new(event_type, Actor::System).input(input)).await;
    let json = export(&*fresh.store, &teller.request, profile).await.to_json_pretty();
    drop(fresh.keep);
    let verified = verify_request_pack(json.as_bytes()).expect("an untouched pack verifies");
    let pack: Value = serde_json::from_str(&json).expect("a pack is JSON");
    (pack["events"][1]["input"]["value"].clone(), verified.verdict())
}

async fn outside(input: Value) -> Value {
    shown(&Profile::external(&KEY), EventType::WHATSAPP_INBOUND_RECEIVED, input).await.0
}

#[tokio::test]
async fn what_a_person_or_a_model_may_have_typed_is_no_word() {
    for input in [
        json!({ "to": "447700900123" }),
        json!({ "to": 447_700_900_123_u64 }),
        json!({ "button_id": "pick_447700900123" }),
        json!({ "button_id": 4477 }),
        json!({ "reason": "Mukamana" }),
        json!({ "reason": "somebody" }),
        json!({ "reason": "called 44 7700 900 123 twice" }),
        json!({ "errors": ["447700900123"] }),
        json!({ "warnings": ["no answer from 7700900123"] }),
        json!({ "code": "E447700900123" }),
        json!({ "code": 131_047 }),
        json!({ "status": "blocked_Mukamana" }),
        json!({ "status": "blocked_mukamana" }),
        json!({ "template_id": "hello_Mukamana" }),
        json!({ "model": "Mukamana-1" }),
        json!({ "prompt_version": "for-Mukamana" }),
        json!({ "prompt_version": "078.812.3456" }),
        json!({ "category": "mukamana" }),
        json!({ "language": "Mukamana" }),
        json!({ "provider": "mukamana_ltd" }),
        json!({ "expires_at": "2026-11-24T10:00:00.078812345Z" }),
        json!({ "effect_id": "Mukamana" }),
        json!({ "type": "Mukamana" }),
        json!({ "message_type": "Text" }),
    ] {
        let (field, value) = input.as_object().expect("an object").iter().next().expect("a field");
        let shown = outside(json!({ field: value })).await[field].clone();
        let hidden = if value.is_array() { json!(["[hidden]"]) } else { json!("[hidden]") };
        assert_eq!(shown, hidden, "{input}");
    }
}

#[tokio::test]
async fn words_of_the_librarys_sets_are_shown() {
    let input = json!({
        "to": "human", "button_id": "consent_yes", "reason": "no_reply", "errors": ["NO_CONSENT"],
        "code": "response_time", "status": "no_answer", "template_id": "still_waiting", "language": "rw",
        "prompt_version": "v2", "policy_version": "1.10", "category": "Mobile phones & accessories",
        "expires_at": "2026-11-24T10:00:00.000001Z", "ocr_type": "invoice", "message_type": "interactive",
        "description": "the second shop was cheaper", "switch": "ai", "from_state": "handed_off",
        "media_mime_type": "audio/ogg; codecs=opus",
    });
    assert_eq!(outside(input.clone()).await, input);
}

#[tokio::test]
async fn a_host_lists_its_words_by_value() {
    let plain = Profile::external(&KEY);
    let profile = plain
        .clone()
        .list_words("model", ["acme-1"])
        .list_words("code", ["131047", "metformin"])
        .list_words("zone", ["kigali-2"])
        .list_words("rule_version", ["rank-2026-07"])
        .list_words("category", ["basketry"]);
    let input = json!({
        "model": "acme-1", "code": 131_047, "zone": "kigali-2", "rule_version": "rank-2026-07", "category": "basketry",
    });
    let inbound = || EventType::WHATSAPP_INBOUND_RECEIVED;
    assert_eq!(shown(&profile, inbound(), input.clone()).await.0, input);
    for (_, value) in shown(&plain, inbound(), input).await.0.as_object().expect("an object") {
        assert_eq!(*value, "[hidden]");
    }
    let other =
        json!({ "model": "acme-2", "code": "metformin", "zone": "kigali-3", "zones": "kigali-2" });
    for (field, value) in shown(&profile, inbound(), other).await.0.as_object().expect("an object")
    {
        assert_eq!(*value, "[hidden]", "{field}");
    }
    // What the sections need is missed until it is listed.
    let shortlist = || json!({ "rule_version": "rank-2026-07" });
    let (_, verdict) = shown(&plain, EventType::SHORTLIST_GENERATED, shortlist()).await;
    assert_eq!(verdict, Verdict::CannotBeChecked);
    let (_, verdict) = shown(&profile, EventType::SHORTLIST_GENERATED, shortlist()).await;
    assert_eq!(verdict, Verdict::Intact);
}

#[tokio::test]
async fn an_open_field_of_the_hosts_shows_numbers_and_only_listed_words() {
    let profile = Profile::external(&KEY).danger_show("shelf", FieldKind::Open);
    for (value, is_shown) in [
        (json!(7), true),
        (json!(true), true),
        (json!("A7"), false),
        (json!(447_700_900_123_u64), false),
        (json!(447_700_900_123.0), false),
        (json!(7_700_900_123_i64), false),
    ] {
        let (shown, _) =
            shown(&profile, EventType::WHATSAPP_INBOUND_RECEIVED, json!({ "shelf": value })).await;
        assert_eq!(shown["shelf"] == value, is_shown, "{value}");
    }
}

#[tokio::test]
async fn the_medical_rule_comes_before_words() {
    for input in [
        json!({ "category": "pharmacy", "button_id": "metformin_850" }),
        json!({ "category": "electronics", "button_id": "metformin_850" }),
        json!({ "category": "electronics", "reason": "client_has_HIV" }),
        json!({ "category": "electronics", "reason": "the client has HIV" }),
        json!({ "category": "electronics", "ocr_type": "prescription" }),
        json!({ "category": "electronics", "description": "arwaye igituntu" }),
        json!({ "category": "electronics", "field_confidence": { "amoxicillin": 0.9 } }),
        json!({ "category": "farumasi" }),
    ] {
        let shown = outside(input.clone()).await;
        let last = input.as_object().expect("an object").keys().next_back().expect("a field");
        for field in [last.as_str(), "button_id"] {
            if input.get(field).is_some() && field != "category" {
                assert_eq!(shown[field], "[hidden]", "{input}");
            }
        }
        if input["category"] != "electronics" {
            assert_eq!(shown["category"], "[hidden]", "{input}");
        }
    }
}

#[tokio::test]
async fn a_verifier_refuses_words_and_texts_that_an_exporter_had_to_hide() {
    let fresh = stores::sqlite().await;
    let teller = story::Teller::new(fresh.store.clone());
    let inbound = AuditEvent::new(EventType::WHATSAPP_INBOUND_RECEIVED, Actor::Client);
    let input = json!({ "button_id": "pick_two", "category": "farumasi", "text": "two, please" });
    teller.tell(inbound.input(input.clone())).await;
    let [internal, external] = super::both_packs(&*fresh.store, &teller.request).await;
    drop(fresh.keep);
    let salts = |pack: &Value| pack["events"][0]["input"]["salts"].clone();
    for field in ["button_id", "category", "text"] {
        let pointer = format!("/input/{field}");
        let mut pack = external.clone();
        let view = &mut pack["events"][0]["input"];
        view["value"][field] = input[field].clone();
        view["hidden"].as_object_mut().expect("an object").remove(&pointer);
        view["salts"][&pointer] = salts(&internal)[&pointer].clone();
        let error = Forger::of(&pack).verify(Chain::Untouched).expect_err("it shows too much");
        assert!(error.to_string().contains(&pointer), "{error}");
    }
}
