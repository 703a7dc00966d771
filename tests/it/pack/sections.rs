//! Every section is there, and says what the events say.

mod calls;
mod judgements;

use std::sync::Arc;

use moltbot_audit::redact::Profile;
use moltbot_audit::{Actor, AuditEvent, ErrorCode, EventType, Outcome};
use serde_json::{Value, json};

use super::{both_packs, story};
use crate::sqlite;
use crate::support::forging::ForgingStore;

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
        // The story's effects are recorded, and nobody admitted them: two calls, two vendors.
        assert_eq!(pack["budgets"]["content"]["counts"]["outside"], 4);
        assert_eq!(pack["controls"]["status"], "empty");
        for later in ["reversal", "reconciliation", "erasures"] {
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
    for empty in SECTIONS[1..8].iter().chain(&["budgets", "controls"]) {
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
    assert_eq!(sent[0]["replies"][0]["parser_version"], "v3");
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

/// The internal pack of these events.
async fn pack_of(events: Vec<AuditEvent>) -> Value {
    let store = Arc::new(ForgingStore::default());
    let teller = story::Teller::new(store.clone());
    for event in events {
        teller.tell(event).await;
    }
    let [internal, _] = both_packs(&*store, &teller.request).await;
    internal
}

fn event(event_type: EventType, input: Value, output: Value) -> AuditEvent {
    AuditEvent::new(event_type, Actor::System).input(input).output(output)
}

fn refused(event: AuditEvent) -> AuditEvent {
    event.ended(Outcome::Refused, ErrorCode::InvalidState)
}

#[tokio::test]
async fn a_step_that_was_refused_is_no_state_and_stays_among_the_transitions() {
    let step = |from: Value, to: &str| {
        let step = json!({ "from_state": from, "to_state": to });
        event(EventType::REQUEST_STATE_CHANGED, step, json!({}))
    };
    let pack = pack_of(vec![
        step(Value::Null, "collecting_requirements"),
        refused(step("collecting_requirements".into(), "shortlist_ready")),
        step("collecting_requirements".into(), "vendor_outreach"),
        refused(step("vendor_outreach".into(), "handed_off")),
    ])
    .await;
    let request = &pack["request"]["content"];
    assert_eq!(request["snapshot"]["state"], "vendor_outreach");
    assert_eq!(request["snapshot"]["seconds_to_shortlist"], Value::Null);
    let outcomes = request["transitions"].as_array().expect("a list").iter();
    let outcomes: Vec<_> = outcomes.map(|step| step["outcome"].clone()).collect();
    assert_eq!(outcomes, ["succeeded", "refused", "succeeded", "refused"]);
}

#[tokio::test]
async fn the_shortlist_and_the_handoff_are_the_last_that_succeeded() {
    let shortlist = |vendor: &str| {
        let output = json!({ "items": [{ "vendor_id": vendor, "total": 0.0 }] });
        event(EventType::SHORTLIST_GENERATED, json!({}), output)
    };
    let handoff = |vendor: &str| {
        event(EventType::SHORTLIST_HANDOFF, json!({ "vendor_ids": [vendor] }), json!({}))
    };
    let pack = pack_of(vec![
        shortlist("vendor-a"),
        refused(shortlist("vendor-b")),
        handoff("vendor-a"),
        refused(handoff("vendor-b")),
    ])
    .await;
    let content = &pack["shortlist"]["content"];
    assert_eq!(content["items"][0]["vendor_id"], "vendor-a");
    assert_eq!(content["handoff"]["vendor_ids"], json!(["vendor-a"]));
    assert_eq!(content["unsuccessful"][0]["seq"], 2);
    assert_eq!(content["unsuccessful"][1]["seq"], 4);
    let order = &pack["explanation"]["content"]["order"];
    assert_eq!(order["items"][0]["vendor_id"], "vendor-a");

    let pack = pack_of(vec![refused(shortlist("vendor-b"))]).await;
    assert_eq!(pack["shortlist"]["status"], "recorded");
    assert_eq!(pack["shortlist"]["content"]["generated"], Value::Null);
    assert_eq!(pack["explanation"]["status"], "empty");
}

#[tokio::test]
async fn every_reader_of_a_payload_shows_one_of_another_shape() {
    let odd = json!(["not", "an", "object"]);
    let types = [
        EventType::BUDGET_WARNED,
        EventType::CALL_CONSENT_REQUESTED,
        EventType::CALL_CONSENT_GRANTED,
        EventType::CALL_STARTED,
        EventType::CALL_STATUS_UPDATED,
        EventType::EFFECT_EXPIRED,
        EventType::EFFECT_REFUSED,
        EventType::EFFECT_REPLAYED,
        EventType::EFFECT_RESOLVED,
        EventType::REQUEST_CREATED,
        EventType::SHORTLIST_GENERATED,
        EventType::SHORTLIST_HANDOFF,
        EventType::VENDOR_CANDIDATES_SELECTED,
        EventType::MOLTBOT_CALLED,
        EventType::MOLTBOT_OUTPUT_REJECTED,
    ];
    let pack = pack_of(types.map(|of| event(of, odd.clone(), json!({}))).into()).await;
    for shape in [
        "/budgets/content/warnings/0",
        "/controls/content/expirations/0",
        "/controls/content/other_refusals/0",
        "/controls/content/replays/0",
        "/controls/content/resolutions/0",
        "/call_attempts/content/consents/0",
        "/call_attempts/content/consents/0/decisions/0",
        "/call_attempts/content/attempts/0",
        "/call_attempts/content/attempts/0/statuses/0",
        "/request/content/snapshot",
        "/shortlist/content",
        "/shortlist/content/handoff",
        "/explanation/content/selections/0",
        "/explanation/content/order",
        "/moltbot_decisions/content/0",
        "/moltbot_decisions/content/0/judgement",
    ] {
        let shown = pack.pointer(&format!("{shape}/other_shape/input"));
        assert_eq!(shown, Some(&odd), "{shape}");
    }
}

#[tokio::test]
async fn debug_of_the_sections_holds_nothing_of_what_was_recorded() {
    let fresh = sqlite::open().await;
    let teller = story::tell_story(fresh.store.clone()).await;
    let pack = super::export(&*fresh.store, &teller.request, &Profile::internal()).await;
    let of = &pack.sections;
    let shortlist = of.shortlist.content();
    let explanation = of.explanation.content();
    let printed = [
        format!("{of:?}"),
        format!("{:?}", of.request.content()),
        format!("{:?}", of.conversation.content()),
        format!("{:?}", of.ocr_jobs.content()),
        format!("{:?}", of.budgets.content()),
        format!("{:?}", of.vendor_outreach.content()),
        format!("{:?}", of.vendor_outreach.content().map(|outreaches| &outreaches.sent)),
        format!("{:?}", of.moltbot_decisions.content()),
        format!("{:?}", of.call_attempts.content()),
        format!("{:?}", of.call_attempts.content().map(|calls| &calls.consents)),
        format!("{shortlist:?} {:?}", shortlist.map(|shortlist| &shortlist.handoff)),
        format!("{explanation:?} {:?}", explanation.map(|explanation| &explanation.vendors)),
    ];
    for printed in printed {
        for secret in [story::PATIENT, "vendor-", "Exampl", "oya", "0788", "250788", "shortlist_"] {
            assert!(!printed.contains(secret), "{printed}");
        }
        assert!(printed.len() < 1_000, "{printed}");
    }
    assert!(format!("{of:?}").contains("conversation: Recorded(***)"), "{of:?}");
    drop(fresh.keep);
}
