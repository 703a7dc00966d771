//! Effects in doubt: found, listed, resolved.

use std::time::Duration;

use moltbot_audit::auditor::{ControlError, Finding};
use moltbot_audit::{Actor, Budget, Effect, EffectError, EventType};
use serde_json::json;
use uuid::Uuid;

use super::{Host, host, ocr_job, request};

/// An effect whose process died: its lease is over.
async fn lost(host: &Host) -> Uuid {
    let permit = host.auditor.effect(ocr_job().idempotency_key("photo-1")).admit().await;
    let permit = permit.expect("admitted");
    let id = permit.effect_id().uuid();
    // As a killed process, which says nothing any more.
    std::mem::forget(permit);
    host.clock.advance(Duration::from_mins(2) + Duration::from_micros(1));
    id
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_over_is_recorded_once_and_the_effect_listed() {
    let host = host();
    let permit = host.auditor.effect(ocr_job()).admit().await.expect("admitted");
    assert!(host.auditor.in_doubt().await.expect("it is up").is_empty(), "it is running");
    permit.succeeded(&json!({})).await.expect("recorded");
    let id = lost(&host).await;
    for _ in 0..2 {
        let doubt = host.auditor.in_doubt().await.expect("the store is up");
        assert_eq!(doubt.len(), 1);
        assert_eq!((doubt[0].effect_id, doubt[0].effect.as_str()), (id, "ocr.job_done"));
        assert_eq!(doubt[0].request_id, Some(request().uuid()));
    }
    let expired = host.events("effect.expired");
    assert_eq!(expired.len(), 1);
    assert_eq!(expired[0].header().request_id, Some(request().uuid()));
    let input = expired[0].input().expect("an input");
    assert_eq!(input["effect_id"], json!(id));
    assert_eq!(input["effect"], "ocr.job_done");
    assert_eq!(host.used(&Budget::OCR_JOBS).await, 2, "the charge stays");
}

#[tokio::test(start_paused = true)]
async fn what_was_performed_stays_charged_and_answers_without_an_output() {
    let host = host();
    let id = lost(&host).await;
    let resolved = host.auditor.resolve(id, Finding::Performed, "aline", "on the bill").await;
    resolved.expect("resolved");
    assert_eq!(host.used(&Budget::OCR_JOBS).await, 1);
    let error = host.auditor.effect(ocr_job().idempotency_key("photo-1"));
    let error = error.run(async || Ok::<u32, String>(1)).await.expect_err("there is no output");
    assert!(matches!(error, EffectError::ReplayUnreadable(_)), "{error:?}");
    let event = &host.events("effect.resolved")[0];
    assert_eq!(event.header().actor, "admin");
    assert_eq!(event.header().request_id, Some(request().uuid()));
    let said = json!({
        "effect_id": id, "effect": "ocr.job_done", "finding": "performed", "reason": "on the bill",
        "by": { "how": "claimed", "who": "aline" },
    });
    assert_eq!(event.input(), Some(said));
}

#[tokio::test(start_paused = true)]
async fn what_was_not_performed_is_given_back_and_may_run() {
    let host = host();
    let id = lost(&host).await;
    host.auditor.in_doubt().await.expect("the store is up");
    let resolved = host.auditor.resolve(id, Finding::NotPerformed, "aline", "not on the bill");
    resolved.await.expect("resolved");
    assert_eq!(host.used(&Budget::OCR_JOBS).await, 0);
    assert!(host.auditor.in_doubt().await.expect("the store is up").is_empty());
    host.run(ocr_job().idempotency_key("photo-1")).await.expect("its key is free");
}

#[tokio::test(start_paused = true)]
async fn only_what_is_in_doubt_can_be_resolved_and_only_by_somebody_for_a_reason() {
    let host = host();
    let permit = host.auditor.effect(ocr_job()).admit().await.expect("admitted");
    let id = permit.effect_id().uuid();
    let resolve = async |id, by, reason| {
        let resolved = host.auditor.resolve(id, Finding::Performed, by, reason).await;
        resolved.expect_err("it is refused")
    };
    let running = resolve(id, "aline", "why").await;
    assert!(matches!(running, ControlError::Running { effect_id, .. } if effect_id == id));
    permit.succeeded(&json!({})).await.expect("recorded");
    for id in [id, Uuid::from_u128(7)] {
        let error = resolve(id, "aline", "why").await;
        assert!(matches!(error, ControlError::NotOpen { effect_id } if effect_id == id));
    }
    let id = lost(&host).await;
    assert!(matches!(resolve(id, " ", "why").await, ControlError::Blank { what: "by" }));
    assert!(matches!(resolve(id, "aline", "").await, ControlError::Blank { what: "reason" }));
    assert!(host.events("effect.resolved").is_empty());
}

#[tokio::test(start_paused = true)]
async fn leases_are_looked_at_without_being_asked_for() {
    let host = host();
    lost(&host).await;
    assert!(host.events("effect.expired").is_empty());
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert_eq!(host.events("effect.expired").len(), 1);
    tokio::time::sleep(Duration::from_secs(90)).await;
    assert_eq!(host.events("effect.expired").len(), 1, "once");
}

#[tokio::test(start_paused = true)]
async fn one_lease_whose_stream_is_locked_does_not_hold_up_the_others() {
    let host = host();
    let id = lost(&host).await;
    let of_nobody = Effect::custom(EventType::DISCOVERY_CALL, Actor::System, json!({}));
    let permit = host.auditor.effect(of_nobody).admit().await.expect("admitted");
    let other_id = permit.effect_id().uuid();
    std::mem::forget(permit);
    host.clock.advance(Duration::from_hours(1));
    host.sink.lock(|record| record.header().request_id == Some(request().uuid()));
    // Listed all the same, with what could not be recorded yet.
    let doubt = host.auditor.in_doubt().await.expect("the store is up");
    assert_eq!(doubt.iter().map(|one| one.effect_id).collect::<Vec<_>>(), [id, other_id]);
    let expired = || -> Vec<_> {
        let events = host.events("effect.expired");
        events.iter().map(|one| one.input().expect("an input")["effect_id"].clone()).collect()
    };
    assert_eq!(expired(), [json!(other_id)]);
    host.sink.heal();
    host.auditor.in_doubt().await.expect("the store is up");
    assert_eq!(expired(), [json!(other_id), json!(id)]);
}

/// More than one page of them.
#[tokio::test(start_paused = true)]
async fn a_thousand_leases_whose_stream_is_locked_do_not_hold_up_the_others() {
    let host = host();
    let effect = |lease| {
        let effect = Effect::custom(EventType::DISCOVERY_CALL, Actor::System, json!({}));
        effect.lease(Duration::from_secs(lease))
    };
    for _ in 0..1_050 {
        let permit = host.auditor.effect(effect(10).request(&request())).admit().await;
        std::mem::forget(permit.expect("admitted"));
    }
    let permit = host.auditor.effect(effect(20)).admit().await.expect("admitted");
    let last_id = permit.effect_id().uuid();
    std::mem::forget(permit);
    host.clock.advance(Duration::from_hours(1));
    host.sink.lock(|record| record.header().request_id == Some(request().uuid()));
    // Each of them is tried again twice.
    tokio::time::sleep(Duration::from_mins(4)).await;
    let expired = host.events("effect.expired");
    assert_eq!(expired.len(), 1);
    assert_eq!(expired[0].input().expect("an input")["effect_id"], json!(last_id));
}
