//! The span of one effect, from the request for admission until its outcome.
//!
//! Its ids are in the header, so they are fixed before anything of the effect is sealed. So the span opens before
//! admission, and a refusal has one too. With `otel`, OpenTelemetry starts the span then and gives the ids. Otherwise
//! they are a keyed hash of the effect's id, so that one try has one pair of ids. A tracing layer that panics must not
//! end an effect, above all not one that was admitted.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::Value;
use tracing::Span;
use tracing::field::{DisplayValue, Empty, display};

use super::current_trace;
use crate::event::{AuditEvent, ErrorCode, EventId, EventType, Outcome, Switch, TraceContext};
use crate::redact::{RedactionKey, mask_and_truncate};

/// The domain of the keyed hash.
const TRACE_KIND: &str = "effect_trace";

/// Longest text of the host in a field, in bytes.
const MAX_TEXT_LEN: usize = 128;

/// An effect's span, and its place in the trace.
#[derive(Clone, Debug)]
pub(crate) struct EffectSpan {
    span: Span,
    trace: TraceContext,
}

impl EffectSpan {
    /// Opens the span of an effect in the trace that the effect names, else in the current one, else in
    /// a new one.
    pub(crate) fn open(
        event: &AuditEvent,
        effect_id: EventId,
        switches: &[Switch],
        key: &RedactionKey,
    ) -> Self {
        let span = guarded(|| new_span(event, effect_id, switches)).unwrap_or_else(Span::none);
        let around = event.trace.or_else(current_trace);
        let trace = ids(&span, event.trace, around, effect_id, key);
        let opened = Self { span, trace };
        opened.record("trace_id", display(trace.trace_id()));
        opened.record("span_id", display(trace.span_id()));
        opened
    }

    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    pub(crate) fn trace(&self) -> TraceContext {
        self.trace
    }

    /// Sets its idempotency key, in the sealed form.
    pub(crate) fn keyed(&self, sealed_key: Option<&str>) {
        let shown = sealed_key.map(|key| mask_and_truncate(key, MAX_TEXT_LEN));
        self.record("idempotency_key", shown.as_deref());
    }

    /// Sets the decision: `admitted`, `replayed`, `refused`, `not_run`. An obstacle makes the span an
    /// error.
    pub(crate) fn answered(&self, verdict: &'static str, in_the_way: Option<&'static str>) {
        self.record("moltbot.verdict", verdict);
        self.failed(in_the_way);
    }

    /// Sets how it ended.
    pub(crate) fn ended(&self, outcome: Outcome, error_code: Option<ErrorCode>) {
        self.record("moltbot.outcome", outcome.as_str());
        self.failed(error_code.map(ErrorCode::as_str));
    }

    /// Sets what a model reports about its answer.
    pub(crate) fn answer(&self, event_type: &EventType, output: &Value) {
        if !OperationKind::of(event_type).is_model {
            return;
        }
        self.record("gen_ai.response.id", text(Some(output), "response_id"));
        self.record("gen_ai.response.model", text(Some(output), "model"));
        self.record("gen_ai.response.finish_reasons", text(Some(output), "finish_reason"));
        let tokens = |member| output.get(member).and_then(Value::as_i64);
        let [cache_read, cache_creation, reasoning] =
            ["cache_read_input_tokens", "cache_creation_input_tokens", "reasoning_output_tokens"]
                .map(tokens);
        // There, the parts count in the whole as well.
        let whole = |own: Option<i64>, parts: &[Option<i64>]| {
            parts.iter().flatten().try_fold(own?, |sum, part| sum.checked_add(*part))
        };
        let input = whole(tokens("input_tokens"), &[cache_read, cache_creation]);
        self.record("gen_ai.usage.input_tokens", input);
        self.record("gen_ai.usage.cache_read.input_tokens", cache_read);
        self.record("gen_ai.usage.cache_write.input_tokens", cache_creation);
        self.record("gen_ai.usage.output_tokens", whole(tokens("output_tokens"), &[reasoning]));
        self.record("gen_ai.usage.reasoning.output_tokens", reasoning);
    }

    /// Notes that its outcome could not be recorded.
    pub(crate) fn unrecorded(&self) {
        self.record("moltbot.recorded", false);
        self.record("otel.status_code", "ERROR");
    }

    fn failed(&self, error_type: Option<&'static str>) {
        if let Some(error_type) = error_type {
            self.record("error.type", error_type);
            self.record("otel.status_code", "ERROR");
        }
    }

    fn record(&self, field: &'static str, value: impl tracing::Value) {
        guarded(|| {
            self.span.record(field, value);
        });
    }
}

