//! Every file of the host's scenario format is played, however it stretches the format.

use std::sync::Arc;

use moltbot_audit::pack::{export_request_pack, verify_request_pack};
use moltbot_audit::redact::Profile;
use moltbot_audit::store::AuditStore;
use moltbot_audit::testing::MemoryStore;
use serde_json::{Value, json};

use super::simulation::play::{PlayError, play};
use super::simulation::scenario::Scenario;
use super::simulation::story::Story;
use super::{Told, stage};
use crate::support::records::KEY;

/// Plays a scenario; what it told, its internal packs, and how it ended.
async fn played(scenario: &Value) -> (String, Vec<Value>, Result<(), PlayError>) {
    let scenario = Scenario::parse(&scenario.to_string()).expect("a scenario");
    let store: Arc<MemoryStore> = Arc::default();
    let (auditor, world) = stage(store.clone()).await;
    let told = Told::default();
    let played = play(&scenario, &auditor, &world, &Story::new(told.clone())).await;
    let told = String::from_utf8(told.0.lock().expect("not poisoned").clone()).expect("UTF-8");
    let (requests, end) = match played {
        Ok(requests) => (requests, Ok(())),
        Err(error) => (Vec::new(), Err(error)),
    };
    let mut packs = Vec::new();
    for request in requests {
        for profile in [Profile::external(&KEY), Profile::internal()] {
            let store: &dyn AuditStore = &*store;
            let pack = export_request_pack(store, &request, &profile).await.expect("known");
            let json = pack.to_json_pretty();
            verify_request_pack(json.as_bytes()).expect("an untouched pack verifies");
            packs.push(serde_json::from_str(&json).expect("JSON"));
        }
    }
    let internal = packs.into_iter().skip(1).step_by(2).collect();
    (told, internal, end)
}

/// The lines that say what was not understood, or cannot be judged.
fn named(told: &str) -> Vec<&str> {
    let lines = told.lines().map(str::trim);
    lines
        .filter(|line| line.contains("not understood:") || line.contains("cannot be judged:"))
        .collect()
}

fn vendors() -> Value {
    json!([
        { "id": "v1", "name": "One", "phone": "+250780000101", "category": "phones" },
        { "id": "v2", "name": "Two", "phone": "+250780000102", "category": "phones" },
    ])
}

fn plan() -> Value {
    json!({ "type": "vendor_outreach_plan", "why": "clear", "category": "phones",
        "normalized_need": "A phone", "vendor_filters": { "tags": ["phones"] }, "batch_size": 5,
        "vendor_questions": ["In stock?"], "stop_conditions": { "max_vendors": 5, "min_replies": 2 },
        "calling_allowed": true })
}

