//! Every section is there, and says what the events say.

mod calls;
mod delivery;
mod disclosure;
mod judgements;

use std::sync::Arc;

use moltbot_audit::event::payload::OutboundInput;
use moltbot_audit::redact::Profile;
use moltbot_audit::{Actor, AuditEvent, ErrorCode, EventType, Outcome};
use serde_json::{Value, json};

use super::{both_packs, story};
use crate::support::forging::ForgingStore;
use crate::support::stores;

const SECTIONS: [&str; 20] = [
    "request",
    "conversation",
    "ai_disclosure",
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
    "writers",
    "events",
    "writer_events",
    "switch_events",
    "integrity",
    "redactions",
    "erasures",
];

#[tokio::test]
async fn exported_pack_includes_all_sections() {
    let fresh = stores::sqlite().await;
    let teller = story::tell_story(fresh.store.clone()).await;
    for pack in both_packs(&*fresh.store, &teller.request).await {
        for section in SECTIONS {
            let found = pack.get(section).unwrap_or_else(|| panic!("{section} is missing"));
            let says_why = found.get("status").is_some_and(Value::is_string);
            let is_plain = ["events", "writer_events", "switch_events", "integrity"];
            assert!(says_why || is_plain.contains(&section), "{section}: {found}");
        }
        for told in &SECTIONS[..10] {
            assert_eq!(pack[told]["status"], "recorded", "{told}");
        }
        // The story's effects are recorded, and nobody admitted them: two calls, two vendors.
        assert_eq!(pack["budgets"]["content"]["counts"]["outside"], 4);
        assert_eq!(pack["controls"]["status"], "empty");
        for later in ["reconciliation", "erasures"] {
            assert_eq!(pack[later]["status"], "not_recorded", "{later}");
            assert!(pack[later]["reason"].is_string(), "{later}");
        }
    }
    drop(fresh.keep);
}

#[tokio::test]
async fn a_pack_begins_with_its_schema() {
    let fresh = stores::sqlite().await;
    let teller = story::tell_story(fresh.store.clone()).await;
    let internal = moltbot_audit::redact::Profile::internal();
    let json = super::export(&*fresh.store, &teller.request, &internal).await.to_json_pretty();
    assert!(
        json.starts_with("{\n  \"schema\": \"moltbot-audit/request-pack/v2\",\n"),
        "{json:.80}"
    );
    drop(fresh.keep);
}

#[tokio::test]
async fn sections_of_a_request_in_which_nothing_happened_are_empty_not_missing() {
    let fresh = stores::sqlite().await;
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
    let fresh = stores::sqlite().await;
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

    let decision = &content("moltbot_decisions")["calls"][0];
    assert_eq!(decision["action_type"], "vendor_outreach_plan");
    assert_eq!(decision["judgements"], json!([]));
    let said = |names: &[&str]| names.iter().map(|name| decision[*name].clone()).collect::<Value>();
    assert_eq!(said(&["model", "temperature", "seed"]), json!(["m-1", 0.2, 7]));
    let names = ["served_model", "response_id", "finish_reason", "price_list_version"];
    assert_eq!(said(&names), json!(["m-1-2026", "msg_01", "end_turn", "v2"]));
    assert_eq!(said(&["input_tokens", "output_tokens"]), json!([812, 64]));
    assert_eq!(decision["cache_read_input_tokens"], 90_000);
    assert_eq!(decision["cache_creation_input_tokens"], Value::Null, "unknown is not 0");
    let call = pack["events"].as_array().expect("a list").iter();
    let call = call.clone().find(|event| event["header"]["event_type"] == "moltbot.called");
    let call = call.expect("the call is there");
    assert_eq!(decision["input_hash"], call["input"]["commitment"]);
    assert_eq!(decision["output_hash"], call["output"]["commitment"]);

    let asked = &content("call_attempts")["consents"][0];
    assert_eq!(asked["decisions"][0]["decision"], "denied");
    assert_eq!(content("call_attempts")["attempts"], Value::Array(Vec::new()));

    let shortlist = &content("shortlist")["shortlists"][0];
    assert_eq!(shortlist["items"][0]["vendor_id"], "vendor-a");
    assert_eq!(shortlist["handoffs"][0]["handed_off_at"], "2026-09-21T14:18:20Z");
    drop(fresh.keep);
}

