//! Permits: what they say of themselves, and what is left of one that is dropped.

use std::time::Duration;

use moltbot_audit::testing::Fault;
use moltbot_audit::{Budget, RecordError};
use serde_json::json;

use super::{host, moltbot_call, ocr_job};

#[tokio::test(start_paused = true)]
async fn a_permit_names_its_effect_and_records_what_came_of_it() {
    let host = host();
    let id = host.auditor.event_id().expect("an id");
    let permit = host.auditor.effect(moltbot_call().id(id)).admit().await.expect("admitted");
    assert_eq!(permit.effect_id(), id);
    let intent = permit.intent().receipt().copied().expect("the store is up");
    assert_eq!(intent.event_id, host.events("effect.admitted")[0].header().id);
    host.clock.advance(Duration::from_millis(700));
    let recorded = permit.succeeded(&json!({ "action": null })).await.expect("recorded");
    assert_eq!(recorded.event_id(), id.uuid());
    let outcome = &host.events("moltbot.called")[0];
    assert_eq!(outcome.header().duration_ms, Some(700));
    assert!(host.auditor.in_doubt().await.expect("the store is up").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_permit_leaves_its_effect_in_doubt_and_its_charge_held() {
    let host = host();
    drop(host.auditor.effect(ocr_job()).admit().await.expect("admitted"));
    let outcome = host.settled("ocr.job_done", 1).await;
    assert_eq!(outcome[0].header().outcome, "cancelled");
    let doubt = host.auditor.in_doubt().await.expect("the store is up");
    assert_eq!(doubt.len(), 1);
    assert_eq!(doubt[0].effect_id, outcome[0].header().id);
    assert_eq!(host.used(&Budget::OCR_JOBS).await, 1);
}

#[tokio::test(start_paused = true)]
async fn whoever_gives_up_before_the_answer_leaves_nothing_behind() {
    let host = host();
    host.sink.every_call(Fault::slow(Duration::from_millis(40)));
    let admit = host.auditor.effect(ocr_job()).admit();
    assert!(tokio::time::timeout(Duration::from_millis(5), admit).await.is_err());
    let outcome = host.settled("ocr.job_failed", 1).await;
    assert_eq!(outcome[0].header().error_code.as_deref(), Some("not_performed"));
    assert_eq!(host.used(&Budget::OCR_JOBS).await, 0);
    assert!(host.auditor.in_doubt().await.expect("the store is up").is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_outcome_recorded_later_settles_its_effect() {
    let host = host();
    let permit = host.auditor.effect(ocr_job()).admit().await.expect("admitted");
    host.sink.every_call(Fault::not_landed());
    let unrecorded = permit.failed(&"blurred").await.expect_err("the store is down");
    assert!(matches!(unrecorded.source, RecordError::Write(_)));
    host.sink.heal();
    host.auditor.record(*unrecorded.event).await.expect("the store is up again");
    host.clock.advance(Duration::from_hours(1));
    assert!(host.auditor.in_doubt().await.expect("the store is up").is_empty());
    assert_eq!(host.events("ocr.job_failed").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn after_a_shutdown_nothing_is_admitted() {
    let host = host();
    host.auditor.shutdown(Duration::from_secs(1)).await.expect("nothing is left");
    let error = host.auditor.effect(ocr_job()).admit().await.expect_err("it was shut down");
    assert!(matches!(error, moltbot_audit::AdmitError::NotRun(_)), "{error:?}");
    assert!(host.store().is_empty());
}
