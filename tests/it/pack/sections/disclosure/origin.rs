//! Which messages are the AI's, by what the record shows.

use moltbot_audit::event::payload::{
    AiDisclosed, BatchInput, Nothing, OutreachInput, OutreachOutput,
};
use moltbot_audit::{Actor, AuditEvent, Auditor, Effect, EventType, Switch};
use serde_json::json;

use super::{TOLD, Talk};
use crate::pack::{KEY, both_packs};
use crate::support::records::fresh_request;
use crate::support::stores;

#[tokio::test]
async fn messages_are_of_the_ai_by_their_actor_their_causes_or_the_switch_over_them() {
    // The host's own words, after Moltbot's were rejected.
    let talk = Talk::new();
    let call = talk.decision().await;
    let rejected = talk.judged(call, EventType::MOLTBOT_OUTPUT_REJECTED).await;
    talk.tell(Talk::to_client("A colleague will help you.", "a"), Some(rejected)).await;
    talk.tell(Talk::to_client("A colleague will help you.", "b"), Some(call)).await;
    assert_eq!(talk.verdict().await, ("not_needed".to_owned(), vec![]));
    // A rejection that comes after the message does not make it the host's.
    let talk = Talk::new();
    let call = talk.decision().await;
    talk.tell(Talk::to_client("Which charger?", "a"), Some(call)).await;
    talk.judged(call, EventType::MOLTBOT_OUTPUT_REJECTED).await;
    assert_eq!(talk.verdict().await.0, "never");
    // Through events in between, up to a person.
    let talk = Talk::new();
    let call = talk.decision().await;
    let accepted = talk.judged(call, EventType::MOLTBOT_OUTPUT_ACCEPTED).await;
    let colleague = AuditEvent::new(EventType::new("admin.message").expect("a type"), Actor::Admin);
    let colleague = talk.tell(colleague, Some(accepted)).await;
    talk.tell(Talk::to_client("Let me help you.", "a"), Some(colleague)).await;
    assert_eq!(talk.verdict().await.0, "not_needed");
    talk.tell(Talk::to_client("Which charger?", "b"), Some(accepted)).await;
    assert_eq!(talk.verdict().await.0, "never");
    // By its actor.
    let talk = Talk::new();
    let mut event = Talk::to_client("Which charger?", "a");
    event.actor = Actor::Moltbot;
    talk.tell(event, None).await;
    assert_eq!(talk.verdict().await.0, "never");
}

#[tokio::test]
async fn what_the_record_does_not_say_is_not_held_against_the_host() {
    // No cause, and a decision before it.
    let talk = Talk::new();
    talk.decision().await;
    talk.tell(Talk::to_client("We are still waiting.", "a"), None).await;
    assert_eq!(talk.verdict().await, ("not_checkable".to_owned(), vec![]));
    talk.informs("d").await;
    assert_eq!(talk.verdict().await, ("not_checkable".to_owned(), vec![]));
    talk.asks("b").await;
    assert_eq!(talk.verdict().await, ("not_checkable".to_owned(), vec![]));
    // A cause of another stream.
    let talk = Talk::new();
    let elsewhere = talk.teller.auditor().event_id().expect("an id");
    talk.tell(Talk::to_client("Hello", "a"), Some(elsewhere)).await;
    assert_eq!(talk.verdict().await.0, "not_checkable");
    // The host's own words, before any decision.
    let talk = Talk::new();
    talk.tell(Talk::to_client("Welcome", "a"), None).await;
    assert_eq!(talk.verdict().await.0, "not_needed");
}

#[tokio::test]
async fn effects_show_it_by_themselves() {
    let fresh = stores::sqlite().await;
    let request = fresh_request();
    let auditor = Auditor::builder(fresh.store.clone(), KEY).build();
    auditor.kill_switch().reset(&Switch::AI, "Keza", "a test").await.expect("reset");
    let batch = BatchInput { vendor_ids: vec!["v1".into(), "v2".into()], ..Default::default() };
    let batch = Effect::vendor_batch(&batch).planned_by_moltbot().request(&request);
    let sent = auditor.effect(batch).run(async || {
        for vendor in ["v1", "v2"] {
            let text = Some(format!("{TOLD}\nDo you have a charger?"));
            let input = OutreachInput { vendor_id: vendor.into(), text, ..Default::default() };
            let id = auditor.event_id().map_err(|error| error.to_string())?;
            let message = Effect::vendor_message(&input).request(&request).id(id);
            let done = async || Ok::<_, String>(OutreachOutput::default());
            auditor.effect(message).run(done).await.map_err(|error| error.to_string())?;
            if vendor == "v1" {
                let event =
                    AuditEvent::typed::<AiDisclosed>(Actor::System, &Talk::naming(id), &Nothing {});
                let event = event.map_err(|error| error.to_string())?.request(&request);
                auditor.record(event).await.map_err(|error| error.to_string())?;
            }
        }
        Ok::<_, String>(json!({}))
    });
    sent.await.expect("it may run");
    for pack in both_packs(&*fresh.store, &request).await {
        let content = &pack["ai_disclosure"]["content"];
        let of = |at: usize| {
            (
                &content["recipients"][at]["verdict"],
                &content["recipients"][at]["first_ai_message"]["shown_by"],
            )
        };
        // Ids of vendors are hashed for outsiders, who see them in another order.
        let mut said = [of(0), of(1)].map(|(verdict, _)| verdict.to_string());
        said.sort_unstable();
        assert_eq!(said, ["\"never\"", "\"sent_before\""]);
        assert!(of(0).1.is_i64() && of(1).1.is_i64(), "{content}");
    }
    drop(fresh.keep);
}
