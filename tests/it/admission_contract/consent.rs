//! Whether somebody agreed.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use moltbot_audit::event::EventType;
use moltbot_audit::store::admission::{Claim, ConsentClaim, Obstacle};
use moltbot_audit::{Actor, AuditEvent};
use serde_json::json;

use crate::support::claims::{Case, id_at};
use crate::support::records::{named_conversation, sealed};

const DAY: Duration = Duration::from_hours(24);

/// A day that no machine's clock has reached: what lapses is judged by the host's times.
fn later() -> DateTime<Utc> {
    DateTime::from_timestamp_micros(4_000_000_000_000_000).expect("a time in 2096")
}

fn call_at(case: &Case, at: DateTime<Utc>) -> Claim {
    let consent = ConsentClaim { consent_id: "consent-1".to_owned(), lifetime: DAY };
    Claim { consent: Some(consent), ..case.claim_at(at) }
}

fn consent() -> serde_json::Value {
    json!({ "consent_id": "consent-1" })
}

pub(crate) async fn without_a_grant_there_is_no_consent(case: Case) {
    assert_eq!(case.refusal(&call_at(&case, later())).await, Obstacle::NoConsent);
    case.record(EventType::CALL_CONSENT_REQUESTED, later(), consent()).await;
    assert_eq!(case.refusal(&call_at(&case, later())).await, Obstacle::NoConsent);
    case.admit(&case.claim()).await;
}

pub(crate) async fn a_grant_lets_a_call_pass_until_its_default_lifetime_is_over(case: Case) {
    case.record(EventType::CALL_CONSENT_GRANTED, later(), consent()).await;
    let after = |micros| later() + TimeDelta::days(1) + TimeDelta::microseconds(micros);
    case.admit(&call_at(&case, later())).await;
    case.admit(&call_at(&case, after(-1))).await;
    assert_eq!(case.refusal(&call_at(&case, after(0))).await, Obstacle::ConsentExpired);
    // A host whose clock is years behind means the same span.
    let other = Case::new(case.store.clone());
    let long_ago = DateTime::from_timestamp_micros(1_600_000_000_000_000).expect("in 2020");
    other.record(EventType::CALL_CONSENT_GRANTED, long_ago, consent()).await;
    other.admit(&call_at(&other, long_ago)).await;
}

pub(crate) async fn a_grant_lapses_by_the_stores_clock_where_the_hosts_stands_still(case: Case) {
    let lapses_at = later() + TimeDelta::milliseconds(50);
    let text = lapses_at.to_rfc3339_opts(SecondsFormat::Micros, true);
    let input = json!({ "consent_id": "consent-1", "expires_at": text });
    case.record(EventType::CALL_CONSENT_GRANTED, later(), input).await;
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(case.refusal(&call_at(&case, later())).await, Obstacle::ConsentExpired);
}

pub(crate) async fn a_grant_that_says_when_it_lapses_lapses_then(case: Case) {
    let lapses_at = later() + TimeDelta::days(40);
    let text = lapses_at.to_rfc3339_opts(SecondsFormat::Micros, true);
    let input = json!({ "consent_id": "consent-1", "expires_at": text });
    case.record(EventType::CALL_CONSENT_GRANTED, later(), input).await;
    case.admit(&call_at(&case, lapses_at - TimeDelta::microseconds(1))).await;
    assert_eq!(case.refusal(&call_at(&case, lapses_at)).await, Obstacle::ConsentExpired);
}

pub(crate) async fn a_grant_that_says_no_time_is_no_grant(case: Case) {
    for expires_at in [json!("soon"), json!(0), json!(["2099-01-01T00:00:00Z"])] {
        let input = json!({ "consent_id": "consent-1", "expires_at": expires_at });
        case.record(EventType::CALL_CONSENT_GRANTED, later(), input).await;
        assert_eq!(case.refusal(&call_at(&case, later())).await, Obstacle::ConsentExpired);
    }
    let input = json!({ "consent_id": "consent-1", "expires_at": null });
    case.record(EventType::CALL_CONSENT_GRANTED, later(), input).await;
    case.admit(&call_at(&case, later())).await;
}

pub(crate) async fn the_last_word_counts(case: Case) {
    let words = [
        (EventType::CALL_CONSENT_DENIED, Some(Obstacle::ConsentDenied)),
        (EventType::CALL_CONSENT_GRANTED, None),
        (EventType::CALL_CONSENT_EXPIRED, Some(Obstacle::ConsentExpired)),
        (EventType::CALL_CONSENT_GRANTED, None),
        (EventType::CALL_CONSENT_DENIED, Some(Obstacle::ConsentDenied)),
    ];
    for (word, obstacle) in words {
        // Newest as the store received them, not as the host dates them.
        case.record(word, later(), consent()).await;
        match obstacle {
            Some(obstacle) => assert_eq!(case.refusal(&call_at(&case, later())).await, obstacle),
            None => drop(case.admit(&call_at(&case, later())).await),
        }
    }
}

pub(crate) async fn a_grant_of_another_consent_or_another_request_is_none(case: Case) {
    let other = Case::new(case.store.clone());
    other.record(EventType::CALL_CONSENT_GRANTED, later(), consent()).await;
    let input = json!({ "consent_id": "consent-2" });
    case.record(EventType::CALL_CONSENT_GRANTED, later(), input).await;
    case.record(EventType::CALL_CONSENT_GRANTED, later(), json!({ "consent_id": 1 })).await;
    case.record(EventType::CALL_CONSENT_GRANTED, later(), json!("consent-1")).await;
    assert_eq!(case.refusal(&call_at(&case, later())).await, Obstacle::NoConsent);
    case.record(EventType::CALL_CONSENT_GRANTED, later(), consent()).await;
    let input = json!({ "consent_id": "consent-2" });
    case.record(EventType::CALL_CONSENT_DENIED, later(), input).await;
    case.admit(&call_at(&case, later())).await;
}

pub(crate) async fn a_grant_in_the_conversation_counts_for_the_request(case: Case) {
    let conversation = named_conversation("a conversation");
    let grant = AuditEvent::new(EventType::CALL_CONSENT_GRANTED, Actor::Client);
    let grant = grant.conversation(&conversation).id(id_at(later())).input(consent());
    case.append(sealed(grant)).await;
    assert_eq!(case.refusal(&call_at(&case, later())).await, Obstacle::NoConsent);
    let claim = call_at(&case, later());
    let intent = AuditEvent::new(EventType::EFFECT_ADMITTED, Actor::System);
    let intent = intent.request(&case.request).conversation(&conversation).id(id_at(later()));
    case.admit(&Claim { intent: sealed(intent), ..claim }).await;
}
