//! Parents, children, and the ids by which one gets from a span to its events and back.

use std::sync::Arc;

use moltbot_audit::event::payload::{BatchInput, OutreachInput};
use moltbot_audit::observe::current_trace;
use moltbot_audit::pack::export_request_pack;
use moltbot_audit::redact::Profile;
use moltbot_audit::{Actor, AuditEvent, Effect, EventType, TraceContext};
use opentelemetry::trace::SpanId;
use serde_json::{Value, json};
use tokio::sync::Barrier;
use tracing::Instrument;

use super::{Heard, SPAN, TRACE, given, host, ids, listen, moltbot_call, request};

fn of_host() -> TraceContext {
    let header = format!("00-{TRACE}-{SPAN}-01");
    TraceContext::from_traceparent(&header).expect("a valid header")
}

#[tokio::test(start_paused = true)]
async fn the_ids_are_the_same_in_span_events_and_pack() {
    let (host, heard) = (host(), listen());
    let run = host.auditor.effect(moltbot_call()).run(async || Ok::<_, String>(json!({})));
    run.await.expect("it runs");
    let given = given(&heard.only());
    assert_eq!(ids(&host.events("effect.admitted")[0]), given);
    assert_eq!(ids(&host.events("moltbot.called")[0]), given);
    let store = host.sink.inner();
    let pack = export_request_pack(&**store, &request(), &Profile::internal()).await;
    let pack: Value = serde_json::from_str(&pack.expect("a pack").to_json_pretty()).expect("JSON");
    let events = pack["events"].as_array().expect("events");
    assert_eq!(events.len(), 2);
    for event in events {
        let shown = |name| event["header"][name].as_str().expect("an id").to_owned();
        assert_eq!((shown("trace_id"), shown("span_id")), given);
    }
}

#[tokio::test(start_paused = true)]
async fn the_hosts_traceparent_is_the_parent_and_its_trace_goes_on() {
    let (host, heard) = (host(), listen());
    let effect = moltbot_call().trace(of_host());
    let permit = host.auditor.effect(effect).admit().await.expect("admitted");
    let outgoing = permit.traceparent();
    permit.succeeded(&json!({})).await.expect("recorded");
    let span = heard.only();
    assert_eq!(span.parent_span_id.to_string(), SPAN);
    assert!(span.parent_span_is_remote);
    let (trace_id, span_id) = given(&span);
    assert_eq!(trace_id, TRACE);
    assert_ne!(span_id, SPAN);
    assert_eq!(outgoing, format!("00-{TRACE}-{span_id}-01"));
    assert_eq!(ids(&host.events("moltbot.called")[0]), (trace_id, span_id));
}

#[tokio::test(start_paused = true)]
async fn spans_of_the_host_are_parents_and_children_of_the_effects() {
    let (host, heard) = (host(), listen());
    let call = async || {
        tracing::info_span!("http").in_scope(|| ());
        Ok::<_, String>(json!({}))
    };
    let effect = host.auditor.effect(moltbot_call());
    effect.run(call).instrument(tracing::info_span!("webhook")).await.expect("it runs");
    let [webhook, effect, http] = ["webhook", "chat m-1", "http"].map(|name| heard.named(name));
    assert_eq!(webhook.parent_span_id, SpanId::INVALID);
    assert_eq!(effect.parent_span_id, webhook.span_context.span_id());
    assert_eq!(http.parent_span_id, effect.span_context.span_id());
    assert_eq!(http.span_context.trace_id(), webhook.span_context.trace_id());
}

#[tokio::test(start_paused = true)]
async fn a_host_that_performs_elsewhere_enters_the_permits_span() {
    let (host, heard) = (host(), listen());
    let permit = host.auditor.effect(moltbot_call()).admit().await.expect("admitted");
    permit.span().in_scope(|| tracing::info_span!("elsewhere").in_scope(|| ()));
    assert_eq!(heard.spans().len(), 1, "the effect's span is open until its outcome");
    permit.succeeded(&json!({})).await.expect("recorded");
    let elsewhere = heard.named("elsewhere");
    assert_eq!(elsewhere.parent_span_id, heard.named("chat m-1").span_context.span_id());
}