fn new_span(event: &AuditEvent, effect_id: EventId, switches: &[Switch]) -> Span {
    let kind = OperationKind::of(&event.event_type);
    let model = kind.is_model.then(|| text(event.input.as_ref(), "model")).flatten();
    let name = match &model {
        Some(model) => format!("{} {model}", kind.name),
        None => kind.name.to_owned(),
    };
    let span = tracing::info_span!(
        target: "moltbot_audit::effect",
        "effect",
        "otel.name" = name,
        "otel.kind" = kind.side,
        "otel.status_code" = Empty,
        "error.type" = Empty,
        "gen_ai.operation.name" = kind.is_model.then_some(kind.name),
        "gen_ai.provider.name" = Empty,
        "gen_ai.prompt.version" = Empty,
        "gen_ai.request.model" = model,
        "gen_ai.request.seed" = Empty,
        "gen_ai.request.temperature" = Empty,
        "gen_ai.response.finish_reasons" = Empty,
        "gen_ai.response.id" = Empty,
        "gen_ai.response.model" = Empty,
        "gen_ai.conversation.id" = Empty,
        "gen_ai.usage.cache_read.input_tokens" = Empty,
        "gen_ai.usage.cache_write.input_tokens" = Empty,
        "gen_ai.usage.input_tokens" = Empty,
        "gen_ai.usage.output_tokens" = Empty,
        "gen_ai.usage.reasoning.output_tokens" = Empty,
        trace_id = Empty,
        span_id = Empty,
        request_id = event.request_id.as_ref().map(|id| display(id.uuid())),
        conversation_id = conversation(event),
        event_type = event.event_type.as_str(),
        actor = event.actor.as_str(),
        idempotency_key = Empty,
        "moltbot.effect_id" = %effect_id,
        "moltbot.provider" = Empty,
        "moltbot.switch" = (!switches.is_empty()).then(|| names(switches)),
        "moltbot.verdict" = Empty,
        "moltbot.outcome" = Empty,
        "moltbot.recorded" = Empty,
    );
    let provider = text(event.input.as_ref(), "provider");
    if kind.is_model {
        let given = |member| event.input.as_ref().and_then(|input| input.get(member));
        span.record("gen_ai.provider.name", provider);
        span.record("gen_ai.prompt.version", text(event.input.as_ref(), "prompt_version"));
        span.record("gen_ai.request.seed", given("seed").and_then(Value::as_i64));
        span.record("gen_ai.request.temperature", given("temperature").and_then(Value::as_f64));
        span.record("gen_ai.conversation.id", conversation(event));
    } else {
        span.record("moltbot.provider", provider);
    }
    span
}

/// What foreign code returns. None if it panics.
fn guarded<T>(foreign: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(foreign)).ok()
}

/// The ids that OpenTelemetry gave the span, or a keyed hash of the effect's id. The same try gets the same ids, so that
/// an event that is written twice stays the same.
fn ids(
    span: &Span,
    parent: Option<TraceContext>,
    around: Option<TraceContext>,
    effect_id: EventId,
    key: &RedactionKey,
) -> TraceContext {
    #[cfg(feature = "otel")]
    if let Some(trace) = guarded(|| super::otel::start(span, parent)).flatten() {
        return trace;
    }
    #[cfg(not(feature = "otel"))]
    let _ = (span, parent);
    let hash = key.keyed_hash(TRACE_KIND, effect_id.uuid().as_bytes());
    let (mut trace_id, mut span_id) = ([0; 16], [0; 8]);
    trace_id.copy_from_slice(&hash[..16]);
    span_id.copy_from_slice(&hash[16..24]);
    // Begins with a letter and a digit. Sixteen hex digits that begin with nine decimal digits look like a phone
    // number, and with two letters (`be…`) like a bank account.
    span_id[0] = span_id[0] & 0x47 | 0xa0;
    let own = TraceContext::from_bytes(trace_id, span_id);
    around.map_or(own, |around| around.with_span_of(own))
}

/// How a trace shows an effect.
struct OperationKind {
    /// The operation. For a model's, OpenTelemetry's name of it.
    name: &'static str,
    /// `client` or `internal`, as `otel.kind` has it.
    side: &'static str,
    is_model: bool,
}

impl OperationKind {
    fn of(event_type: &EventType) -> Self {
        let known = [
            (EventType::CALL_STARTED, "call"),
            (EventType::CALL_CONSENT_REQUESTED, "consent_request"),
            (EventType::OCR_JOB_DONE, "ocr_job"),
            (EventType::VENDOR_BATCH_SENT, "vendor_batch"),
            (EventType::VENDOR_OUTREACH_SENT, "vendor_message"),
            (EventType::WHATSAPP_OUTBOUND_SENT, "message"),
        ];
        let is_model = *event_type == EventType::MOLTBOT_CALLED;
        let name = match known.iter().find(|(known, _)| known == event_type) {
            Some((_, name)) => name,
            None if is_model => "chat",
            None => "effect",
        };
        // A batch calls no one. Its messages do, each in a span of its own.
        let is_inside = *event_type == EventType::VENDOR_BATCH_SENT;
        Self { name, side: if is_inside { "internal" } else { "client" }, is_model }
    }
}

fn conversation(event: &AuditEvent) -> Option<DisplayValue<uuid::Uuid>> {
    event.conversation_id.as_ref().map(|id| display(id.uuid()))
}

fn names(switches: &[Switch]) -> String {
    switches.iter().map(Switch::as_str).collect::<Vec<_>>().join(",")
}

/// A text of the payload that should name no person. It is masked all the same, because the host writes it.
fn text(payload: Option<&Value>, member: &str) -> Option<String> {
    let text = payload?.get(member)?.as_str()?;
    Some(mask_and_truncate(text, MAX_TEXT_LEN).into_owned())
}
