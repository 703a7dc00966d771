//! How long a request may take.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use moltbot_audit::event::{Budget, EventType};
use moltbot_audit::store::admission::{Claim, FirstShortlist, Obstacle};
use moltbot_audit::{Actor, AuditEvent, ErrorCode, Outcome};
use serde_json::json;

use crate::support::claims::{Case, charge};
use crate::support::records::{morning, sealed, stream};

const TEN_MINUTES: Duration = Duration::from_mins(10);

fn after(minutes: i64, micros: i64) -> DateTime<Utc> {
    morning() + TimeDelta::minutes(minutes) + TimeDelta::microseconds(micros)
}

fn timed(case: &Case, at: DateTime<Utc>) -> Claim {
    Claim { elapsed_max: Some(TEN_MINUTES), ..case.claim_at(at) }
}

async fn begin(case: &Case) {
    case.record(EventType::REQUEST_CREATED, morning(), json!({})).await;
}

pub(crate) async fn ten_minutes_are_admitted_and_a_microsecond_more_is_not(case: Case) {
    begin(&case).await;
    for at in [after(6, -1), after(6, 0), after(10, -1), after(10, 0)] {
        let elapsed = case.admit(&timed(&case, at)).await.elapsed;
        assert_eq!(elapsed, Some((at - morning()).to_std().expect("not negative")));
    }
    let elapsed = TEN_MINUTES + Duration::from_micros(1);
    let refusal = case.refusal(&timed(&case, after(10, 1))).await;
    assert_eq!(refusal, Obstacle::Time { elapsed });
    assert_eq!(case.event_types().await.len(), 5);
}

pub(crate) async fn a_request_without_an_event_has_taken_no_time(case: Case) {
    let claim = Claim { elapsed_max: Some(Duration::ZERO), ..case.claim() };
    assert_eq!(case.admit(&claim).await.elapsed, Some(Duration::ZERO));
}

pub(crate) async fn a_shortlist_ends_the_limit(case: Case) {
    begin(&case).await;
    let late = || timed(&case, after(90, 0));
    let refusal = case.refusal(&late()).await;
    assert_eq!(refusal, Obstacle::Time { elapsed: Duration::from_mins(90) });
    let other = Case::new(case.store.clone());
    other.record(EventType::SHORTLIST_GENERATED, morning(), json!({})).await;
    case.record(EventType::SHORTLIST_SENT, after(5, 0), json!({})).await;
    let failed = AuditEvent::new(EventType::SHORTLIST_GENERATED, Actor::System)
        .request(&case.request)
        .at(after(5, 0))
        .ended(Outcome::Failed, ErrorCode::EffectFailed);
    case.append(sealed(failed)).await;
    assert_eq!(case.refusal(&late()).await, refusal);
    case.record(EventType::SHORTLIST_GENERATED, after(5, 0), json!({})).await;
    assert_eq!(case.admit(&late()).await.elapsed, None);
}

pub(crate) async fn an_effect_without_a_limit_is_not_timed(case: Case) {
    begin(&case).await;
    assert_eq!(case.admit(&case.claim_at(after(90, 0))).await.elapsed, None);
}

pub(crate) async fn a_clock_that_went_back_takes_no_time_below_zero(case: Case) {
    begin(&case).await;
    let elapsed = case.admit(&timed(&case, after(-60, 0))).await.elapsed.expect("it is timed");
    // By the database's clock, which went on.
    assert!(elapsed < TEN_MINUTES, "{elapsed:?}");
}

pub(crate) async fn budgets_go_before_time(case: Case) {
    begin(&case).await;
    let full = vec![charge(Budget::TOKENS, 2, 1)];
    let claim = Claim { charges: full, ..timed(&case, after(90, 0)) };
    assert_eq!(case.refusal(&claim).await, Obstacle::Budget { charge: 0, used: 0 });
    let late = Claim { charges: vec![charge(Budget::TOKENS, 1, 1)], ..timed(&case, after(90, 0)) };
    assert!(matches!(case.refusal(&late).await, Obstacle::Time { .. }));
    assert_eq!(case.used(&Budget::TOKENS).await, 0, "what is refused takes nothing");
}

pub(crate) async fn the_first_shortlist_is_told_with_its_time_since_the_first_event(case: Case) {
    let first = async || {
        let told = case.admission().first_shortlist(stream(&case.request)).await;
        told.expect("a readable store")
    };
    assert_eq!(first().await, None, "of a request that is not known");
    begin(&case).await;
    let other = Case::new(case.store.clone());
    other.record(EventType::SHORTLIST_GENERATED, morning(), json!({})).await;
    assert_eq!(first().await, None, "of a request that has none");
    let failed = AuditEvent::new(EventType::SHORTLIST_GENERATED, Actor::System)
        .request(&case.request)
        .at(after(1, 0))
        .ended(Outcome::Failed, ErrorCode::EffectFailed);
    case.append(sealed(failed)).await;
    assert_eq!(first().await, None, "one that failed is none");
    let shortlists = [after(5, 1), after(4, 0)].map(|at| {
        let event = AuditEvent::new(EventType::SHORTLIST_GENERATED, Actor::System);
        sealed(event.request(&case.request).at(at))
    });
    for shortlist in &shortlists {
        case.append(shortlist.clone()).await;
        let expected = FirstShortlist {
            event_id: shortlists[0].header().id,
            after: Duration::from_micros(300_000_001),
        };
        assert_eq!(first().await, Some(expected));
    }
}
