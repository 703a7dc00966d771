//! Where nobody listens, events have their ids all the same.

use std::sync::Mutex;

use moltbot_audit::event::payload::OutboundInput;
use moltbot_audit::observe::current_trace;
use moltbot_audit::redact::find;
use moltbot_audit::{Actor, AuditEvent, Effect, EventType, TraceContext};
use serde_json::json;

use super::super::lines::logged;
use super::{SPAN, TRACE, host, ids, moltbot_call, request};

#[tokio::test(start_paused = true)]
async fn an_effect_without_a_trace_begins_one() {
    let host = host();
    for _ in 0..2 {
        let run = host.auditor.effect(moltbot_call()).run(async || Ok::<_, String>(json!({})));
        run.await.expect("it runs");
    }
    let [first, second] = [0, 1].map(|index| ids(&host.events("moltbot.called")[index]));
    assert_eq!(ids(&host.events("effect.admitted")[0]), first);
    assert_ne!(first.0, second.0, "two effects, two traces");
    assert_ne!(first.1, second.1);
    assert!(first.0.len() == 32 && first.1.len() == 16, "{first:?}");
}

#[tokio::test(start_paused = true)]
async fn an_effect_is_a_span_of_its_own_in_the_hosts_trace() {
    let host = host();
    let header = format!("00-{TRACE}-{SPAN}-03");
    let trace = TraceContext::from_traceparent(&header).expect("a valid header");
    let effect = host.auditor.effect(moltbot_call().trace(trace));
    let permit = effect.admit().await.expect("admitted");
    let outgoing = permit.traceparent();
    permit.succeeded(&json!({})).await.expect("recorded");
    let (trace_id, span_id) = ids(&host.events("moltbot.called")[0]);
    assert_eq!(trace_id, TRACE);
    assert_ne!(span_id, SPAN);
    assert_eq!(outgoing, format!("00-{TRACE}-{span_id}-03"), "the flags are the host's");
}

#[tokio::test(start_paused = true)]
async fn the_same_try_has_the_same_ids() {
    let id = host().auditor.event_id().expect("an id");
    let mut seen = Vec::new();
    for _ in 0..2 {
        let host = host();
        let permit = host.auditor.effect(moltbot_call().id(id)).admit().await.expect("admitted");
        seen.push(permit.trace());
        permit.succeeded(&json!({})).await.expect("recorded");
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test(start_paused = true)]
async fn what_happens_inside_an_effect_is_in_its_trace() {
    let host = host();
    let event = || AuditEvent::new(EventType::REQUEST_CREATED, Actor::System).request(&request());
    let run = host.auditor.effect(moltbot_call()).run(async || {
        host.auditor.record(event()).await.map_err(|error| error.to_string())?;
        let inner = host.auditor.effect(moltbot_call()).admit().await;
        let inner = inner.map_err(|error| error.to_string())?;
        inner.succeeded(&json!({ "is": "inner" })).await.map_err(|error| error.to_string())?;
        Ok::<_, String>(
            json!({ "is": "outer", "header": current_trace().map(TraceContext::traceparent) }),
        )
    });
    let output = run.await.expect("it runs");
    let outcomes = host.events("moltbot.called");
    let of = |name| outcomes.iter().find(|one| one.output().is_some_and(|out| out["is"] == name));
    let (inner, outer) = (ids(of("inner").expect("recorded")), ids(of("outer").expect("recorded")));
    assert_eq!(inner.0, outer.0, "one trace");
    assert_ne!(inner.1, outer.1, "two spans");
    assert_eq!(ids(&host.events("request.created")[0]), outer);
    assert_eq!(output["header"], format!("00-{}-{}-00", outer.0, outer.1));
    assert_eq!(current_trace(), None, "outside there is none");
}

#[test]
fn a_line_logged_inside_an_effect_has_the_ids_of_its_events() {
    let seen = Mutex::new(None);
    let lines = logged(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let host = host();
            let run = host.auditor.effect(moltbot_call()).run(async || {
                tracing::info!("inside");
                Ok::<_, String>(json!({}))
            });
            run.await.expect("it runs");
            *seen.lock().expect("nobody panics") = Some(ids(&host.events("moltbot.called")[0]));
        });
    });
    let inside = lines.iter().find(|line| line.text("message") == "inside").expect("a line");
    let shown = (inside.text("trace_id"), inside.text("span_id"));
    assert_eq!(Some(shown), seen.into_inner().expect("nobody panics"));
}

#[tokio::test(start_paused = true)]
async fn no_id_of_ours_looks_like_personal_data() {
    let host = host();
    for _ in 0..2000 {
        let effect = Effect::message(&OutboundInput::default());
        let permit = host.auditor.effect(effect).admit().await.expect("admitted");
        let trace = permit.trace();
        for text in [trace.traceparent(), trace.span_id().to_string()] {
            assert_eq!(find(&text), [], "{text}");
        }
        permit.succeeded(&json!({})).await.expect("recorded");
    }
}

#[test]
fn flags_that_are_not_known_are_not_sent_on() {
    let trace = TraceContext::from_traceparent(&format!("00-{TRACE}-{SPAN}-ff"));
    assert_eq!(trace.expect("valid").traceparent(), format!("00-{TRACE}-{SPAN}-03"));
    let own = TraceContext::new(1, 2).expect("not zero");
    assert_eq!(own.flags(), 0);
    assert_eq!(own.with_flags(1).traceparent(), format!("00-{:032x}-{:016x}-01", 1, 2));
}
