//! A human takes a conversation over, or a request is stopped, as the host sees it.

use std::time::Duration;

use chrono::TimeDelta;
use moltbot_audit::auditor::ControlError;
use moltbot_audit::event::SwitchScope;
use moltbot_audit::event::payload::OutboundInput;
use moltbot_audit::policy::{FallbackAction, Refusal, RefusalReason, SwitchedBy};
use moltbot_audit::{Actor, AuditEvent, ConversationId, Effect, EventType, Switch};
use serde_json::json;
use tokio::time::timeout;

use super::{Host, host, moltbot_call, morning, ocr_job, request};
use crate::support::records::{named_conversation, named_request};

fn conversation() -> ConversationId {
    named_conversation("a client")
}

fn call() -> Effect {
    moltbot_call().conversation(&conversation())
}

fn scope(refusal: &Refusal) -> SwitchScope {
    let RefusalReason::Switch { switch, scope, event_id, by } = &refusal.reason else {
        panic!("expected the switch: {:?}", refusal.reason)
    };
    assert_eq!((switch, *by), (&Switch::AI, SwitchedBy::Store));
    assert_eq!(event_id.is_some(), *scope != SwitchScope::Everywhere);
    *scope
}

async fn take_over(host: &Host) {
    let client = conversation();
    let taken = host.auditor.takeover(&client, "keza", "the client is upset", None).await;
    taken.expect("taken over");
}

#[tokio::test(start_paused = true)]
async fn a_human_answers_instead_of_the_ai_until_the_conversation_is_given_back() {
    let host = host();
    host.run(call()).await.expect("before");
    take_over(&host).await;
    let refusal = host.refused(call()).await;
    assert_eq!(scope(&refusal), SwitchScope::from(&conversation()));
    assert_eq!(refusal.fallback.action, FallbackAction::CodedWorkflow);
    let told = refusal.to_string();
    let release = format!("select moltbot_audit.release('{}', 'who', 'why')", conversation());
    assert!(told.contains("a human answers") && told.contains(&release), "{told}");
    let taken = host.events("switch.engaged").pop().expect("it is recorded");
    let refused = &host.events("effect.refused")[0];
    assert_eq!(
        refused.output(),
        Some(json!({
            "switch": "ai", "switched_by": "store", "switch_scope": "conversation",
            "switch_event_id": taken.header().id,
        }))
    );
    assert_eq!(taken.stream_id(), SwitchScope::from(&conversation()).stream_id());
    assert_eq!(
        taken.input(),
        Some(json!({
            "switch": "ai", "scope": "conversation", "reason": "the client is upset",
            "by": { "how": "claimed", "who": "keza" },
        }))
    );

    // The audit goes on, and so does the human.
    let inbound = AuditEvent::new(EventType::WHATSAPP_INBOUND_RECEIVED, Actor::Client);
    let inbound = inbound.request(&request()).conversation(&conversation());
    host.auditor.record(inbound).await.expect("recorded");
    let answer = OutboundInput { text: Some("This is Keza.".into()), ..Default::default() };
    let answer = Effect::message(&answer).actor(Actor::Admin).request(&request());
    host.run(answer.conversation(&conversation())).await.expect("a human's message");
    let sent = host.events("whatsapp.outbound_sent");
    assert_eq!(sent[0].header().actor, "admin");
    host.run(ocr_job().conversation(&conversation())).await.expect("another switch");
    let other = moltbot_call().conversation(&named_conversation("another client"));
    host.run(other).await.expect("another conversation");

    let released = host.auditor.release(&conversation(), "keza", "all is well").await;
    assert!(released.expect("given back").receipt.is_some());
    host.run(call()).await.expect("after");
}

