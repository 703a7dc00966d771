//! Consents and calls: what covers a call, and what stands alone.

use moltbot_audit::{AuditEvent, EventType};
use serde_json::{Value, json};

use super::{event, pack_of, refused};

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
    pack["call_attempts"]["content"]["attempts"][0]["consent_granted"] == true
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

#[tokio::test]
async fn a_grant_covers_calls_until_it_lapses() {
    let at = |second: i64| {
        let start = chrono::DateTime::from_timestamp(1_790_000_000, 0).expect("a time");
        start + chrono::TimeDelta::seconds(second)
    };
    let until = json!(at(60));
    let called_at = |second| vec![asked(), granted(&until), call().at(at(second))];
    assert!(covered(called_at(59)).await);
    assert!(!covered(called_at(60)).await);
    assert!(!covered(called_at(61)).await);
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