#[tokio::test]
async fn every_kind_of_step_and_every_assertion_of_the_format_is_played() {
    let rows = |table: &str, filter: Value, count: u32| json!({ "table": table, "filter": filter, "count": count });
    let shortlist = json!({ "type": "shortlist", "why": "both have it", "summary_text": "Found 2",
        "items": [{ "vendor_id": "v1" }, { "vendor_id": "v2", "vendor_name": "Two" }],
        "handoff": { "type": "wa_link" } });
    let scenario = json!({
        "name": "everything", "description": "each kind", "tags": ["a", 1],
        "initial_state": {
            "conversation": { "id": "c", "client_phone": "+250780000100", "language": "fr", "status": "active" },
            "vendors": vendors(),
        },
        "steps": [
            { "id": "asks", "client_inbound": { "message_type": "text", "text": "A phone?" },
              "moltbot_output": { "type": "ask_client", "question_text": "Which?", "options": ["A", "B"], "why": "unclear" },
              "assert": { "request_state": "collecting_requirements",
                "outbound_messages": [{ "to": "client", "contains": "Which", "type": "buttons" }] } },
            { "id": "again", "client_inbound": { "message_type": "text", "text": "A phone?", "duplicate": true },
              "assert": { "db_row_count": [
                rows("moltbot_conversation_messages", json!({ "direction": "inbound" }), 1),
                rows("moltbot_conversation_messages", json!({ "direction": "outbound" }), 1),
                rows("moltbot_marketplace_requests", json!({}), 1),
              ] } },
            { "id": "chooses", "client_inbound": { "message_type": "interactive", "list_id": "b" },
              "moltbot_output": plan(), "assert": { "request_state": "vendor_outreach" } },
            { "id": "waits", "wait_ms": 60_000 },
            { "id": "injects", "vendor_inbound": { "vendor_id": "v1", "text": "Yes, 9,000 RWF", "is_injection_attempt": false },
              "assert": { "request_state": "awaiting_vendor_replies", "vendor_outreach_count": 2,
                "no_duplicate_outreach": true, "injection_flagged": false,
                "db_row_count": rows("moltbot_vendor_outreach", json!({ "vendor_id": "v1" }), 1) } },
            { "id": "calls", "call_event": { "event_type": "call_initiated", "call_id": "k0" },
              "assert": { "call_refused": true, "db_row_count": rows("moltbot_call_attempts", json!({}), 0) } },
            { "id": "may_we", "call_event": { "event_type": "consent_request", "consent_id": "cc" },
              "assert": { "call_refused": false, "outbound_messages": [{ "contains": "appeler", "type": "buttons" }] } },
            { "id": "yes", "call_event": { "event_type": "consent_granted", "consent_id": "cc" } },
            { "id": "rings", "call_event": { "event_type": "call_initiated", "consent_id": "cc", "call_id": "k1" },
              "assert": { "call_refused": false, "db_row_count": rows("moltbot_call_attempts", json!({}), 1) } },
            { "id": "ends", "call_event": { "event_type": "call_completed", "call_id": "k1" } },
            { "id": "second", "vendor_inbound": { "vendor_id": "v2", "text": "In stock, 8,000 RWF" },
              "assert": { "request_state": "shortlist_ready" } },
            { "id": "list", "moltbot_output": shortlist,
              "assert": { "request_state": "handed_off", "shortlist_wa_link_count": 2,
                "outbound_messages": [{ "contains": "wa.me" }], "no_duplicate_outreach": true } },
        ],
    });
    let (told, packs, end) = played(&scenario).await;
    end.expect("each assertion holds");
    assert_eq!(named(&told), [] as [&str; 0]);
    let calls = &packs[0]["call_attempts"]["content"];
    assert_eq!(calls["attempts"][0]["attempt_id"], "k1");
    assert_eq!(calls["attempts"][0]["consent_granted"], "yes");
    assert_eq!(calls["attempts"][0]["statuses"][0]["status"], "completed");
    // The library's own gate refused the first.
    assert_eq!(packs[0]["controls"]["content"]["consent_refusals"][0]["error_code"], "no_consent");
}

#[tokio::test]
async fn what_is_not_of_the_format_is_named_once_and_the_play_goes_on() {
    let scenario = json!({
        "names": "odd",
        "initial_state": {
            "conversation": { "language": "sw", "status": "asleep", "mood": 1 },
            "vendors": [{ "id": "v1", "stars": 5 }],
            "call_consent": { "state": "perhaps", "by": "x" },
            "weather": null, "moon": "full",
        },
        "steps": [
            { "client_inbound": { "message_type": "fax", "text": "Hello", "font": "serif" },
              "moltbot_output": { "type": "ask_client", "question_text": "Yes?", "tone": "kind" },
              "assert": { "request_state": "collecting_requirements", "sky": "blue",
                "outbound_messages": [{ "contains": "Yes", "font": 1 }],
                "call_refused": 7,
                "db_row_count": { "table": "vendors", "count": 1 } } },
            { "client_dances": {}, "vendor_inbound": { "vendor_id": "v7", "text": "Hi" } },
            { "call_event": { "event_type": "call_dropped" }, "ocr_result": { "status": "odd" } },
        ],
    });
    let (told, packs, end) = played(&scenario).await;
    end.expect("the rest holds");
    assert_eq!(packs.len(), 1);
    assert_eq!(
        named(&told),
        [
            "not understood: names",
            "not understood: initial_state.moon",
            "not understood: initial_state.conversation.mood",
            "not understood: initial_state.conversation.language: sw",
            "not understood: initial_state.conversation.status: asleep",
            "not understood: initial_state.call_consent.by",
            "not understood: initial_state.call_consent.state: perhaps",
            "not understood: initial_state.vendors[0].stars",
            "not understood: step 2: vendor_inbound.vendor_id: v7, which is not in initial_state.vendors",
            "not understood: step 1.client_inbound.font",
            "not understood: step 1.client_inbound.message_type: fax",
            "not understood: step 1.moltbot_output: tone",
            "not understood: step 2.client_dances",
            "not understood: step 3.ocr_result.status: odd",
            "not understood: step 3.call_event.event_type: call_dropped",
            "1: cannot be judged: sky",
            "1: cannot be judged: outbound_messages.font",
            "1: cannot be judged: call_refused 7",
            r#"1: cannot be judged: db_row_count {"count":1,"table":"vendors"}"#,
        ]
    );
}

