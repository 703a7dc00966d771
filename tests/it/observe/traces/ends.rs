//! However an effect ends, its span ends, and says how.

use moltbot_audit::event::payload::{CallInput, MoltbotInput};
use moltbot_audit::testing::Fault;
use moltbot_audit::{AdmitError, Effect, EffectError};
use serde_json::json;

use super::{Heard, attributes, given, host, ids, is_error, listen, moltbot_call, request};

/// The error type, the verdict and the outcome of the span.
fn end(heard: &Heard, is_failed: bool) -> [String; 3] {
    let span = heard.only();
    assert_eq!(is_error(&span), is_failed, "{:?}", span.status);
    let attributes = attributes(&span);
    ["error.type", "moltbot.verdict", "moltbot.outcome"]
        .map(|key| attributes.get(key).cloned().unwrap_or_default())
}

#[tokio::test(start_paused = true)]
async fn a_failed_effect_is_an_error_by_its_code_and_not_by_its_message() {
    let (host, heard) = (host(), listen());
    let run = host.auditor.effect(moltbot_call());
    run.run(async || Err::<(), _>("no answer")).await.expect_err("it fails");
    assert_eq!(end(&heard, true), ["provider_error", "admitted", "failed"]);
    assert!(!format!("{:?}", heard.only()).contains("no answer"));
}

#[tokio::test(start_paused = true)]
async fn a_panicked_effect_is_an_error() {
    let (host, heard) = (host(), listen());
    let effect = host.auditor.effect(moltbot_call());
    let run = tokio::spawn(effect.run(async || -> Result<(), String> { panic!("on purpose") }));
    assert!(run.await.expect_err("it panics").is_panic());
    assert_eq!(end(&heard, true), ["panicked", "admitted", "panicked"]);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_effect_is_an_error() {
    let (host, heard) = (host(), listen());
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let effect = host.auditor.effect(moltbot_call());
    let run = tokio::spawn(effect.run(async move || {
        begun.send(()).ok();
        std::future::pending::<Result<(), String>>().await
    }));
    has_begun.await.expect("it began");
    run.abort();
    heard.settled(1).await;
    assert_eq!(end(&heard, true), ["cancelled", "admitted", "cancelled"]);
    assert_eq!(ids(&host.events("moltbot.called")[0]), given(&heard.only()));
}

#[tokio::test(start_paused = true)]
async fn a_refused_effect_is_an_error_and_its_refusal_has_the_spans_ids() {
    let (host, heard) = (host(), listen());
    let effect = Effect::call(&CallInput::default()).request(&request());
    let refused = host.auditor.effect(effect).admit().await.expect_err("nobody agreed");
    assert!(matches!(refused, AdmitError::Refused(_)));
    assert_eq!(end(&heard, true), ["no_consent", "refused", ""]);
    assert_eq!(ids(&host.events("effect.refused")[0]), given(&heard.only()));
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_an_error_and_a_replay_is_none() {
    let host = host();
    let effect = || moltbot_call().idempotency_key("call-1");
    let run = host.auditor.effect(effect()).run(async || Ok::<_, String>(json!({ "n": 1 })));
    run.await.expect("it runs");

    let heard = listen();
    host.auditor.effect(effect()).admit().await.expect_err("it ran already");
    assert_eq!(end(&heard, false), ["", "replayed", ""]);
    assert_eq!(ids(&host.events("effect.replayed")[0]), given(&heard.only()));

    let heard = listen();
    let other = Effect::moltbot_call(&MoltbotInput::default()).request(&request());
    let other = host.auditor.effect(other.idempotency_key("call-1"));
    other.admit().await.expect_err("another input");
    assert_eq!(end(&heard, true), ["key_conflict", "refused", ""]);
}

#[tokio::test(start_paused = true)]
async fn what_certainly_did_not_happen_is_an_error() {
    let (host, heard) = (host(), listen());
    let permit = host.auditor.effect(moltbot_call()).admit().await.expect("admitted");
    permit.not_performed("no route").await.expect("recorded");
    assert_eq!(end(&heard, true), ["not_performed", "admitted", "failed"]);
}

#[tokio::test(start_paused = true)]
async fn an_effect_whose_outcome_cannot_be_recorded_is_an_error() {
    let (host, heard) = (host(), listen());
    let run = host.auditor.effect(moltbot_call()).run(async || {
        host.sink.every_call(Fault::not_landed());
        Ok::<_, String>(json!({}))
    });
    let error = run.await.expect_err("the store is gone");
    assert!(matches!(error, EffectError::Unrecorded { .. }), "{error:?}");
    assert_eq!(end(&heard, true), ["", "admitted", "succeeded"]);
    assert_eq!(attributes(&heard.only())["moltbot.recorded"], "false");
}

#[tokio::test(start_paused = true)]
async fn an_effect_that_cannot_be_recorded_is_an_error() {
    let (host, heard) = (host(), listen());
    let effect = moltbot_call().idempotency_key("x".repeat(1000));
    host.auditor.effect(effect).admit().await.expect_err("its key is too long");
    assert_eq!(end(&heard, true), ["not_recorded", "not_run", ""]);
}
