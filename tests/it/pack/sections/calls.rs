//! Consents and calls: what covers a call, and what stands alone.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use moltbot_audit::testing::SteppedClock;
use moltbot_audit::{AuditEvent, EventId, EventType};
use serde_json::{Value, json};

use super::{event, pack_of, refused};
use crate::pack::{both_packs, story};
use crate::support::forging::ForgingStore;

fn granted(expires_at: &Value) -> AuditEvent {
    let input = json!({ "consent_id": "consent-1", "text": "yego", "expires_at": expires_at });
    event(EventType::CALL_CONSENT_GRANTED, input, json!({}))
}

fn asked() -> AuditEvent {
    event(EventType::CALL_CONSENT_REQUESTED, json!({ "consent_id": "consent-1" }), json!({}))
}

fn call() -> AuditEvent {
    let input = json!({ "consent_id": "consent-1", "attempt_id": "attempt-1" });
    event(EventType::CALL_STARTED, input, json!({}))
}

/// Whether the last call of these events is covered.
async fn covered(events: Vec<AuditEvent>) -> bool {
    let pack = pack_of(events).await;
    pack["call_attempts"]["content"]["attempts"][0]["consent_granted"] == "yes"
}

#[tokio::test]
async fn only_a_grant_that_succeeded_covers_a_call() {
    assert!(covered(vec![asked(), granted(&Value::Null), call()]).await);
    assert!(!covered(vec![asked(), refused(granted(&Value::Null)), call()]).await);
    assert!(!covered(vec![asked(), call(), granted(&Value::Null)]).await);
    let again = vec![asked(), granted(&Value::Null), refused(granted(&Value::Null)), call()];
    assert!(covered(again).await);
    let denied = json!({ "consent_id": "consent-1" });
    let denied = event(EventType::CALL_CONSENT_DENIED, denied, json!({}));
    assert!(!covered(vec![asked(), granted(&Value::Null), denied, call()]).await);
}

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).expect("a time")
}

/// Whether a call is covered that the database records so many seconds after the grant.
async fn covered_after(seconds: u64, grant: AuditEvent, admitted: Option<Value>) -> bool {
    let clock = Arc::new(SteppedClock::new(start()));
    let store = Arc::new(ForgingStore::with_clock(clock.clone()));
    let teller = story::Teller::new(store.clone());
    // Hosts' clocks, which say nothing about a grant.
    teller.tell(grant.at(start() - TimeDelta::days(400))).await;
    clock.advance(Duration::from_secs(seconds));
    let id = EventId::new(start() - TimeDelta::days(400), 7).expect("a time");
    if let Some(lifetime_ms) = admitted {
        let input = json!({
            "effect_id": id.to_string(), "consent_id": "consent-1",
            "consent_lifetime_ms": lifetime_ms,
        });
        teller.tell(event(EventType::EFFECT_ADMITTED, input, json!({}))).await;
        // The call takes a while, and its event follows its end.
        clock.advance(Duration::from_mins(10));
    }
    teller.tell(call().id(id)).await;
    let [pack, _] = both_packs(&*store, &teller.request).await;
    pack["call_attempts"]["content"]["attempts"][0]["consent_granted"] == "yes"
}

#[tokio::test]
async fn a_grant_covers_calls_until_it_lapses_by_the_databases_times() {
    let until = || granted(&json!(start() + TimeDelta::seconds(60)));
    assert!(covered_after(59, until(), None).await);
    assert!(!covered_after(60, until(), None).await);
    // As it was admitted, up to five seconds before that was recorded.
    assert!(covered_after(64, until(), Some(json!(1))).await);
    assert!(!covered_after(65, until(), Some(json!(1))).await);
}

#[tokio::test]
async fn a_grant_that_does_not_say_when_it_lapses_lapses_as_the_admission_says() {
    let grant = || granted(&Value::Null);
    assert!(covered_after(94, grant(), Some(json!(90_000))).await);
    assert!(!covered_after(95, grant(), Some(json!(90_000))).await);
    // A call that no admission is known of: a day, as by default.
    assert!(covered_after(86_399, grant(), None).await);
    assert!(!covered_after(86_400, grant(), None).await);
}

/// Of a request in which a call rests on a grant that lapses then: what both packs say of it.
async fn said_of(expires_at: Value) -> [Value; 2] {
    let store = Arc::new(ForgingStore::default());
    let teller = story::Teller::new(store.clone());
    for event in [asked(), granted(&expires_at), call()] {
        teller.tell(event).await;
    }
    let packs = both_packs(&*store, &teller.request).await;
    packs.map(|pack| pack["call_attempts"]["content"]["attempts"][0]["consent_granted"].clone())
}

#[tokio::test]
async fn both_packs_say_the_same_of_a_consent_whatever_the_form_of_its_end() {
    for (expires_at, said) in [
        (json!("2096-03-02 07:15:00Z"), "yes"),
        (json!("2096-03-02T07:15:00+02:00"), "yes"),
        (json!("2006-03-02 07:15:00Z"), "no"),
        (Value::Null, "yes"),
    ] {
        assert_eq!(said_of(expires_at.clone()).await, [said, said], "{expires_at}");
    }
}

#[tokio::test]
async fn answers_and_reports_that_belong_to_nothing_are_told() {
    let report = json!({ "attempt_id": "attempt-9" });
    let report = event(EventType::CALL_STATUS_UPDATED, report, json!({ "status": "completed" }));
    let alone = pack_of(vec![granted(&Value::Null)]).await;
    assert_eq!(alone["call_attempts"]["status"], "recorded");
    let decision = &alone["call_attempts"]["content"]["unmatched_decisions"][0];
    assert_eq!(
        (&decision["decision"], &decision["consent_id"]),
        (&json!("granted"), &json!("consent-1"))
    );

    let alone = pack_of(vec![report.clone()]).await;
    assert_eq!(alone["call_attempts"]["status"], "recorded");
    let status = &alone["call_attempts"]["content"]["unmatched_statuses"][0];
    assert_eq!(
        (&status["status"], &status["attempt_id"]),
        (&json!("completed"), &json!("attempt-9"))
    );

    let matched = json!({ "attempt_id": "attempt-1" });
    let matched = event(EventType::CALL_STATUS_UPDATED, matched, json!({ "status": "busy" }));
    let pack = pack_of(vec![asked(), granted(&Value::Null), call(), matched, report]).await;
    let calls = &pack["call_attempts"]["content"];
    assert_eq!(calls["consents"][0]["decisions"][0]["decision"], "granted");
    assert_eq!(calls["attempts"][0]["statuses"][0]["status"], "busy");
    assert_eq!(calls["unmatched_decisions"], json!([]));
    assert_eq!(calls["unmatched_statuses"].as_array().map(Vec::len), Some(1));
}
