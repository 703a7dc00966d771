//! A clock that is set forward and back, and what must not care.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use moltbot_audit::auditor::Clock;
use moltbot_audit::event::payload::OutboundInput;
use moltbot_audit::pack::{export_request_pack, verify_request_pack};
use moltbot_audit::redact::Profile;
use moltbot_audit::testing::{MemoryStore, SteppedClock};
use moltbot_audit::{Actor, AuditEvent, Auditor, Effect, EventType};
use serde_json::{Value, json};

use crate::support::records::{KEY, assert_unbroken, fresh_request, morning, stream};
use crate::support::stores::{self, Fresh};

#[test]
fn advancing_moves_both_times_and_a_step_the_time_of_day_alone() {
    let clock = SteppedClock::new(morning());
    assert_eq!((clock.now(), clock.monotonic()), (morning(), Duration::ZERO));
    clock.advance(Duration::from_millis(1_500));
    clock.step(TimeDelta::hours(1));
    clock.step(TimeDelta::hours(-3));
    clock.advance(Duration::from_millis(500));
    assert_eq!(clock.now(), morning() + TimeDelta::seconds(2) - TimeDelta::hours(2));
    assert_eq!(clock.monotonic(), Duration::from_secs(2));
}

#[test]
fn at_the_ends_of_time_the_clock_stands() {
    let clock = SteppedClock::new(morning());
    clock.step(TimeDelta::MIN);
    assert_eq!(clock.now(), DateTime::<Utc>::MIN_UTC);
    clock.step(TimeDelta::MAX);
    clock.advance(Duration::MAX);
    clock.advance(Duration::MAX);
    assert_eq!((clock.now(), clock.monotonic()), (DateTime::<Utc>::MAX_UTC, Duration::MAX));
}

/// Tells a story during which the clock is set back twice and forward once, the last time while a
/// call is under way.
async fn order_and_durations_hold(fresh: Fresh) {
    let clock = Arc::new(SteppedClock::new(morning()));
    let auditor = Auditor::builder(fresh.store.clone(), KEY).clock(clock.clone()).build();
    let request = fresh_request();
    let mut told = Vec::new();
    for step in [TimeDelta::zero(), TimeDelta::hours(-1), TimeDelta::hours(2)] {
        clock.step(step);
        clock.advance(Duration::from_secs(1));
        let event = AuditEvent::new(EventType::REQUEST_CREATED, Actor::System).request(&request);
        told.push(auditor.record(event).await.expect("it is recorded").event_id());
    }
    // A message: a request that seems to have lasted for hours is refused what has a budget.
    let call = auditor.effect(Effect::message(&OutboundInput::default()).request(&request));
    let answer = call.run(async || {
        clock.advance(Duration::from_millis(250));
        clock.step(TimeDelta::hours(-1));
        Ok::<Value, String>(json!({ "action": { "type": "ask_client" } }))
    });
    answer.await.expect("the call succeeds");

    let snapshot = fresh.store.read_stream(stream(&request)).await.expect("a readable stream");
    let snapshot = snapshot.expect("events");
    assert_unbroken(&snapshot);
    let ids: Vec<_> = snapshot.records.iter().map(|stored| stored.header.id).collect();
    assert_eq!(ids[..3], told, "in the order in which they were told");
    assert_eq!(snapshot.records[3].header.event_type, "effect.admitted");
    assert_eq!(snapshot.records[4].header.duration_ms, Some(250));
    let day = |n: usize| snapshot.records[n].header.created_at - morning();
    assert_eq!(day(1), TimeDelta::seconds(2) - TimeDelta::hours(1), "and the jump is on record");
    assert!(snapshot.records.is_sorted_by_key(|stored| stored.recorded_at));

    let pack = export_request_pack(&*fresh.store, &request, &Profile::external(&KEY)).await;
    let pack = pack.expect("a pack").to_json_pretty();
    assert_eq!(verify_request_pack(pack.as_bytes()).expect("it verifies").events(), 5);
    drop(fresh.keep);
}

#[tokio::test]
async fn a_clock_set_back_an_hour_changes_neither_order_nor_durations() {
    order_and_durations_hold(stores::memory().await).await;
    order_and_durations_hold(stores::sqlite().await).await;
    order_and_durations_hold(stores::postgres().await).await;
}

#[tokio::test]
async fn a_clock_that_was_set_is_an_event_that_says_by_how_much() {
    let clock = Arc::new(SteppedClock::new(morning()));
    let store = Arc::new(MemoryStore::new());
    let auditor = Auditor::builder(store.clone(), KEY).clock(clock.clone()).build();
    // The last is what a clock does that is slewed into place.
    for step in
        [TimeDelta::zero(), TimeDelta::hours(-1), TimeDelta::minutes(2), TimeDelta::seconds(2)]
    {
        clock.advance(Duration::from_mins(10));
        clock.step(step);
        let event = AuditEvent::new(EventType::CALL_STARTED, Actor::System);
        auditor.record(event).await.expect("it is recorded");
    }
    auditor.shutdown(Duration::from_secs(10)).await.expect("all is written");
    let records = store.records();
    let stepped = records.iter().filter(|one| one.header().event_type == "audit.clock_stepped");
    let steps: Vec<_> =
        stepped.map(|one| one.output().expect("a step")["step_ms"].clone()).collect();
    assert_eq!(steps, [-3_600_000, 120_000]);
}
