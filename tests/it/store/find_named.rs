//! Requests are found by whom and what their events name, with the deployment's key only, on every store alike.

use std::sync::Arc;
use std::time::Duration;

use moltbot_audit::redact::RedactionKey;
use moltbot_audit::store::{AuditStore, FindError, RequestQuery, find_requests};
use moltbot_audit::testing::{FaultySink, MemoryStore};
use moltbot_audit::{Actor, AuditEvent, Auditor, Effect, ErrorCode, EventType, Outcome};
use serde_json::{Value, json};

use crate::support::records::{KEY, named_conversation, named_request, sealed};
use crate::support::stores;

const NAMES: [&str; 6] = ["asked", "bought", "chosen", "denied", "effect", "doubt"];

fn about(name: &str, event_type: EventType, input: Value) -> AuditEvent {
    AuditEvent::new(event_type, Actor::System).request(&named_request(name)).input(input)
}

/// Requests that name a client, a vendor, an idempotency key and a refusal, each in another way.
async fn recorded(store: Arc<dyn AuditStore>) {
    let auditor = Auditor::builder(store.clone(), KEY).build();
    let phone = json!({ "from_phone": "0788 123 456", "text": "Muraho" });
    let asked = about("asked", EventType::WHATSAPP_INBOUND_RECEIVED, phone);
    let asked = asked.idempotency_key("message:1").conversation(&named_conversation("chat-1"));
    let vendor = json!({ "vendor_id": "shop_volt", "vendor_phone": 250_780_000_201_u64 });
    let bought = about("bought", EventType::VENDOR_OUTREACH_SENT, vendor);
    let bought = bought.idempotency_key("to:+250788123456:hash:1");
    let items =
        json!({ "items": [{ "vendor_id": "shop_volt", "vendor_phone": "+250 780 000 201" }] });
    let chosen = about("chosen", EventType::SHORTLIST_GENERATED, json!({})).output(items);
    let refusal = json!({ "effect": "vendor.outreach_sent", "switches": ["ai"] });
    let denied = about("denied", EventType::EFFECT_REFUSED, refusal);
    let denied = denied.ended(Outcome::Refused, ErrorCode::InvalidState);
    // An auditor writes none by itself.
    store.append(&[sealed(denied)]).await.expect("it lands")[0].expect("a receipt");
    for event in [asked, bought, chosen] {
        auditor.record(event).await.expect("it is recorded");
    }
    let effect = |name: &str, key: &str| {
        Effect::custom(EventType::DISCOVERY_CALL, Actor::System, json!({ "vendor_ids": ["kiosk"] }))
            .request(&named_request(name))
            .idempotency_key(key)
            .lease(Duration::from_millis(1))
    };
    let run = auditor.effect(effect("effect", "call:0788123456")).run(async || Ok::<_, String>(()));
    run.await.expect("it runs");
    drop(auditor.effect(effect("doubt", "call:2")).admit().await.expect("admitted"));
    tokio::time::sleep(Duration::from_millis(5)).await;
}

async fn names(store: &dyn AuditStore, query: RequestQuery) -> Vec<&'static str> {
    let page = find_requests(store, &query).await.expect("the store lists streams");
    assert!(page.next.is_none());
    let id = |name: &&&str| named_request(name).uuid();
    let is_found = |name: &&&str| page.requests.iter().any(|found| found.request_id == id(name));
    let found: Vec<_> = NAMES.iter().filter(is_found).copied().collect();
    assert_eq!(found.len(), page.requests.len());
    found
}

fn phone(key: &RedactionKey, phone: &str) -> RequestQuery {
    RequestQuery::new().phone(key, phone).expect("a number")
}

