//! The page in Chromium. One browser for all pages: its start is what takes time.

use std::sync::Arc;
use std::time::Duration;

use moltbot_audit::event::Language;
use moltbot_audit::pack::export_request_pack;
use moltbot_audit::redact::Profile;
use moltbot_audit::store::AuditStore;
use moltbot_audit::testing::MemoryStore;
use moltbot_audit::{Actor, AuditEvent, Auditor, EventType, RequestId, report};
use serde_json::{Value, json};

use super::{Played, node};
use crate::support::records::{KEY, fresh_request};
use crate::support::signing::signer;

/// Values that would do something if a page took them for anything but text.
const HOSTILE: [&str; 9] = [
    "</script><script>globalThis.pwned = 1</script>",
    "<img src=x onerror=globalThis.pwned=1>",
    "\" onmouseover=\"globalThis.pwned=1\" x=\"",
    "' onload='globalThis.pwned=1",
    "<!--<script>",
    "]]></style><svg/onload=globalThis.pwned=1>",
    "javascript:globalThis.pwned=1",
    "{0}{1}{{constructor}}",
    "&lt;b&gt; &#60;b&#62; &amp;",
];

/// Characters that turn the direction of text, that cannot be seen, or that HTML does not allow.
const STRANGE: &str = "\u{202e}txet desrever\u{202c}\u{2066}\u{200b}\u{feff}\u{1}\u{8}\u{7f}\u{85}\u{fffe}\u{1fffe}\r\n\t";

#[test]
fn pages_verify_in_a_browser_name_each_change_and_keep_hostile_values_as_text() {
    let [key, other_key] = [1, 2].map(|number| signer(number).verifier_key().to_string());
    let scenarios = ["phone_charger", "invalid_output", "call_no_answer", "ocr_low_confidence"];
    let played = Played::new(&scenarios);
    let names = ["report.internal.html", "report.external.html"];
    let mut pages: Vec<_> = names.iter().flat_map(|name| played.files(name)).collect();
    assert!(pages.len() >= 2 * scenarios.len(), "{pages:?}");
    let pack = played.files("pack.internal.json").remove(0);
    let page = pack.replace("pack.internal.json", "report.internal.html");
    let hostile = played.folder.path().join("hostile.html");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    std::fs::write(&hostile, runtime.block_on(page_of(hostile_events))).expect("a file");
    let large = runtime.block_on(page_of(thousand_events));
    assert!(large.len() < 3_000_000, "a page of 1,000 events has {} bytes", large.len());
    let file = played.folder.path().join("large.html");
    std::fs::write(&file, large).expect("a file");
    pages.push(file.to_str().expect("UTF-8").to_owned());
    let cases = json!({
        "pages": pages,
        "signed": { "page": page, "pack": pack, "key": key, "other_key": other_key },
        "hostile": { "page": hostile, "marks": HOSTILE },
    });
    let file = played.folder.path().join("cases.json");
    std::fs::write(&file, cases.to_string()).expect("a file");
    let said = node("pages.mjs", &[file.to_str().expect("UTF-8")]);
    let count: usize = said.trim().parse().expect("a number");
    assert!(count >= pages.len() + 38, "{count} checks");
}

/// The page of a request with these events.
async fn page_of(events: impl FnOnce(&RequestId) -> Vec<AuditEvent>) -> String {
    let store: Arc<MemoryStore> = Arc::default();
    let auditor = Auditor::builder(store.clone(), KEY).build();
    let request = fresh_request();
    for event in events(&request) {
        auditor.record(event).await.expect("it is recorded");
    }
    auditor.shutdown(Duration::from_secs(10)).await.expect("it ends");
    let store: Arc<dyn AuditStore> = store;
    let pack = export_request_pack(&*store, &request, &Profile::internal()).await;
    report::render(&pack.expect("the request has events"), Language::Rw)
}

