//! How long a request may take.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use moltbot_audit::event::{Budget, EventType};
use moltbot_audit::record::Record;
use moltbot_audit::store::admission::{Claim, EarlierEvent, FirstShortlist, Obstacle};
use moltbot_audit::{Actor, AuditEvent, ErrorCode, Outcome};
use serde_json::{Value, json};

use crate::support::claims::{Case, charge, id_at};
use crate::support::records::{event, morning, sealed, stream};

const TEN_MINUTES: Duration = Duration::from_mins(10);

fn after(minutes: i64, micros: i64) -> DateTime<Utc> {
    morning() + TimeDelta::minutes(minutes) + TimeDelta::microseconds(micros)
}

fn timed(case: &Case) -> Claim {
    Claim { elapsed_max: Some(TEN_MINUTES), ..case.claim() }
}

/// Has the store hear of the request from a spool, in which its first event waited for so long.
async fn begin(case: &Case, waited: Duration) {
    let event = AuditEvent::new(EventType::REQUEST_CREATED, Actor::System);
    let record = sealed(event.request(&case.request).id(id_at(morning())));
    case.append(after_a_wait(record, waited)).await;
}

fn after_a_wait(record: Record, waited: Duration) -> Record {
    record.waiting_since(morning(), morning() + waited)
}

fn elapsed(obstacle: Obstacle) -> Duration {
    match obstacle {
        Obstacle::Time { elapsed } => elapsed,
        other => panic!("expected Time, got {other:?}"),
    }
}

pub(crate) async fn the_limit_runs_from_when_the_store_heard_of_the_request(case: Case) {
    begin(&case, Duration::from_mins(5)).await;
    let five = case.admit(&timed(&case)).await.elapsed.expect("it is timed");
    assert!(five >= Duration::from_mins(5) && five < Duration::from_mins(8), "{five:?}");
    let late = Case::new(case.store.clone());
    begin(&late, TEN_MINUTES).await;
    let elapsed = elapsed(late.refusal(&timed(&late)).await);
    assert!(elapsed > TEN_MINUTES && elapsed < Duration::from_mins(13), "{elapsed:?}");
    assert_eq!(late.event_types().await.len(), 1);
}

/// A webhook that comes late is dated by its provider; a host's clock may stand anywhere.
pub(crate) async fn no_hosts_clock_refuses_or_prolongs_anything(case: Case) {
    for first in [morning() - TimeDelta::minutes(15), morning(), morning() + TimeDelta::minutes(11)]
    {
        for then in [-11, 0, 11].map(|minutes| morning() + TimeDelta::minutes(minutes)) {
            let case = Case::new(case.store.clone());
            case.record(EventType::WHATSAPP_INBOUND_RECEIVED, first, json!({})).await;
            let claim = Claim { elapsed_max: Some(TEN_MINUTES), ..case.claim_at(then) };
            let elapsed = case.admit(&claim).await.elapsed.expect("it is timed");
            assert!(elapsed < Duration::from_mins(3), "{first} then {then}: {elapsed:?}");
        }
    }
    // One that is slow gives nobody more time.
    let late = Case::new(case.store.clone());
    begin(&late, TEN_MINUTES).await;
    let slow = morning() - TimeDelta::hours(1);
    let claim = Claim { elapsed_max: Some(TEN_MINUTES), ..late.claim_at(slow) };
    assert!(elapsed(late.refusal(&claim).await) > TEN_MINUTES);
}

/// Of several events that waited, the one that was received first counts, whichever lands first.
pub(crate) async fn the_longest_wait_counts_and_one_that_landed_before_counts_once(case: Case) {
    case.record(EventType::REQUEST_CREATED, morning(), json!({})).await;
    assert!(case.admit(&timed(&case)).await.elapsed.expect("timed") < Duration::from_mins(3));
    let late = || sealed(event(&case.request));
    let batch = [late(), after_a_wait(late(), Duration::from_mins(7)), late()];
    let appended = case.store.append(&batch).await.expect("the batch lands");
    assert!(appended.iter().all(Result::is_ok));
    let seven = case.admit(&timed(&case)).await.elapsed.expect("timed");
    assert!(seven >= Duration::from_mins(7) && seven < TEN_MINUTES, "{seven:?}");
    // A shorter wait, and one that a clock which was set makes absurd.
    case.append(after_a_wait(late(), Duration::from_mins(1))).await;
    case.append(late().waiting_since(morning(), morning() - TimeDelta::days(900))).await;
    let elapsed = case.admit(&timed(&case)).await.elapsed.expect("timed");
    assert!(elapsed >= seven && elapsed < TEN_MINUTES, "{elapsed:?}");
    case.assert_unbroken().await;
}

pub(crate) async fn a_request_without_an_event_has_taken_no_time(case: Case) {
    let claim = Claim { elapsed_max: Some(Duration::ZERO), ..case.claim() };
    assert_eq!(case.admit(&claim).await.elapsed, Some(Duration::ZERO));
}