#[tokio::test]
async fn a_story_begins_in_the_state_that_the_scene_names() {
    let begins = |state: &str, steps: Value| {
        json!({
            "initial_state": {
                "conversation": { "id": "c", "client_phone": "+250780000100" },
                "request": { "id": "r1", "state": state, "requirements": { "budget_max": 9_000, "color": "red" } },
                "call_consent": { "id": "cc", "state": "granted" },
                "vendors": vendors(),
            },
            "steps": steps,
        })
    };
    let reply = |vendor: &str| json!({ "vendor_inbound": { "vendor_id": vendor, "text": "In stock, 8,000 RWF" } });
    let list = json!({ "moltbot_output": { "type": "shortlist", "summary_text": "Found", "items": [{ "vendor_id": "v1" }] },
        "assert": { "request_state": "handed_off", "shortlist_wa_link_count": 1 } });
    let called = json!({ "call_event": { "event_type": "call_initiated", "consent_id": "cc" },
        "assert": { "call_refused": false, "vendor_outreach_count": 2 } });
    let steps = json!([called, reply("v1"), reply("v2"), list]);
    let (told, packs, end) = played(&begins("awaiting_vendor_replies", steps)).await;
    end.expect("it goes on from there");
    assert_eq!(named(&told), [] as [&str; 0]);
    let request = &packs[0]["request"]["content"];
    assert_eq!(request["snapshot"]["requirements"], json!({ "budget_max": 9_000, "color": "red" }));
    let transitions = request["transitions"].as_array().expect("a list");
    assert!(transitions.iter().all(|step| step["allowed"] == true), "{transitions:?}");
    for state in [
        "collecting_requirements",
        "ocr_processing",
        "vendor_outreach",
        "shortlist_ready",
        "handed_off",
        "closed",
        "error",
    ] {
        let steps = json!([{ "assert": { "request_state": state } }]);
        played(&begins(state, steps)).await.2.expect(state);
    }
}

#[tokio::test]
async fn consents_of_before_are_the_librarys_to_judge() {
    for (state, refused) in [
        ("not_requested", json!("no_consent")),
        ("requested", json!("no_consent")),
        ("granted", json!(false)),
        ("denied", json!("consent_denied")),
        ("expired", json!("consent_expired")),
    ] {
        let scenario = json!({
            "initial_state": { "call_consent": { "state": state }, "conversation": {} },
            "steps": [
                { "client_inbound": { "text": "Hello" } },
                { "call_event": { "event_type": "call_initiated" }, "assert": { "call_refused": refused } },
            ],
        });
        played(&scenario).await.2.expect(state);
    }
}

