//! What the host is about to do to the world.

use serde::Serialize;
use serde_json::Value;

use crate::event::payload::{
    BatchInput, CallConsentInput, CallInput, MoltbotInput, OcrInput, OutboundInput, OutreachInput,
};
use crate::event::{
    Actor, AuditEvent, ConversationId, ErrorCode, EventError, EventId, EventType, RequestId,
    TraceContext,
};

/// A call on the world, declared before it is made: what kind, for whom, with which input.
///
/// The constructor says what it is; that decides under which event type its outcome is recorded.
///
/// ```
/// use moltbot_audit::event::payload::MoltbotInput;
/// use moltbot_audit::{Effect, RequestId};
///
/// let input = MoltbotInput { model: Some("m-1".into()), attempt: Some(1), ..Default::default() };
/// let effect = Effect::moltbot_call(&input).request(&RequestId::from_host("req-7"));
/// ```
#[derive(Clone, Debug)]
pub struct Effect {
    /// What is known before it runs. An input that is no JSON is reported when the effect is run.
    pub(super) event: Result<AuditEvent, EventError>,
    /// The event type where the call fails, if it is another.
    pub(super) failed_as: Option<EventType>,
    /// What the call's own error stands for.
    pub(super) error_code: ErrorCode,
}

impl Effect {
    /// Moltbot is asked for the next action: `moltbot.called`.
    #[must_use]
    pub fn moltbot_call(input: &MoltbotInput) -> Self {
        Self::typed(EventType::MOLTBOT_CALLED, Actor::Moltbot, input)
    }

    /// A photo is read: `ocr.job_done`, or `ocr.job_failed`.
    #[must_use]
    pub fn ocr_job(input: &OcrInput) -> Self {
        Self::typed(EventType::OCR_JOB_DONE, Actor::System, input)
            .failed_as(EventType::OCR_JOB_FAILED)
    }

    /// A batch of vendors is messaged: `vendor.batch_sent`. Inside it, each vendor is an effect of
    /// its own, a [`vendor_message`](Self::vendor_message).
    #[must_use]
    pub fn vendor_batch(input: &BatchInput) -> Self {
        Self::typed(EventType::VENDOR_BATCH_SENT, Actor::System, input)
    }

    /// One vendor is messaged: `vendor.outreach_sent`, or `whatsapp.send_failed`.
    #[must_use]
    pub fn vendor_message(input: &OutreachInput) -> Self {
        Self::typed(EventType::VENDOR_OUTREACH_SENT, Actor::System, input)
            .failed_as(EventType::WHATSAPP_SEND_FAILED)
    }

    /// The client is messaged: `whatsapp.outbound_sent`, or `whatsapp.send_failed`.
    #[must_use]
    pub fn message(input: &OutboundInput) -> Self {
        Self::typed(EventType::WHATSAPP_OUTBOUND_SENT, Actor::System, input)
            .failed_as(EventType::WHATSAPP_SEND_FAILED)
    }

    /// The client is asked whether a call is welcome: `call.consent_requested`, or
    /// `whatsapp.send_failed`.
    #[must_use]
    pub fn consent_request(input: &CallConsentInput) -> Self {
        Self::typed(EventType::CALL_CONSENT_REQUESTED, Actor::System, input)
            .failed_as(EventType::WHATSAPP_SEND_FAILED)
    }

    /// A call is placed: `call.started`, or `call.failed`.
    #[must_use]
    pub fn call(input: &CallInput) -> Self {
        Self::typed(EventType::CALL_STARTED, Actor::System, input).failed_as(EventType::CALL_FAILED)
    }

    /// Anything else the host does to the world.
    #[must_use]
    pub fn custom(event_type: EventType, actor: Actor, input: Value) -> Self {
        let event = AuditEvent::new(event_type, actor).input(input);
        Self { event: Ok(event), failed_as: None, error_code: ErrorCode::EffectFailed }
    }

    fn typed<T: Serialize>(event_type: EventType, actor: Actor, input: &T) -> Self {
        let event = serde_json::to_value(input)
            .map(|input| AuditEvent::new(event_type, actor).input(input))
            .map_err(|_| EventError::NotJson { part: "input" });
        Self { event, failed_as: None, error_code: ErrorCode::ProviderError }
    }

    fn failed_as(mut self, event_type: EventType) -> Self {
        self.failed_as = Some(event_type);
        self
    }

    /// Says which request it is for.
    #[must_use]
    pub fn request(self, request: &RequestId) -> Self {
        self.with(|event| event.request(request))
    }

    /// Says which conversation it is for.
    #[must_use]
    pub fn conversation(self, conversation: &ConversationId) -> Self {
        self.with(|event| event.conversation(conversation))
    }

    /// Says under which dedup token it is done; at most 512 bytes.
    #[must_use]
    pub fn idempotency_key(self, key: impl Into<String>) -> Self {
        self.with(|event| event.idempotency_key(key))
    }

    /// Fixes the id of the event that records the outcome, so that other events can refer to it.
    #[must_use]
    pub fn id(self, id: EventId) -> Self {
        self.with(|event| event.id(id))
    }

    /// Says where in a distributed trace it happens.
    #[must_use]
    pub fn trace(self, trace: TraceContext) -> Self {
        self.with(|event| event.trace(trace))
    }

    fn with(mut self, set: impl FnOnce(AuditEvent) -> AuditEvent) -> Self {
        self.event = self.event.map(set);
        self
    }
}
