//! Whether somebody agreed.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use moltbot_audit::event::EventType;
use moltbot_audit::store::admission::{Claim, ConsentClaim, Obstacle};
use moltbot_audit::{Actor, AuditEvent};
use serde_json::json;

use crate::support::claims::{Case, id_at};
use crate::support::records::{event, morning, named_conversation, sealed};

const DAY: Duration = Duration::from_hours(24);

fn call(case: &Case) -> Claim {
    lasting(case, DAY)
}

fn lasting(case: &Case, lifetime: Duration) -> Claim {
    let consent = ConsentClaim { consent_id: "consent-1".to_owned(), lifetime };
    Claim { consent: Some(consent), ..case.claim() }
}

fn consent() -> serde_json::Value {
    json!({ "consent_id": "consent-1" })
}

fn until(lapses_at: DateTime<Utc>) -> serde_json::Value {
    let text = lapses_at.to_rfc3339_opts(SecondsFormat::Micros, true);
    json!({ "consent_id": "consent-1", "expires_at": text })
}

/// The store's time, by the receipt of an event in a stream of its own.
async fn store_time(case: &Case) -> DateTime<Utc> {
    let other = Case::new(case.store.clone());
    other.append(sealed(event(&other.request))).await.recorded_at
}

pub(crate) async fn without_a_grant_there_is_no_consent(case: Case) {
    assert_eq!(case.refusal(&call(&case)).await, Obstacle::NoConsent);
    case.record(EventType::CALL_CONSENT_REQUESTED, morning(), consent()).await;
    assert_eq!(case.refusal(&call(&case)).await, Obstacle::NoConsent);
    case.admit(&case.claim()).await;
}

pub(crate) async fn a_grant_lets_a_call_pass_until_its_default_lifetime_is_over(case: Case) {
    case.record(EventType::CALL_CONSENT_GRANTED, morning(), consent()).await;
    case.admit(&call(&case)).await;
    tokio::time::sleep(Duration::from_millis(60)).await;
    let short = lasting(&case, Duration::from_millis(50));
    assert_eq!(case.refusal(&short).await, Obstacle::ConsentExpired);
    case.admit(&call(&case)).await;
}

pub(crate) async fn a_grant_that_says_when_it_lapses_lapses_then(case: Case) {
    let lapses_at = store_time(&case).await + TimeDelta::seconds(20);
    case.record(EventType::CALL_CONSENT_GRANTED, morning(), until(lapses_at)).await;
    // It says so itself: the lifetime of others does not matter.
    case.admit(&lasting(&case, Duration::ZERO)).await;
    let lapsed = store_time(&case).await - TimeDelta::microseconds(1);
    case.record(EventType::CALL_CONSENT_GRANTED, morning(), until(lapsed)).await;
    assert_eq!(case.refusal(&call(&case)).await, Obstacle::ConsentExpired);
}

pub(crate) async fn no_hosts_clock_ends_or_prolongs_a_grant(case: Case) {
    let hours = |hours| morning() + TimeDelta::hours(hours);
    for (granted, asked) in [(0, 23), (-72_000, 0), (23, -72_000)] {
        let case = Case::new(case.store.clone());
        case.record(EventType::CALL_CONSENT_GRANTED, hours(granted), consent()).await;
        let ask = |claim: Claim| Claim { consent: claim.consent, ..case.claim_at(hours(asked)) };
        case.admit(&ask(call(&case))).await;
        let lapsed = store_time(&case).await - TimeDelta::seconds(1);
        case.record(EventType::CALL_CONSENT_GRANTED, hours(granted), until(lapsed)).await;
        assert_eq!(case.refusal(&ask(call(&case))).await, Obstacle::ConsentExpired);
    }
}

pub(crate) async fn a_grant_without_an_end_holds(case: Case) {
    let input = json!({ "consent_id": "consent-1", "expires_at": null });
    case.record(EventType::CALL_CONSENT_GRANTED, morning(), input).await;
    case.admit(&call(&case)).await;
    let consent = ConsentClaim { consent_id: "consent-1".to_owned(), lifetime: Duration::MAX };
    case.admit(&Claim { consent: Some(consent), ..case.claim() }).await;
}