async fn are_found(store: Arc<dyn AuditStore>) {
    let nothing = RequestQuery::new().idempotency_key(&KEY, "message:1");
    assert_eq!(names(&*store, nothing).await, [""; 0], "of an empty database, which has no key");
    recorded(store.clone()).await;
    let all = store;
    let store = &*all;
    let query = RequestQuery::new;
    for spelling in ["+250 788 123 456", "0788-123-456", "tel:+250788123456"] {
        assert_eq!(names(store, phone(&KEY, spelling)).await, ["asked", "bought", "effect"]);
    }
    assert_eq!(names(store, phone(&KEY, "0780 000 201")).await, ["bought", "chosen"]);
    assert_eq!(names(store, phone(&KEY, "0788 123 457")).await, [""; 0]);
    let shown = format!("vendor-{}", KEY.pseudonym("vendor", "shop_volt"));
    for vendor in ["shop_volt", &shown] {
        assert_eq!(names(store, query().vendor(&KEY, vendor)).await, ["bought", "chosen"]);
    }
    assert_eq!(names(store, query().vendor(&KEY, "kiosk")).await, ["effect", "doubt"]);
    assert_eq!(names(store, query().vendor(&KEY, "250780000201")).await, [""; 0]);
    for (key, name) in [
        ("message:1", "asked"),
        ("to:+250788123456:hash:1", "bought"),
        ("call:0788123456", "effect"),
        ("call:2", "doubt"),
    ] {
        assert_eq!(names(store, query().idempotency_key(&KEY, key)).await, [name], "{key}");
    }
    assert_eq!(names(store, query().idempotency_key(&KEY, "message:")).await, [""; 0]);
    assert_eq!(names(store, query().ai_refused()).await, ["denied"]);
    assert_eq!(names(store, query().in_doubt()).await, ["doubt"]);
    // Together, and with what was there before.
    let both = query().in_doubt().idempotency_key(&KEY, "call:2").vendor(&KEY, "kiosk");
    assert_eq!(names(store, both).await, ["doubt"]);
    let both = query().in_doubt().idempotency_key(&KEY, "message:1");
    assert_eq!(names(store, both).await, [""; 0]);
    let chat = phone(&KEY, "0788 123 456").conversation(&named_conversation("chat-1"));
    assert_eq!(names(store, chat).await, ["asked"]);
    assert_eq!(names(store, query().in_doubt().state("handed_off")).await, [""; 0]);
    only_with_the_key(&all).await;
}

async fn only_with_the_key(store: &Arc<dyn AuditStore>) {
    let other = RedactionKey::from_bytes([8; 32]);
    let queries = [
        phone(&other, "0788 123 456"),
        RequestQuery::new().vendor(&other, "shop_volt"),
        RequestQuery::new().idempotency_key(&other, "message:1"),
    ];
    for query in queries {
        let error = find_requests(&**store, &query).await.expect_err("another key");
        assert!(matches!(error, FindError::OtherKey { .. }), "{error:?}");
        assert!(error.to_string().contains(&KEY.fingerprint().to_string()), "{error}");
        let told = format!("{query:?} {error:?} {error}");
        assert!(!told.contains("788") && !told.contains("volt") && !told.contains("message:1"));
    }
    let error = RequestQuery::new().phone(&other, "Marie 0788 123 456").expect_err("no number");
    assert!(!error.to_string().contains("788"), "{error}");
    // A new key keeps the one before it: what was recorded under that is found.
    let rotated = RedactionKey::from_bytes([9; 32]).with_previous([KEY]);
    let auditor = Auditor::builder(store.clone(), rotated.clone()).build();
    let event = about("asked", EventType::REQUEST_STATE_CHANGED, json!({ "to_state": "closed" }));
    auditor.record(event).await.expect("the database takes the new key");
    for (query, name) in [
        (phone(&rotated, "0788 123 456"), "bought"),
        (RequestQuery::new().idempotency_key(&rotated, "to:+250788123456:hash:1"), "bought"),
        (RequestQuery::new().idempotency_key(&rotated, "call:2"), "doubt"),
    ] {
        assert!(names(&**store, query).await.contains(&name));
    }
}

#[tokio::test]
async fn people_keys_and_refusals_are_found_in_memory() {
    are_found(Arc::new(FaultySink::new(Arc::new(MemoryStore::new())))).await;
}

#[tokio::test]
async fn people_keys_and_refusals_are_found_in_sqlite() {
    let fresh = stores::sqlite().await;
    are_found(fresh.store.clone()).await;
}

#[tokio::test]
async fn people_keys_and_refusals_are_found_in_postgres() {
    let fresh = stores::postgres().await;
    are_found(fresh.store.clone()).await;
}
