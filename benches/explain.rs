//! What an explanation costs: a request of 1,000 events with as many vendors as changes are looked for, of which each
//! was scored twice, by the host's rule for selections and by its rule for shortlists.
//!
//! `cargo bench --bench explain` prints the median and the slowest of 200 rounds; `-- --quick` runs five.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark reads the clock and prints"
)]

use std::sync::Arc;
use std::time::Instant;

use moltbot_audit::event::Language;
use moltbot_audit::pack::export_request_pack;
use moltbot_audit::pack::scoring::{COMPARED_MAX, ScoringRules};
use moltbot_audit::redact::{Profile, RedactionKey};
use moltbot_audit::testing::MemoryStore;
use moltbot_audit::{Actor, AuditEvent, Auditor, EventType, RequestId};
use serde_json::{Value, json};

const KEY: RedactionKey = RedactionKey::from_bytes([7; 32]);
const EVENTS: usize = 1_000;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let rounds = if std::env::args().any(|argument| argument == "--quick") { 5 } else { 200 };
    let store = Arc::new(MemoryStore::new());
    let auditor = Auditor::builder(store.clone(), KEY).build();
    let request = KEY.request_id("explained").expect("a name");
    tell(&auditor, &request).await;
    let pack = export_request_pack(&*store, &request, &Profile::internal()).await.expect("known");
    let rules = ScoringRules::built_in();
    let (mut times, mut answered) = (Vec::new(), 0);
    for _ in 0..rounds {
        let started = Instant::now();
        let explanation = pack.explain(&rules);
        let text = explanation.text(Language::Rw);
        times.push(started.elapsed());
        answered = explanation.vendors.len();
        assert!(!text.is_empty());
    }
    times.sort();
    let [median, slowest] = [times[times.len() / 2], times[times.len() - 1]];
    println!(
        "{} events, {answered} vendors: median {:.2} ms, slowest {:.2} ms of {rounds}",
        pack.events.len(),
        median.as_secs_f64() * 1e3,
        slowest.as_secs_f64() * 1e3
    );
}

/// Tells a request in which every second vendor was asked and replied.
async fn tell(auditor: &Auditor, request: &RequestId) {
    let event = |event_type: EventType, input: Value, output: Value| {
        let event = AuditEvent::new(event_type, Actor::System).input(input).output(output);
        let event = event.request(request);
        async move { auditor.record(event).await.expect("recorded").event_id().to_string() }
    };
    let vendors = || (0..COMPARED_MAX).map(|number| (number, format!("vendor-{number:03}")));
    let spread = |number: usize, of: usize| u32::try_from(number * 7 % of).expect("small");
    let candidates: Vec<_> = vendors()
        .map(|(number, vendor_id)| {
            let km = f64::from(spread(number, 29)) / 2.0;
            let factors = [
                json!({ "code": "category", "score_delta": 40.0 }),
                json!({ "code": "distance", "score_delta": 30.0 - 2.0 * km, "measured": km }),
                json!({ "code": "rating", "score_delta": 5.0 }),
            ];
            json!({ "vendor_id": vendor_id, "total": 75.0 - 2.0 * km, "factors": factors })
        })
        .collect();
    let found = json!({ "candidates": candidates });
    let rule = json!({ "rule_version": "vendor-selection.1" });
    event(EventType::VENDOR_CANDIDATES_SELECTED, rule, found).await;
    let mut items = Vec::new();
    for (number, vendor_id) in vendors() {
        let message = json!({ "vendor_id": vendor_id, "text": "Do you have a desk?" });
        event(EventType::VENDOR_OUTREACH_SENT, message, json!({})).await;
        let reply = json!({ "vendor_id": vendor_id, "text": "Yes, we have it." });
        let confidence = f64::from(spread(number, 20)) / 20.0;
        let parsed = json!({
            "availability": "in_stock", "price_min": 10_000 + 100 * spread(number, 31), "confidence": confidence,
            "latency_seconds": 10 + 60 * number,
        });
        let reply = event(EventType::VENDOR_REPLY_RECORDED, reply, parsed).await;
        let factors = [json!({ "code": "availability", "score_delta": 50.0 })];
        items.push(json!({ "vendor_id": vendor_id, "total": 50.0, "factors": factors, "reply_event_id": reply }));
    }
    let excluded = items.split_off(5).into_iter().map(|mut item| {
        item["reason"] = "over_limit".into();
        item
    });
    let output =
        json!({ "items": items, "excluded": excluded.collect::<Vec<_>>(), "decided_by": "rule" });
    let rule =
        json!({ "rule_version": "shortlist-ranking.50", "budget_max": 12_000, "items_max": 5 });
    event(EventType::SHORTLIST_GENERATED, rule, output).await;
    let told = 2 + 2 * COMPARED_MAX;
    for number in told..EVENTS {
        let messages =
            json!({ "last_messages": [{ "from": "client", "text": "A wooden desk, please" }] });
        if number % 4 == 0 {
            let action =
                json!({ "action": { "type": "ask_client", "why": "The size is not known" } });
            event(EventType::MOLTBOT_CALLED, json!({ "context": messages }), action).await;
        } else {
            let message = json!({ "message_type": "text", "text": "A wooden desk, please" });
            event(EventType::WHATSAPP_INBOUND_RECEIVED, message, json!({})).await;
        }
    }
}
