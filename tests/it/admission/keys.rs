//! Idempotency: one key, one effect, one answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use moltbot_audit::event::payload::{OutboundInput, OutboundOutput};
use moltbot_audit::proof::canonical;
use moltbot_audit::{AdmitError, Budget, Effect, EffectError};
use serde_json::{Value, json};

use super::{host, moltbot_call, request};
use crate::support::records::named_request;

fn message(text: &str) -> Effect {
    let input = OutboundInput { text: Some(text.into()), ..Default::default() };
    Effect::message(&input).request(&request()).idempotency_key("+250788123456:message:1")
}

#[tokio::test(start_paused = true)]
async fn the_same_again_is_answered_from_its_record_with_the_same_bytes() {
    let host = host();
    let effect = || moltbot_call().idempotency_key("call-1");
    let answer = json!({ "action": { "type": "ask_client", "text": "Ibihe?" }, "n": [1, 2.5] });
    let first = host.auditor.effect(effect()).run(async || Ok::<_, String>(answer.clone())).await;
    let run = host
        .auditor
        .effect(effect())
        .run(async || -> Result<Value, String> { panic!("it must not run again") });
    let second = run.await.expect("answered");
    assert_eq!(canonical(&second), canonical(&first.expect("ran")));
    assert_eq!(host.used(&Budget::MOLTBOT_CALLS).await, 1, "charged once");
    let replayed = &host.events("effect.replayed")[0];
    let outcome = &host.events("moltbot.called")[0];
    let other = json!({ "other_effect_id": outcome.header().id });
    assert_eq!(replayed.output(), Some(other));
    assert_eq!(replayed.header().outcome, "succeeded");

    let error = host.auditor.effect(effect()).admit().await.expect_err("it ran already");
    let AdmitError::Replayed(replay) = error else { panic!("expected a replay: {error:?}") };
    assert_eq!(replay.effect_id, outcome.header().id);
    assert_eq!(replay.output, Some(answer));
    assert!(!format!("{replay:?}").contains("Ibihe"));
}

#[tokio::test(start_paused = true)]
async fn a_typed_output_is_read_back_and_one_that_cannot_be_is_an_error() {
    let host = host();
    let sent = OutboundOutput { provider_message_id: Some("wamid.7".into()), ..Default::default() };
    let run = host.auditor.effect(message("Muraho")).run(async || Ok::<_, String>(sent.clone()));
    run.await.expect("sent");
    let again = host.auditor.effect(message("Muraho"));
    let again = again.run(async || Err::<OutboundOutput, _>("must not run".to_owned())).await;
    assert!(again.expect("answered") == sent);
    let other = host.auditor.effect(message("Muraho"));
    let other = other.run(async || Err::<Vec<u8>, _>("must not run".to_owned())).await;
    assert!(matches!(other, Err(EffectError::ReplayUnreadable(_))), "{other:?}");

    // What stands in the place of an output is none, also where it would fit the type.
    let large = moltbot_call().idempotency_key("large");
    let run = host
        .auditor
        .effect(large.clone())
        .run(async || Ok::<_, String>(json!({ "text": "x y ".repeat(400_000) })));
    run.await.expect("ran");
    let again = host.auditor.effect(large);
    let again = again.run(async || Err::<Value, _>("must not run".to_owned())).await;
    assert!(matches!(again, Err(EffectError::ReplayUnreadable(_))), "{again:?}");

    // Nothing is an answer too.
    let quiet = || moltbot_call().idempotency_key("quiet");
    host.auditor.effect(quiet()).run(async || Ok::<_, String>(())).await.expect("ran");
    let again = host.auditor.effect(quiet());
    again.run(async || Err::<(), _>("must not run".to_owned())).await.expect("answered");
}