#[tokio::test(start_paused = true)]
async fn a_takeover_ends_by_itself_and_upkeep_records_that() {
    let host = host();
    let until = morning() + TimeDelta::minutes(5);
    let taken = host.auditor.takeover(&conversation(), "keza", "lunch", Some(until)).await;
    taken.expect("taken over");
    assert_eq!(scope(&host.refused(call()).await), SwitchScope::from(&conversation()));
    let over = host.auditor.takeover(&conversation(), "keza", "no", Some(morning())).await;
    assert!(matches!(over, Err(ControlError::Store(_))), "{over:?}");
    host.clock.advance(Duration::from_mins(6));
    host.run(call()).await.expect("the database's clock decides");
    let states = host.auditor.kill_switch().states().await.expect("the store is up");
    assert!(states.iter().all(|state| state.scope == SwitchScope::Everywhere), "{states:?}");
    let lapsed = host.settled("switch.lapsed", 1).await.pop().expect("one");
    assert_eq!((lapsed.header().actor.as_str(), lapsed.stream_id()), {
        ("system", SwitchScope::from(&conversation()).stream_id())
    });
    assert_eq!(lapsed.input().expect("a lapse says of what")["scope"], "conversation");
}

#[tokio::test(start_paused = true)]
async fn work_in_flight_feels_a_takeover_of_its_conversation_only() {
    let host = host();
    let ours = host.auditor.effect(call()).admit().await.expect("admitted");
    let other = moltbot_call().conversation(&named_conversation("another client"));
    let other = host.auditor.effect(other).admit().await.expect("admitted");
    let short = Duration::from_millis(300);
    assert!(timeout(short, ours.stopped()).await.is_err(), "nothing happened");
    let (stopped, ()) = tokio::join!(timeout(Duration::from_secs(3), ours.stopped()), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        take_over(&host).await;
    });
    stopped.expect("it feels the takeover");
    assert!(timeout(short, other.stopped()).await.is_err(), "another conversation");
    ours.failed(&"given up").await.expect("recorded");
    other.not_performed("a test").await.expect("recorded");
    let ended = host.events("moltbot.called");
    assert_eq!(ended[0].header().error_code.as_deref(), Some("switched_off"));
    assert_eq!(ended[0].output().expect("it says why")["stopped_by"], "ai");
    assert_eq!(ended[1].output().expect("it says why").get("stopped_by"), None);
}

#[tokio::test(start_paused = true)]
async fn work_in_flight_feels_a_stop_of_its_request_only() {
    let host = host();
    let ours = host.auditor.effect(moltbot_call()).admit().await.expect("admitted");
    let other = moltbot_call().request(&named_request("another"));
    let other = host.auditor.effect(other).admit().await.expect("admitted");
    let request = request();
    let switches = host.auditor.kill_switch().of_request(&request);
    switches.engage(&Switch::AI, "jeanne", "a test").await.expect("engaged");
    timeout(Duration::from_secs(3), ours.stopped()).await.expect("it feels the stop");
    let short = Duration::from_millis(300);
    assert!(timeout(short, other.stopped()).await.is_err(), "another request");
    ours.failed(&"given up").await.expect("recorded");
    other.not_performed("a test").await.expect("recorded");
    let ended = host.events("moltbot.called");
    assert_eq!(ended[0].output().expect("it says why")["stopped_by"], "ai");
    assert_eq!(ended[1].output().expect("it says why").get("stopped_by"), None);
}

#[tokio::test(start_paused = true)]
async fn any_switch_may_be_engaged_for_one_request() {
    let host = host();
    let request = request();
    let switches = || host.auditor.kill_switch().of_request(&request);
    switches().engage(&Switch::OCR, "jeanne", "a bad photo").await.expect("engaged");
    let refusal = host.refused(ocr_job()).await;
    let told = refusal.to_string();
    let reset = format!("reset('ocr', 'who', 'why', request_id => '{request}')");
    assert!(told.contains(&reset), "{told}");
    host.run(moltbot_call()).await.expect("another switch");
    switches().reset(&Switch::OCR, "jeanne", "another photo").await.expect("reset");
    host.run(ocr_job()).await.expect("after");
}