#[tokio::test]
async fn steps_in_an_odd_order_and_without_what_is_optional() {
    let scenario = json!({ "steps": [
        {}, { "id": "list", "moltbot_output": { "type": "shortlist", "summary_text": "x", "items": [] } },
        { "vendor_inbound": {} }, { "ocr_result": {} }, { "call_event": {} }, { "call_status": { "status": "busy" } },
        { "call_event": { "event_type": "consent_denied" } }, { "call_event": { "event_type": "call_failed", "call_id": "k" } },
        { "client_inbound": {} }, { "client_inbound": { "duplicate": true } },
        { "client_inbound": { "message_type": "image" } }, { "ocr_result": { "status": "failed", "error_message": "blurred" } },
        { "client_inbound": { "message_type": "document", "media_fixture": "x.pdf" } },
        { "ocr_result": { "extracted": { "doctor_name": null } } },
        { "client_inbound": { "message_type": "audio" } }, { "client_inbound": { "message_type": "location" } },
        { "moltbot_output": { "type": "escalate" } }, { "moltbot_output": [1] }, { "moltbot_output": "x" },
        { "vendor_inbound": { "vendor_id": "nobody", "text": "Buy now" } }, { "assert": {} }, { "wait_ms": 0 },
        { "call_event": { "event_type": "consent_granted" } }, { "call_event": { "event_type": "call_initiated" } },
        { "call_event": { "event_type": "call_failed" } }, { "wait_ms": 2_000_000_000_u64, "client_inbound": { "text": "still there?" } },
    ] });
    let (_, packs, end) = played(&scenario).await;
    end.expect("nothing is asserted");
    assert!(!packs.is_empty());
    for nothing in
        [json!({}), json!({ "steps": [], "name": "empty" }), json!({ "initial_state": {} })]
    {
        played(&nothing).await.2.expect("there is nothing to do");
    }
}

#[tokio::test]
async fn hostile_texts_are_played_as_they_are() {
    let long = "é".repeat(20_000);
    for text in [
        "\u{1b}[2J\u{7}\r\n",
        "'; drop table audit_events; --",
        "{\"$serde_json::private::RawValue\": 1}",
        "\0\u{202e}\u{2028}",
        &long,
        "",
    ] {
        let scenario = json!({
            "name": text, "description": text, "tags": text,
            "initial_state": {
                "conversation": { "id": "c", "client_phone": "++250 78 'x" },
                "vendors": [{ "id": text, "name": text, "phone": text, "category": text }],
                "request": { "state": "awaiting_vendor_replies", "requirements": { text: text } },
            },
            "steps": [
                { "id": text, "description": text, "client_inbound": { "message_type": text, "text": text, "button_id": text, "media_fixture": text } },
                { "vendor_inbound": { "vendor_id": text, "text": text } },
                { "moltbot_output": { "type": text, "why": text } },
                { "moltbot_output": { "type": "ask_client", "question_text": text, "options": [text, text, text, text] } },
                { "call_event": { "event_type": "consent_request" }, "assert": { "db_row_count": { "table": text, "filter": { text: text }, "count": 0 } } },
            ],
        });
        let (told, _, end) = played(&scenario).await;
        end.expect("nothing that can fail is asserted");
        assert!(!told.contains('\u{1b}') && !told.contains('\u{7}'), "{told:.200}");
    }
}

#[tokio::test]
async fn an_assertion_that_fails_says_what_was_seen() {
    let failing = |assert: Value| {
        json!({ "name": "f", "steps": [{ "id": "s", "client_inbound": { "text": "Hi" },
            "moltbot_output": { "type": "ask_client", "question_text": "Which?" }, "assert": assert }] })
    };
    for (assert, said) in [
        (
            json!({ "request_state": "closed" }),
            r#"request_state: expected "closed", found "collecting_requirements""#,
        ),
        (
            json!({ "outbound_messages": [{ "contains": "Who" }] }),
            r#"no message of this step to client contains "Who"; sent were ["You are chatting with Moltbot, an AI assistant.\nWhich?"]"#,
        ),
        (
            json!({ "outbound_messages": [{ "contains": "Which", "type": "list" }] }),
            r#"a message to client is of type ["text"], and "list" was expected"#,
        ),
        (
            json!({ "db_row_count": { "table": "moltbot_ocr_jobs", "count": 1 } }),
            "rows of moltbot_ocr_jobs: expected 1, found 0",
        ),
        (json!({ "injection_flagged": true }), "injection_flagged: expected true, found false"),
        (
            json!({ "call_refused": "no_consent" }),
            r#"call_refused: expected "no_consent", found []"#,
        ),
    ] {
        let error = played(&failing(assert)).await.2.expect_err("it does not hold");
        assert!(error.to_string().ends_with(said), "{error}");
    }
}