/// What two streams say within a minute may have been said the other way round.
pub(crate) async fn a_denial_counts_unless_a_grant_elsewhere_is_clearly_younger(case: Case) {
    let conversation = named_conversation(&format!("a conversation of {}", case.request.uuid()));
    let elsewhere = |event_type| {
        let event = AuditEvent::new(event_type, Actor::Client).conversation(&conversation);
        sealed(event.id(id_at(morning())).input(consent()))
    };
    let claim = call(&case);
    let intent = AuditEvent::new(EventType::EFFECT_ADMITTED, Actor::System);
    let intent = intent.request(&case.request).conversation(&conversation).id(id_at(morning()));
    let claim = Claim { intent: sealed(intent), ..claim };
    case.append(elsewhere(EventType::CALL_CONSENT_EXPIRED)).await;
    case.record(EventType::CALL_CONSENT_GRANTED, morning(), consent()).await;
    assert_eq!(case.refusal(&claim).await, Obstacle::ConsentExpired);
    case.append(elsewhere(EventType::CALL_CONSENT_DENIED)).await;
    assert_eq!(case.refusal(&claim).await, Obstacle::ConsentDenied);
    case.record(EventType::CALL_CONSENT_GRANTED, morning(), consent()).await;
    assert_eq!(case.refusal(&claim).await, Obstacle::ConsentDenied);
    // In one stream there is no doubt which came later.
    case.append(elsewhere(EventType::CALL_CONSENT_GRANTED)).await;
    case.admit(&claim).await;
}

pub(crate) async fn the_last_word_counts(case: Case) {
    let words = [
        (EventType::CALL_CONSENT_DENIED, Some(Obstacle::ConsentDenied)),
        (EventType::CALL_CONSENT_GRANTED, None),
        (EventType::CALL_CONSENT_EXPIRED, Some(Obstacle::ConsentExpired)),
        (EventType::CALL_CONSENT_GRANTED, None),
        (EventType::CALL_CONSENT_DENIED, Some(Obstacle::ConsentDenied)),
    ];
    for (word, minutes) in words.into_iter().zip(1..) {
        let (word, obstacle) = word;
        // Newest as the store received them, not as the host dates them: each as earlier than the one before.
        case.record(word, morning() - TimeDelta::minutes(minutes), consent()).await;
        match obstacle {
            Some(obstacle) => assert_eq!(case.refusal(&call(&case)).await, obstacle),
            None => drop(case.admit(&call(&case)).await),
        }
    }
}

pub(crate) async fn a_grant_of_another_consent_or_another_request_is_none(case: Case) {
    let other = Case::new(case.store.clone());
    other.record(EventType::CALL_CONSENT_GRANTED, morning(), consent()).await;
    let input = json!({ "consent_id": "consent-2" });
    case.record(EventType::CALL_CONSENT_GRANTED, morning(), input).await;
    case.record(EventType::CALL_CONSENT_GRANTED, morning(), json!("consent-1")).await;
    assert_eq!(case.refusal(&call(&case)).await, Obstacle::NoConsent);
    case.record(EventType::CALL_CONSENT_GRANTED, morning(), consent()).await;
    let input = json!({ "consent_id": "consent-2" });
    case.record(EventType::CALL_CONSENT_DENIED, morning(), input).await;
    case.admit(&call(&case)).await;
}

pub(crate) async fn a_grant_in_the_conversation_counts_for_the_request(case: Case) {
    let conversation = named_conversation("a conversation");
    let grant = AuditEvent::new(EventType::CALL_CONSENT_GRANTED, Actor::Client);
    let grant = grant.conversation(&conversation).id(id_at(morning())).input(consent());
    case.append(sealed(grant)).await;
    assert_eq!(case.refusal(&call(&case)).await, Obstacle::NoConsent);
    let claim = call(&case);
    let intent = AuditEvent::new(EventType::EFFECT_ADMITTED, Actor::System);
    let intent = intent.request(&case.request).conversation(&conversation).id(id_at(morning()));
    case.admit(&Claim { intent: sealed(intent), ..claim }).await;
}