pub(crate) async fn a_shortlist_ends_the_limit(case: Case) {
    begin(&case, Duration::from_mins(90)).await;
    let late = || timed(&case);
    assert!(elapsed(case.refusal(&late()).await) >= Duration::from_mins(90));
    let other = Case::new(case.store.clone());
    other.record(EventType::SHORTLIST_GENERATED, morning(), json!({})).await;
    case.record(EventType::SHORTLIST_SENT, after(5, 0), json!({})).await;
    let failed = AuditEvent::new(EventType::SHORTLIST_GENERATED, Actor::System)
        .request(&case.request)
        .at(after(5, 0))
        .ended(Outcome::Failed, ErrorCode::EffectFailed);
    case.append(sealed(failed)).await;
    elapsed(case.refusal(&late()).await);
    case.record(EventType::SHORTLIST_GENERATED, after(5, 0), json!({})).await;
    assert_eq!(case.admit(&late()).await.elapsed, None);
}

pub(crate) async fn an_effect_without_a_limit_is_not_timed(case: Case) {
    begin(&case, Duration::from_mins(90)).await;
    assert_eq!(case.admit(&case.claim()).await.elapsed, None);
}

pub(crate) async fn budgets_go_before_time(case: Case) {
    begin(&case, Duration::from_mins(90)).await;
    let full = vec![charge(Budget::TOKENS, 2, 1)];
    let claim = Claim { charges: full, ..timed(&case) };
    assert_eq!(case.refusal(&claim).await, Obstacle::Budget { charge: 0, used: 0 });
    let late = Claim { charges: vec![charge(Budget::TOKENS, 1, 1)], ..timed(&case) };
    assert!(matches!(case.refusal(&late).await, Obstacle::Time { .. }));
    assert_eq!(case.used(&Budget::TOKENS).await, 0, "what is refused takes nothing");
}

pub(crate) async fn the_first_shortlist_is_told_with_its_time_since_the_first_event(case: Case) {
    let first = async || {
        let told = case.admission().first_shortlist(stream(&case.request)).await;
        told.expect("a readable store")
    };
    assert_eq!(first().await, None, "of a request that is not known");
    begin(&case, Duration::from_mins(5)).await;
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
        let FirstShortlist { event_id, after } = first().await.expect("it has one");
        assert_eq!(event_id, shortlists[0].header().id);
        let five = Duration::from_mins(5) + Duration::from_micros(1);
        assert_eq!(after, Some(five), "as the events are dated, whatever they waited");
    }
}

pub(crate) async fn a_shortlist_dated_before_its_requests_first_event_has_no_time(case: Case) {
    begin(&case, Duration::ZERO).await;
    let event = AuditEvent::new(EventType::SHORTLIST_GENERATED, Actor::System);
    case.append(sealed(event.request(&case.request).at(after(-1, 0)))).await;
    let told = case.admission().first_shortlist(stream(&case.request)).await;
    let told = told.expect("a readable store").expect("it has one");
    assert_eq!(told.after, None);
}

pub(crate) async fn a_store_that_is_there_says_that_it_answers(case: Case) {
    assert!(case.admission().is_answering().await);
}

pub(crate) async fn events_before_a_place_are_told_by_their_types_and_in_their_order(case: Case) {
    let asked = [EventType::VENDOR_OUTREACH_SENT, EventType::VENDOR_REPLY_RECORDED];
    let before = async |seq: i64| {
        let told = case.admission().events_before(stream(&case.request), seq, &asked).await;
        told.expect("a readable store")
    };
    assert_eq!(before(1).await, [], "of a request that is not known");
    let record = async |event_type: EventType, input: Value| {
        let event = AuditEvent::new(event_type, Actor::System).request(&case.request).input(input);
        case.append(sealed(event.at(morning()))).await;
    };
    record(EventType::VENDOR_OUTREACH_SENT, json!({ "outreach_id": "m1" })).await;
    record(EventType::REQUEST_CREATED, json!({})).await;
    record(EventType::VENDOR_REPLY_RECORDED, json!({ "outreach_id": "m1" })).await;
    let other = Case::new(case.store.clone());
    other.record(EventType::VENDOR_REPLY_RECORDED, morning(), json!({})).await;
    let told = before(4).await;
    let types: Vec<_> = told.iter().map(|event| event.event_type.as_str()).collect();
    assert_eq!(types, ["vendor.outreach_sent", "vendor.reply_recorded"]);
    assert!(told.iter().all(|event| event.input == json!({ "outreach_id": "m1" })));
    assert!(told.iter().all(|event| event.output.is_null() && event.outcome == "succeeded"));
    assert_eq!(before(3).await.len(), 1, "the place itself is not before it");
    for nth in 0..EarlierEvent::MAX {
        record(EventType::VENDOR_REPLY_RECORDED, json!({ "nth": nth })).await;
    }
    let told = before(i64::MAX).await;
    assert_eq!(told.len(), 500);
    assert_eq!(told.last().expect("the last").input["nth"], 499, "the last of them");
}