#[tokio::test]
async fn a_payload_of_another_shape_is_shown_as_it_is() {
    let fresh = stores::sqlite().await;
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
pub(super) async fn pack_of(events: Vec<AuditEvent>) -> Value {
    let store = Arc::new(ForgingStore::default());
    let teller = story::Teller::new(store.clone());
    for event in events {
        teller.tell(event).await;
    }
    let [internal, _] = both_packs(&*store, &teller.request).await;
    internal
}

pub(super) fn event(event_type: EventType, input: Value, output: Value) -> AuditEvent {
    AuditEvent::new(event_type, Actor::System).input(input).output(output)
}

pub(super) fn refused(event: AuditEvent) -> AuditEvent {
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
async fn shortlists_and_handoffs_that_did_not_succeed_stand_apart() {
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
    assert_eq!(content["shortlists"].as_array().map(Vec::len), Some(1));
    assert_eq!(content["shortlists"][0]["items"][0]["vendor_id"], "vendor-a");
    assert_eq!(content["shortlists"][0]["handoffs"][0]["vendor_ids"], json!(["vendor-a"]));
    assert_eq!(content["unsuccessful"][0]["seq"], 2);
    assert_eq!(content["unsuccessful"][1]["seq"], 4);
    let orders = &pack["explanation"]["content"]["orders"];
    assert_eq!(orders.as_array().map(Vec::len), Some(1));
    assert_eq!(orders[0]["items"][0]["vendor_id"], "vendor-a");

    let pack = pack_of(vec![refused(shortlist("vendor-b"))]).await;
    assert_eq!(pack["shortlist"]["status"], "recorded");
    assert_eq!(pack["shortlist"]["content"]["shortlists"], json!([]));
    assert_eq!(pack["explanation"]["status"], "empty");
}

#[tokio::test]
async fn every_shortlist_is_told_and_a_handoff_belongs_to_the_last_one_before_it() {
    let shortlist = |vendor: &str| {
        let output = json!({ "items": [{ "vendor_id": vendor, "total": 0.0 }] });
        event(EventType::SHORTLIST_GENERATED, json!({}), output)
    };
    let handoff = |vendors: &[&str]| {
        event(EventType::SHORTLIST_HANDOFF, json!({ "vendor_ids": vendors }), json!({}))
    };
    let pack = pack_of(vec![
        handoff(&["v0"]),
        shortlist("v1"),
        handoff(&["v1"]),
        handoff(&["v1", "v2"]),
        shortlist("v2"),
    ])
    .await;
    let content = &pack["shortlist"]["content"];
    let seqs = |list: &Value| {
        let list = list.as_array().expect("a list").iter();
        list.map(|one| one["seq"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(seqs(&content["shortlists"]), [2, 5]);
    assert_eq!(seqs(&content["shortlists"][0]["handoffs"]), [3, 4]);
    assert_eq!(seqs(&content["shortlists"][1]["handoffs"]), [] as [Value; 0]);
    assert_eq!(seqs(&content["unmatched_handoffs"]), [1]);
    assert_eq!(seqs(&pack["explanation"]["content"]["orders"]), [2, 5]);
    let found = findings(&pack);
    let of_handoffs: Vec<_> = found.iter().filter(|what| what.contains("handed off")).collect();
    assert_eq!(
        of_handoffs,
        [
            "1: the client is handed off, and no shortlist stands before it",
            "4: the client is handed off to v2, which is not on the shortlist of event 2",
        ]
    );
    let ended = |vendor: &str| {
        let vendors = pack["explanation"]["content"]["vendors"].as_array().expect("a list");
        let story = vendors.iter().find(|story| story["vendor_id"] == vendor).expect("told");
        (story["disposition"]["ended"].clone(), story["disposition"]["source"]["seq"].clone())
    };
    assert_eq!(ended("v1"), (json!("shortlisted"), json!(2)), "by the last that speaks of it");
    assert_eq!(ended("v2"), (json!("shortlisted"), json!(5)));
}

/// `place: what does not add up`, of each finding.
pub(super) fn findings(pack: &Value) -> Vec<String> {
    let findings = pack["explanation"]["content"]["findings"].as_array();
    let findings = findings.map(Vec::as_slice).unwrap_or_default().iter();
    let text = |finding: &Value| {
        format!("{}: {}", finding["seq"], finding["what"].as_str().expect("a text"))
    };
    findings.map(text).collect()
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
        "/shortlist/content/shortlists/0",
        "/shortlist/content/shortlists/0/handoffs/0",
        "/explanation/content/selections/0",
        "/explanation/content/orders/0",
        "/moltbot_decisions/content/calls/0",
        "/moltbot_decisions/content/calls/0/judgements/0",
    ] {
        let shown = pack.pointer(&format!("{shape}/other_shape/input"));
        assert_eq!(shown, Some(&odd), "{shape}");
    }
}

#[tokio::test]
async fn sections_write_numbers_as_events_do() {
    let fresh = stores::sqlite().await;
    let teller = story::tell_story(fresh.store.clone()).await;
    for profile in [Profile::internal(), Profile::external(&super::KEY)] {
        let json = super::export(&*fresh.store, &teller.request, &profile).await.to_json_pretty();
        let is_odd = |line: &&str| line.trim_end_matches(',').ends_with(".0");
        assert_eq!(json.lines().find(is_odd), None);
        assert!(json.contains("\"total\": 102"), "as recorded");
    }
    drop(fresh.keep);
}

#[tokio::test]
async fn the_time_to_the_shortlist_is_what_the_metric_measures() {
    let at = |minute: i64| {
        let start = chrono::DateTime::from_timestamp(1_790_000_000, 0).expect("a time");
        start + chrono::TimeDelta::minutes(minute)
    };
    let seconds = async |first: i64, shortlist: i64| {
        let opened = event(EventType::REQUEST_CREATED, json!({}), json!({})).at(at(first));
        let list = || event(EventType::SHORTLIST_GENERATED, json!({}), json!({}));
        let step =
            json!({ "from_state": "awaiting_vendor_replies", "to_state": "shortlist_ready" });
        let step = event(EventType::REQUEST_STATE_CHANGED, step, json!({})).at(at(shortlist - 1));
        let lists = [refused(list()).at(at(1)), list().at(at(shortlist)), list().at(at(60))];
        let pack = pack_of([vec![opened, step], lists.into()].concat()).await;
        pack["request"]["content"]["snapshot"]["seconds_to_shortlist"].clone()
    };
    assert_eq!(seconds(0, 5).await, 300, "to the first that succeeded, not to a state");
    assert_eq!(seconds(6, 5).await, Value::Null, "dated before the first event");
}

#[tokio::test]
async fn the_question_whether_a_call_is_welcome_is_in_the_conversation() {
    let asked =
        json!({ "consent_id": "c1", "client_phone": "+250788100901", "text": "May we call you?" });
    let failed = event(EventType::WHATSAPP_SEND_FAILED, asked.clone(), json!({}))
        .ended(Outcome::Failed, ErrorCode::ProviderError);
    let pack =
        pack_of(vec![failed, event(EventType::CALL_CONSENT_REQUESTED, asked, json!({}))]).await;
    let messages = &pack["conversation"]["content"];
    for at in [0, 1] {
        assert_eq!(messages[at]["direction"], "outbound");
        assert_eq!(messages[at]["text"], "May we call you?");
        assert_eq!(messages[at]["phone"], "***901");
    }
    assert_eq!(
        (&messages[0]["outcome"], &messages[1]["outcome"]),
        (&json!("failed"), &json!("succeeded"))
    );
}

#[tokio::test]
async fn what_took_time_says_how_long_and_when_it_ended() {
    let clock = Arc::new(moltbot_audit::testing::SteppedClock::new(
        chrono::DateTime::from_timestamp(1_790_000_000, 0).expect("a time"),
    ));
    let store = Arc::new(moltbot_audit::testing::MemoryStore::with_clock(clock.clone()));
    let auditor =
        moltbot_audit::Auditor::builder(store.clone(), super::KEY).clock(clock.clone()).build();
    let request = crate::support::records::fresh_request();
    let effect = moltbot_audit::Effect::message(&OutboundInput::default()).request(&request);
    let sent = auditor.effect(effect).run(async || {
        clock.advance(std::time::Duration::from_millis(1_500));
        Ok::<_, String>(moltbot_audit::event::payload::OutboundOutput::default())
    });
    sent.await.expect("it is let run");
    let [pack, _] = both_packs(&*store, &request).await;
    let effect = &pack["budgets"]["content"]["effects"][0];
    assert_eq!(effect["ended_by"]["at"], "2026-09-21T14:13:20.000000Z", "when it began");
    assert_eq!(effect["ended_by"]["duration_ms"], 1_500);
    assert_eq!(effect["ended_at"], "2026-09-21T14:13:21.500Z");
    assert_eq!(pack["conversation"]["content"][0]["duration_ms"], 1_500);
}

#[tokio::test]
async fn debug_of_the_sections_holds_nothing_of_what_was_recorded() {
    let fresh = stores::sqlite().await;
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
        format!("{shortlist:?} {:?}", shortlist.map(|content| &content.shortlists)),
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
