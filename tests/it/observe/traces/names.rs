//! Names and attributes, as the pinned version of the semantic conventions has them.

use moltbot_audit::event::payload::{
    BatchInput, CallConsentInput, CallInput, MoltbotInput, MoltbotOutput, OcrInput, OutboundInput,
    OutreachInput,
};
use moltbot_audit::testing::assert_no_personal_data;
use moltbot_audit::{Actor, Effect, EventType};
use opentelemetry::trace::{SpanKind, Status};
use serde_json::json;

use super::{attributes, host, listen, moltbot_call, request};
use crate::support::records::named_conversation;

#[tokio::test(start_paused = true)]
async fn a_model_call_is_a_span_by_the_names_of_the_convention() {
    let (host, heard) = (host(), listen());
    let conversation = named_conversation("0b0f2c6e-55b4-4f86-8a54-5a4f3b1f2c11");
    let input = MoltbotInput {
        provider: Some("anthropic".into()),
        model: Some("m-1".into()),
        prompt_version: Some("v3".into()),
        temperature: Some(0.5),
        seed: Some(7),
        ..Default::default()
    };
    let effect = Effect::moltbot_call(&input).request(&request());
    let effect = effect.conversation(&conversation).idempotency_key("call-1");
    let answer = MoltbotOutput {
        model: Some("m-1-2026".into()),
        response_id: Some("msg_01".into()),
        finish_reason: Some("end_turn".into()),
        input_tokens: Some(1_200),
        cache_read_input_tokens: Some(900),
        cache_creation_input_tokens: Some(60),
        output_tokens: Some(80),
        reasoning_output_tokens: Some(20),
        ..Default::default()
    };
    let run = host.auditor.effect(effect).run(async || Ok::<_, String>(answer.clone()));
    run.await.expect("it runs");

    let span = heard.only();
    assert_eq!(span.name, "chat m-1");
    assert_eq!(span.span_kind, SpanKind::Client);
    assert_eq!(span.status, Status::Unset, "success is not for a library to claim");
    let effect_id = host.events("moltbot.called")[0].header().id.to_string();
    let expected = [
        ("actor", "moltbot"),
        ("conversation_id", "0b0f2c6e-55b4-4f86-8a54-5a4f3b1f2c11"),
        ("event_type", "moltbot.called"),
        ("gen_ai.conversation.id", "0b0f2c6e-55b4-4f86-8a54-5a4f3b1f2c11"),
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "anthropic"),
        ("gen_ai.prompt.version", "v3"),
        ("gen_ai.request.model", "m-1"),
        ("gen_ai.request.seed", "7 as an integer"),
        ("gen_ai.request.temperature", "0.5"),
        ("gen_ai.response.finish_reasons", "end_turn"),
        ("gen_ai.response.id", "msg_01"),
        ("gen_ai.response.model", "m-1-2026"),
        ("gen_ai.usage.cache_read.input_tokens", "900 as an integer"),
        ("gen_ai.usage.cache_write.input_tokens", "60 as an integer"),
        // With what the cache had, or got.
        ("gen_ai.usage.input_tokens", "2160 as an integer"),
        ("gen_ai.usage.output_tokens", "100 as an integer"),
        ("gen_ai.usage.reasoning.output_tokens", "20 as an integer"),
        ("idempotency_key", "call-1"),
        ("moltbot.effect_id", &effect_id),
        ("moltbot.outcome", "succeeded"),
        ("moltbot.switch", "ai"),
        ("moltbot.verdict", "admitted"),
        ("request_id", "d1a1c9de-52f6-4f0b-9f0a-3a1f6f0c9b77"),
        ("span_id", &span.span_context.span_id().to_string()),
        ("trace_id", &span.span_context.trace_id().to_string()),
    ];
    let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    assert_eq!(attributes(&span), expected);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_known_of_a_model_call_is_left_out() {
    let (host, heard) = (host(), listen());
    let effect = Effect::moltbot_call(&MoltbotInput::default()).request(&request());
    let run = host.auditor.effect(effect).run(async || Ok::<_, String>(MoltbotOutput::default()));
    run.await.expect("it runs");
    let span = heard.only();
    assert_eq!(span.name, "chat");
    let attributes = attributes(&span);
    let known: Vec<&String> = attributes.keys().filter(|key| key.starts_with("gen_ai.")).collect();
    assert_eq!(known, ["gen_ai.operation.name"]);
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_effect_has_a_span_of_its_name() {
    let own = EventType::new("courier.booked").expect("well-formed");
    let batch = BatchInput { vendor_ids: vec!["v-1".into()], ..Default::default() };
    let effects = [
        (Effect::ocr_job(&OcrInput::default()), "ocr_job", SpanKind::Client),
        (Effect::vendor_batch(&batch), "vendor_batch", SpanKind::Internal),
        (Effect::vendor_message(&OutreachInput::default()), "vendor_message", SpanKind::Client),
        (Effect::message(&OutboundInput::default()), "message", SpanKind::Client),
        (
            Effect::consent_request(&CallConsentInput::default()),
            "consent_request",
            SpanKind::Client,
        ),
        (Effect::call(&CallInput::default()), "call", SpanKind::Client),
        (Effect::custom(own, Actor::System, json!({})), "effect", SpanKind::Client),
    ];
    for (effect, name, kind) in effects {
        let (host, heard) = (host(), listen());
        let run = host.auditor.effect(effect.request(&request()));
        // Some are refused: they have a span all the same.
        run.run(async || Ok::<_, String>(json!({ "input_tokens": 3 }))).await.ok();
        let span = heard.only();
        assert_eq!((&*span.name, &span.span_kind), (name, &kind));
        let attributes = attributes(&span);
        assert!(attributes.keys().all(|key| !key.starts_with("gen_ai.")), "{attributes:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_field_of_a_span_holds_personal_data() {
    let (host, heard) = (host(), listen());
    let phone = "+250 788 123 456";
    let input = MoltbotInput {
        provider: Some(format!("of {phone}")),
        model: Some(format!("for {phone}")),
        context: Some(json!({ "text": format!("ask {phone} of jean@example.org") })),
        ..Default::default()
    };
    let key = "request:1:to:+250788123456:mail:jean@example.org";
    let effect = Effect::moltbot_call(&input).request(&request()).idempotency_key(key);
    let answer = json!({ "action": { "text": phone }, "model": phone });
    let run = host.auditor.effect(effect.clone());
    run.run(async || Ok::<_, String>(answer.clone())).await.expect("it runs");
    let failing = host.auditor.effect(moltbot_call());
    failing.run(async || Err::<(), _>(format!("{phone} hung up"))).await.expect_err("it fails");

    let spans = heard.spans();
    assert_eq!(spans.len(), 2);
    for span in spans {
        // Ids are hex by chance, which may look like a number.
        let mut attributes = attributes(&span);
        attributes.retain(|key, _| !["trace_id", "span_id", "moltbot.effect_id"].contains(&&**key));
        let shown = format!("{} {attributes:?} {:?} {:?}", span.name, span.events, span.status);
        assert!(!shown.contains("788") && !shown.contains("jean"), "{shown}");
        assert_no_personal_data(&shown);
    }
}
