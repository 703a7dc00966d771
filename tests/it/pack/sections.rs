//! Every section is there, and says what the events say.

use serde_json::Value;

use super::{both_packs, story};
use crate::sqlite;

const SECTIONS: [&str; 16] = [
    "request",
    "conversation",
    "ocr_jobs",
    "vendor_outreach",
    "moltbot_decisions",
    "call_attempts",
    "shortlist",
    "explanation",
    "reversal",
    "budgets",
    "controls",
    "reconciliation",
    "events",
    "integrity",
    "redactions",
    "erasures",
];

#[tokio::test]
async fn exported_pack_includes_all_sections() {
    let fresh = sqlite::open().await;
    let teller = story::tell_story(fresh.store.clone()).await;
    for pack in both_packs(&*fresh.store, &teller.request).await {
        for section in SECTIONS {
            let found = pack.get(section).unwrap_or_else(|| panic!("{section} is missing"));
            let says_why = found.get("status").is_some_and(Value::is_string);
            assert!(says_why || ["events", "integrity"].contains(&section), "{section}: {found}");
        }
        for told in &SECTIONS[..8] {
            assert_eq!(pack[told]["status"], "recorded", "{told}");
        }
        for later in ["reversal", "budgets", "controls", "reconciliation", "erasures"] {
            assert_eq!(pack[later]["status"], "not_recorded", "{later}");
            assert!(pack[later]["reason"].is_string(), "{later}");
        }
    }
    drop(fresh.keep);
}

#[tokio::test]
async fn a_pack_begins_with_its_schema() {
    let fresh = sqlite::open().await;
    let teller = story::tell_story(fresh.store.clone()).await;
    let internal = moltbot_audit::redact::Profile::internal();
    let json = super::export(&*fresh.store, &teller.request, &internal).await.to_json_pretty();
    assert!(
        json.starts_with("{\n  \"schema\": \"moltbot-audit/request-pack/v1\",\n"),
        "{json:.80}"
    );
    drop(fresh.keep);
}

#[tokio::test]
async fn sections_of_a_request_in_which_nothing_happened_are_empty_not_missing() {
    let fresh = sqlite::open().await;
    let teller = story::Teller::new(fresh.store.clone());
    let unknown = moltbot_audit::EventType::new("listing.viewed").expect("well-formed");
    let event = moltbot_audit::AuditEvent::new(unknown, moltbot_audit::Actor::System);
    teller.tell(event).await;
    let [internal, _] = both_packs(&*fresh.store, &teller.request).await;
    for empty in &SECTIONS[1..8] {
        assert_eq!(internal[empty]["status"], "empty", "{empty}");
    }
    assert_eq!(internal["request"]["content"]["snapshot"]["events"], 1);
    drop(fresh.keep);
}

#[tokio::test]
async fn sections_tell_the_story() {
    let fresh = sqlite::open().await;
    let teller = story::tell_story(fresh.store.clone()).await;
    let [pack, _] = both_packs(&*fresh.store, &teller.request).await;
    let content = |section: &str| &pack[section]["content"];

    let snapshot = &content("request")["snapshot"];
    assert_eq!(snapshot["state"], "handed_off");
    assert_eq!(snapshot["language"], "en");
    let transitions = content("request")["transitions"].as_array().expect("a list");
    assert_eq!(transitions.len(), 6);
    assert!(transitions.iter().all(|step| step["allowed"] == true), "{transitions:?}");

    assert_eq!(content("conversation")[0]["direction"], "inbound");
    assert_eq!(content("conversation")[0]["media_id"], "media-1");

    let job = &content("ocr_jobs")[0];
    assert_eq!((&job["result"], &job["confidence"]), (&"completed".into(), &0.92.into()));
    assert_eq!(job["extracted"]["patient_name"], story::PATIENT);
    assert_ne!(job["created"]["event_id"], job["ended"]["event_id"]);

    let sent = content("vendor_outreach")["sent"].as_array().expect("a list");
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0]["replies"][0]["availability"], "in_stock");
    assert_eq!(sent[0]["replies"][0]["parser_version"], "p-3");
    assert_eq!(content("vendor_outreach")["unmatched_replies"], Value::Array(Vec::new()));

    let decision = &content("moltbot_decisions")[0];
    assert_eq!(decision["action_type"], "vendor_outreach_plan");
    assert_eq!(decision["judgement"]["verdict"], "not_recorded");
    let call = pack["events"].as_array().expect("a list").iter();
    let call = call.clone().find(|event| event["header"]["event_type"] == "moltbot.called");
    let call = call.expect("the call is there");
    assert_eq!(decision["input_hash"], call["input"]["commitment"]);
    assert_eq!(decision["output_hash"], call["output"]["commitment"]);

    let asked = &content("call_attempts")["consents"][0];
    assert_eq!(asked["decisions"][0]["decision"], "denied");
    assert_eq!(content("call_attempts")["attempts"], Value::Array(Vec::new()));

    assert_eq!(content("shortlist")["items"][0]["vendor_id"], "vendor-a");
    assert_eq!(content("shortlist")["handoff"]["handed_off_at"], "2026-09-21T14:18:20Z");
    drop(fresh.keep);
}

#[tokio::test]
async fn a_payload_of_another_shape_is_shown_as_it_is() {
    let fresh = sqlite::open().await;
    let teller = story::Teller::new(fresh.store.clone());
    let reply = moltbot_audit::AuditEvent::new(
        moltbot_audit::EventType::VENDOR_REPLY_RECORDED,
        moltbot_audit::Actor::Vendor,
    );
    let odd = serde_json::json!({ "price_min": "twelve", "has_stock": true });
    teller.tell(reply.clone().output(odd.clone())).await;
    teller.tell(reply.input(serde_json::json!(["not", "an", "object"]))).await;
    let [pack, _] = both_packs(&*fresh.store, &teller.request).await;
    let replies = &pack["vendor_outreach"]["content"]["unmatched_replies"];
    assert_eq!(replies[0]["other_shape"]["output"], odd);
    assert_eq!(replies[1]["other_shape"]["input"][0], "not");
    drop(fresh.keep);
}