#[tokio::test(start_paused = true)]
async fn effects_inside_a_batch_are_its_children() {
    let (host, heard) = (host(), listen());
    let input = BatchInput { vendor_ids: vec!["v-1".into()], ..Default::default() };
    let batch = Effect::vendor_batch(&input).request(&request());
    let run = host.auditor.effect(batch).run(async || {
        let message = Effect::vendor_message(&OutreachInput::default()).request(&request());
        host.auditor.effect(message).run(async || Ok::<_, String>(json!({}))).await.ok();
        Ok::<_, String>(json!({}))
    });
    run.await.expect("it runs");
    let (batch, message) = (heard.named("vendor_batch"), heard.named("vendor_message"));
    assert_eq!(message.parent_span_id, batch.span_context.span_id());
    assert_eq!(ids(&host.events("vendor.outreach_sent")[0]), given(&message));
}

async fn run_with(host: &super::Host, key: &str, barrier: Arc<Barrier>) {
    let effect = moltbot_call().idempotency_key(key);
    let run = host.auditor.effect(effect).run(async || {
        barrier.wait().await;
        tracing::info_span!("http", "otel.name" = format!("http {key}")).in_scope(|| ());
        barrier.wait().await;
        Ok::<_, String>(json!({ "trace": current_trace().map(TraceContext::traceparent) }))
    });
    run.await.expect("it runs");
}

fn of_key(heard: &Heard, key: &str) -> opentelemetry_sdk::trace::SpanData {
    let is_it = |span: &opentelemetry_sdk::trace::SpanData| {
        super::attributes(span).get("idempotency_key").is_some_and(|value| value == key)
    };
    heard.spans().into_iter().find(is_it).expect("a span")
}

#[tokio::test(start_paused = true)]
async fn two_effects_at_once_do_not_mix() {
    let (host, heard) = (host(), listen());
    let barrier = Arc::new(Barrier::new(2));
    tokio::join!(run_with(&host, "a", barrier.clone()), run_with(&host, "b", barrier));
    let mut seen = Vec::new();
    for key in ["a", "b"] {
        let span = of_key(&heard, key);
        let http = heard.named(&format!("http {key}"));
        assert_eq!(http.parent_span_id, span.span_context.span_id());
        let outcomes = host.events("moltbot.called");
        let mut outcomes = outcomes.iter();
        let outcome = outcomes.find(|record| record.idempotency_key() == Some(key));
        let outcome = outcome.expect("an outcome");
        assert_eq!(ids(outcome), given(&span));
        // Where it was, when it waited for the other.
        let (trace_id, span_id) = given(&span);
        let inside = json!({ "trace": format!("00-{trace_id}-{span_id}-01") });
        assert_eq!(outcome.output(), Some(inside));
        seen.push(trace_id);
    }
    assert_ne!(seen[0], seen[1]);
}

#[tokio::test(start_paused = true)]
async fn an_event_recorded_inside_takes_the_spans_ids() {
    let (host, heard) = (host(), listen());
    let event = || AuditEvent::new(EventType::REQUEST_CREATED, Actor::System).request(&request());
    let run = host.auditor.effect(moltbot_call()).run(async || {
        host.auditor.record(event()).await.map_err(|error| error.to_string())?;
        host.auditor.record(event().trace(of_host())).await.map_err(|error| error.to_string())?;
        Ok::<_, String>(json!({}))
    });
    run.await.expect("it runs");
    host.auditor.record(event()).await.expect("recorded");
    let recorded = host.events("request.created");
    assert_eq!(ids(&recorded[0]), given(&heard.only()));
    assert_eq!(ids(&recorded[1]), (TRACE.to_owned(), SPAN.to_owned()), "what the host says holds");
    assert_eq!(recorded[2].header().trace_id, None, "outside there is none");
}

#[tokio::test(start_paused = true)]
async fn an_event_recorded_in_a_span_of_the_host_takes_its_ids() {
    let (host, heard) = (host(), listen());
    let event = AuditEvent::new(EventType::REQUEST_CREATED, Actor::System).request(&request());
    let recording = host.auditor.record(event).instrument(tracing::info_span!("webhook"));
    recording.await.expect("recorded");
    assert_eq!(ids(&host.events("request.created")[0]), given(&heard.named("webhook")));
}
