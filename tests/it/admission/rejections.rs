//! Outputs of Moltbot that are rejected in a row stop the AI for their request.

use moltbot_audit::event::SwitchScope;
use moltbot_audit::policy::{Limits, RefusalReason};
use moltbot_audit::{Actor, AuditEvent, Budget, ErrorCode, EventId, EventType, Outcome, Switch};
use serde_json::json;

use super::{Host, host, host_with, moltbot_call, request};
use crate::support::records::named_request;

/// A call that succeeds; its event.
async fn call(host: &Host) -> EventId {
    let id = host.auditor.event_id().expect("an id");
    host.run(moltbot_call().id(id)).await.expect("the AI is on");
    id
}

async fn judge(host: &Host, event_type: EventType, call: Option<EventId>) {
    let event = AuditEvent::new(event_type.clone(), Actor::System).request(&request());
    let event = match call {
        Some(call) => event.input(json!({ "moltbot_event_id": call })),
        None => event,
    };
    let rejected = event_type != EventType::MOLTBOT_OUTPUT_ACCEPTED;
    let event =
        if rejected { event.ended(Outcome::Failed, ErrorCode::InvalidOutput) } else { event };
    host.auditor.record(event).await.expect("recorded");
}

async fn reject(host: &Host) {
    let id = call(host).await;
    judge(host, EventType::MOLTBOT_OUTPUT_REJECTED, Some(id)).await;
}

async fn is_stopped(host: &Host) -> bool {
    let states = host.auditor.kill_switch().states().await.expect("the store is up");
    states.iter().any(|state| state.scope == SwitchScope::from(&request()) && state.is_engaged)
}

#[tokio::test(start_paused = true)]
async fn the_third_in_a_row_stops_the_ai_for_the_request_until_an_operator_resets_it() {
    let host = host();
    reject(&host).await;
    reject(&host).await;
    assert!(!is_stopped(&host).await);
    reject(&host).await;
    // Once it is recorded, the AI is stopped.
    let refusal = host.refused(moltbot_call()).await;
    let RefusalReason::Switch { scope, .. } = refusal.reason else { panic!("{refusal:?}") };
    assert_eq!(scope, SwitchScope::from(&request()));
    let stop = host.events("switch.engaged").pop().expect("it is recorded");
    let last = host.events("moltbot.output_rejected").pop().expect("three");
    assert_eq!(stop.header().actor, "system");
    assert_eq!(stop.header().caused_by, Some(last.header().id));
    assert_eq!(stop.stream_id(), last.stream_id());
    let input = stop.input().expect("it says why");
    assert_eq!(input["reason"], "3 outputs of Moltbot in a row were rejected");
    assert_eq!((&input["switch"], &input["scope"]), (&json!("ai"), &json!("request")));
    let other = moltbot_call().request(&named_request("another"));
    host.run(other).await.expect("another request");

    let request = request();
    let switches = host.auditor.kill_switch().of_request(&request);
    switches.reset(&Switch::AI, "jeanne", "a better prompt").await.expect("reset");
    // The count begins anew.
    reject(&host).await;
    reject(&host).await;
    assert!(!is_stopped(&host).await);
    reject(&host).await;
    assert!(is_stopped(&host).await);
    assert_eq!(host.events("switch.engaged").len(), 2);
    // While it is stopped, what is said late of other outputs does not stop it again.
    for _ in 0..3 {
        let other = host.auditor.event_id().expect("an id");
        judge(&host, EventType::MOLTBOT_OUTPUT_REJECTED, Some(other)).await;
    }
    assert_eq!(host.events("switch.engaged").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_output_that_is_not_judged_yet_does_not_hide_the_row_before_it() {
    let host = host();
    reject(&host).await;
    reject(&host).await;
    let third = call(&host).await;
    call(&host).await;
    judge(&host, EventType::MOLTBOT_OUTPUT_REJECTED, Some(third)).await;
    assert!(is_stopped(&host).await);
}

#[tokio::test(start_paused = true)]
async fn an_output_that_was_used_breaks_the_row() {
    let limits = Limits::default().per_request(Budget::MOLTBOT_CALLS, 50).expect("a limit");
    let host = host_with(|builder| builder.budgets(limits));
    reject(&host).await;
    reject(&host).await;
    let used = call(&host).await;
    judge(&host, EventType::MOLTBOT_OUTPUT_ACCEPTED, Some(used)).await;
    reject(&host).await;
    // Nobody judged this one, so it was used.
    call(&host).await;
    reject(&host).await;
    reject(&host).await;
    assert!(!is_stopped(&host).await);
    // A failure of the provider is no output, and a judgement told twice counts once.
    let failed =
        host.auditor.effect(moltbot_call()).run(async || Err::<(), _>("the provider is down"));
    failed.await.expect_err("it failed");
    let call = host.events("moltbot.called")[6].id();
    judge(&host, EventType::MOLTBOT_OUTPUT_REJECTED, Some(call)).await;
    assert!(!is_stopped(&host).await);
    judge(&host, EventType::MOLTBOT_OUTPUT_BLOCKED, None).await;
    assert!(!is_stopped(&host).await, "of the same output");
    reject(&host).await;
    assert!(is_stopped(&host).await);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_with_an_invalid_output_counts_and_the_limit_is_the_hosts() {
    let host = host_with(|builder| builder.budgets(Limits::default().rejected_outputs(1)));
    let called = AuditEvent::new(EventType::MOLTBOT_CALLED, Actor::Moltbot).request(&request());
    let called = called.ended(Outcome::Failed, ErrorCode::InvalidOutput);
    host.auditor.record(called).await.expect("recorded");
    assert!(is_stopped(&host).await);

    let host = host_with(|builder| builder.budgets(Limits::default().rejected_outputs(0)));
    for _ in 0..4 {
        reject(&host).await;
    }
    assert!(!is_stopped(&host).await);
}
