//! A trace never makes of one thing two: what is tried again is the same, whatever span it is tried in.

use moltbot_audit::{Actor, AuditEvent, EventType, TraceContext};
use serde_json::json;
use tracing::Instrument;

use super::{host, ids, listen, moltbot_call, request};

#[tokio::test(start_paused = true)]
async fn an_event_with_an_id_of_its_own_is_the_same_in_every_span() {
    let (host, _heard) = (host(), listen());
    let id = host.auditor.event_id().expect("an id");
    let event =
        AuditEvent::new(EventType::REQUEST_CREATED, Actor::System).request(&request()).id(id);
    for name in ["first", "second"] {
        let recording = host.auditor.record(event.clone());
        recording.instrument(tracing::info_span!("webhook", name)).await.expect("the same event");
    }
    let recorded = host.events("request.created");
    assert_eq!(recorded.len(), 1);
    assert_eq!(recorded[0].header().trace_id, None);
}

#[tokio::test(start_paused = true)]
async fn an_effect_is_replayed_in_another_trace() {
    let (host, _heard) = (host(), listen());
    for trace_id in [7, 8] {
        let effect = moltbot_call().idempotency_key("call-1");
        let effect = effect.trace(TraceContext::new(trace_id, 1).expect("not zero"));
        let run = host.auditor.effect(effect).run(async || Ok::<_, String>(json!({ "n": 1 })));
        assert_eq!(run.await.expect("answered"), json!({ "n": 1 }));
    }
    assert_eq!(host.events("moltbot.called").len(), 1);
    assert_eq!(ids(&host.events("effect.replayed")[0]).0, format!("{:032x}", 8));
}

#[tokio::test(start_paused = true)]
async fn an_outcome_recorded_late_in_another_span_is_the_same_outcome() {
    let (host, _heard) = (host(), listen());
    let permit = host.auditor.effect(moltbot_call()).admit().await.expect("admitted");
    host.sink.every_call(moltbot_audit::testing::Fault::not_landed());
    let unrecorded = permit.succeeded(&json!({})).await.expect_err("the store is gone");
    host.sink.heal();
    for name in ["first", "second"] {
        let recording = host.auditor.record((*unrecorded.event).clone());
        recording.instrument(tracing::info_span!("retry", name)).await.expect("recorded");
    }
    let outcomes = host.events("moltbot.called");
    assert_eq!(outcomes.len(), 1);
    assert_eq!(ids(&outcomes[0]), ids(&host.events("effect.admitted")[0]));
}