#[tokio::test(start_paused = true)]
async fn another_request_under_a_key_is_never_answered_with_the_first_ones_output() {
    let host = host();
    host.run(message("Muraho")).await.expect("sent");
    let other = message("Muraho").request(&named_request("another client's"));
    let error = host.run(other).await.expect_err("the key is another's");
    assert!(matches!(error, EffectError::NotAdmitted(AdmitError::Conflict { .. })), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn another_input_under_a_key_is_a_conflict() {
    let host = host();
    host.run(message("Muraho")).await.expect("sent");
    let error = host.run(message("Mwiriwe")).await.expect_err("another text");
    let first = host.events("whatsapp.outbound_sent")[0].header().id;
    assert!(
        matches!(error, EffectError::NotAdmitted(AdmitError::Conflict { effect_id, .. }) if effect_id == first)
    );
    let refused = &host.events("effect.refused")[0];
    assert_eq!(refused.header().error_code.as_deref(), Some("key_conflict"));
    assert_eq!(refused.output(), Some(json!({ "other_effect_id": first })));
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_is_not_begun_again() {
    let host = host();
    let permit = host.auditor.effect(message("Muraho")).admit().await.expect("admitted");
    let error = host.run(message("Muraho")).await.expect_err("it is under way");
    let EffectError::NotAdmitted(AdmitError::InProgress { effect_id, lease_until, .. }) = error
    else {
        panic!("expected InProgress: {error:?}")
    };
    assert_eq!(effect_id, permit.effect_id().uuid());
    assert_eq!(lease_until, super::morning() + Duration::from_mins(2));
    host.clock.advance(Duration::from_mins(2) + Duration::from_micros(1));
    let error = host.run(message("Muraho")).await.expect_err("nobody knows");
    assert!(matches!(error, EffectError::NotAdmitted(AdmitError::InDoubt { .. })), "{error:?}");
    let refused = host.events("effect.refused");
    let codes: Vec<_> =
        refused.iter().filter_map(|one| one.header().error_code.as_deref()).collect();
    assert_eq!(codes, ["in_progress", "in_doubt"]);
    // It ends after all.
    permit.succeeded(&json!({ "late": true })).await.expect("recorded");
    assert_eq!(host.run(message("Muraho")).await.expect("answered"), json!({ "late": true }));
}

#[tokio::test(start_paused = true)]
async fn a_failure_frees_its_key() {
    let host = host();
    let failed = host.auditor.effect(message("Muraho"));
    let failed = failed.run(async || Err::<Value, _>("503".to_owned())).await;
    assert!(matches!(failed, Err(EffectError::Failed(_))));
    assert_eq!(host.run(message("Muraho")).await.expect("ran"), json!({ "ran": true }));
}

#[tokio::test(start_paused = true)]
async fn a_number_in_a_key_is_nowhere_in_clear_and_deduplicates_all_the_same() {
    let host = host();
    host.run(message("Muraho")).await.expect("sent");
    host.run(message("Muraho")).await.expect("answered");
    assert_eq!(host.events("whatsapp.outbound_sent").len(), 1);
    for record in host.store().records() {
        let bytes = String::from_utf8(record.to_bytes()).expect("JSON");
        assert!(!bytes.contains("788123456"), "{bytes}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_at_once_under_one_key_run_once() {
    let host = Arc::new(host());
    let ran = Arc::new(AtomicUsize::new(0));
    let tasks = (0..100).map(|_| {
        let (host, ran) = (host.clone(), ran.clone());
        tokio::spawn(async move {
            let run = host.auditor.effect(message("Muraho")).run(async || {
                ran.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(5)).await;
                Ok::<_, String>(json!({ "n": 1 }))
            });
            run.await
        })
    });
    let mut answered = 0;
    for task in tasks.collect::<Vec<_>>() {
        match task.await.expect("no panic") {
            Ok(value) => {
                assert_eq!(value, json!({ "n": 1 }));
                answered += 1;
            }
            Err(error) => assert!(
                matches!(error, EffectError::NotAdmitted(AdmitError::InProgress { .. })),
                "{error:?}"
            ),
        }
    }
    assert_eq!(ran.load(Ordering::SeqCst), 1);
    assert!(answered >= 1);
}