/// 125 rounds of what a request is mostly made of.
fn thousand_events(request: &RequestId) -> Vec<AuditEvent> {
    let named = |event_type: EventType, actor, input: Value, output: Value| {
        AuditEvent::new(event_type, actor).request(request).input(input).output(output)
    };
    let round = |round: u32| {
        let (vendor, text) = (format!("shop_{round}"), "Do you have a fast USB-C charger?");
        let id = format!("wamid.out.{round}");
        let asked = json!({ "vendor_id": vendor, "vendor_name": vendor, "text": text, "batch_number": round / 3 + 1 });
        let status = |status: &str| json!({ "provider_message_id": id, "status": status });
        let input = json!({ "model": "m-1", "attempt": round, "context": { "messages": [text], "vendors": [vendor] } });
        let output = json!({
            "action": { "type": "ask_client", "question_text": text }, "why": "more is needed",
            "input_tokens": 150, "output_tokens": 80, "cost_microusd": 1_700,
        });
        let replied = json!({ "vendor_id": vendor, "text": "Yes, 9,500 RWF, in Remera" });
        let understood = json!({ "availability": "in_stock", "price_min": 9_500, "price_max": 9_500, "confidence": 0.95 });
        [
            named(
                EventType::WHATSAPP_INBOUND_RECEIVED,
                Actor::Client,
                json!({ "message_type": "text", "text": text }),
                json!({ "duplicate": false }),
            ),
            named(EventType::MOLTBOT_CALLED, Actor::Moltbot, input, output),
            named(
                EventType::MOLTBOT_OUTPUT_ACCEPTED,
                Actor::System,
                json!({ "action_type": "ask_client" }),
                Value::Null,
            ),
            named(
                EventType::WHATSAPP_OUTBOUND_SENT,
                Actor::System,
                json!({ "message_type": "text", "text": text }),
                json!({ "provider_message_id": id }),
            ),
            named(EventType::WHATSAPP_STATUS_UPDATED, Actor::System, status("sent"), Value::Null),
            named(
                EventType::WHATSAPP_STATUS_UPDATED,
                Actor::System,
                status("delivered"),
                Value::Null,
            ),
            named(
                EventType::VENDOR_OUTREACH_SENT,
                Actor::System,
                asked,
                json!({ "provider_message_id": format!("wamid.v.{round}") }),
            ),
            named(EventType::VENDOR_REPLY_RECORDED, Actor::Vendor, replied, understood),
        ]
    };
    (0..125).flat_map(round).collect()
}

fn hostile_events(request: &RequestId) -> Vec<AuditEvent> {
    // An event may have a MiB.
    let long_text = json!({ "message_type": "text", "text": "<b>".repeat(345_000) });
    let long = AuditEvent::new(EventType::WHATSAPP_INBOUND_RECEIVED, Actor::Client);
    let mut events = vec![long.request(request).input(long_text)];
    for text in HOSTILE.into_iter().chain([STRANGE]) {
        let named = |event_type: EventType, actor, value: Value| {
            AuditEvent::new(event_type, actor).request(request).input(value)
        };
        events.push(named(
            EventType::WHATSAPP_INBOUND_RECEIVED,
            Actor::Client,
            json!({ "message_type": text, "text": text, text: { text: [text] } }),
        ));
        events.push(
            named(
                EventType::VENDOR_OUTREACH_SENT,
                Actor::System,
                json!({ "vendor_id": text, "vendor_name": text, "text": text, "outreach_id": text }),
            )
            .output(json!({ "provider_message_id": text })),
        );
        let reply = json!({ "vendor_id": text, "outreach_id": text, "text": text });
        events.push(
            named(EventType::VENDOR_REPLY_RECORDED, Actor::Vendor, reply)
                .output(json!({ "availability": text, "warnings": [text], "options": [text] })),
        );
        let factors = json!([{ "code": text, "score_delta": 1, "description": text }]);
        let item = json!({
            "vendor_id": text, "vendor_name": text, "total": 1, "response_summary": text, "factors": factors,
        });
        events.push(
            named(EventType::SHORTLIST_GENERATED, Actor::System, json!({ "rule_version": text }))
                .output(json!({ "items": [item], "excluded": [], "decided_by": text, "summary_text": text })),
        );
    }
    events
}
