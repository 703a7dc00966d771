//! What the host is about to do to the world.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use crate::admission::Demand;
use crate::event::payload::{
    BatchInput, CallConsentInput, CallInput, MoltbotInput, OcrInput, OutboundInput, OutreachInput,
};
use crate::event::{
    Actor, AuditEvent, Budget, ConversationId, ErrorCode, EventError, EventId, EventType,
    RequestId, Switch, TraceContext,
};

/// A call on the world, declared before it is made: what kind, for whom, with which input.
///
/// The constructor says what it is; that decides under which event type its outcome is recorded, which
/// switch governs it, and what it is charged:
///
/// | | switch | charged | needs |
/// |---|---|---|---|
/// | [`moltbot_call`](Self::moltbot_call) | `ai` | 1 `moltbot_calls`; tokens and cost where they are limited | a request |
/// | [`ocr_job`](Self::ocr_job) | `ocr` | 1 `ocr_jobs` | a request |
/// | [`vendor_batch`](Self::vendor_batch) | `ai` where Moltbot planned it | 1 `vendor_batches`, and its `vendors` | a request |
/// | [`call`](Self::call) | `calling` | | a consent that was granted and has not lapsed |
/// | messages, [`consent_request`](Self::consent_request) | | | |
/// | [`custom`](Self::custom) | as it is told | as it is told | |
///
/// What is charged is refused where its request has taken too long.
///
/// ```
/// # fn host(auditor: &moltbot_audit::Auditor) -> Result<(), moltbot_audit::EventError> {
/// use moltbot_audit::event::payload::MoltbotInput;
/// use moltbot_audit::Effect;
///
/// let input = MoltbotInput { model: Some("m-1".into()), attempt: Some(1), ..Default::default() };
/// let effect = Effect::moltbot_call(&input).request(&auditor.request_id("req-7")?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Effect {
    /// What is known before it runs. An input that is no JSON, or a reserved
    /// event type, is reported when the effect is run.
    pub(super) event: Result<AuditEvent, EventError>,
    /// The event type where the call fails, if it is another.
    pub(super) failed_as: Option<EventType>,
    /// What the call's own error stands for.
    pub(super) error_code: ErrorCode,
    /// What it asks for.
    pub(super) demand: Demand,
}

impl Effect {
    /// Moltbot is asked for the next action: `moltbot.called`.
    #[must_use]
    pub fn moltbot_call(input: &MoltbotInput) -> Self {
        Self::typed(EventType::MOLTBOT_CALLED, Actor::Moltbot, input)
            .demands(Demand::moltbot_call())
    }

    /// A photo is read: `ocr.job_done`, or `ocr.job_failed`.
    #[must_use]
    pub fn ocr_job(input: &OcrInput) -> Self {
        Self::typed(EventType::OCR_JOB_DONE, Actor::System, input)
            .failed_as(EventType::OCR_JOB_FAILED)
            .demands(Demand::ocr_job())
    }

    /// A batch of vendors is messaged: `vendor.batch_sent`. Inside it, each vendor is an effect of
    /// its own, a [`vendor_message`](Self::vendor_message), which is not charged again.
    #[must_use]
    pub fn vendor_batch(input: &BatchInput) -> Self {
        Self::typed(EventType::VENDOR_BATCH_SENT, Actor::System, input)
            .demands(Demand::vendor_batch(input.vendor_ids.len()))
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

    /// A call is placed: `call.started`, or `call.failed`. It rests on the consent of its input.
    #[must_use]
    pub fn call(input: &CallInput) -> Self {
        Self::typed(EventType::CALL_STARTED, Actor::System, input)
            .failed_as(EventType::CALL_FAILED)
            .demands(Demand::call(input.consent_id.clone()))
    }

    /// Anything else the host does to the world. A [reserved](EventType::is_reserved) event type is an
    /// error when it is admitted.
    #[must_use]
    pub fn custom(event_type: EventType, actor: Actor, input: Value) -> Self {
        let event = AuditEvent::new(event_type, actor).input(input).of_host();
        let error_code = ErrorCode::EffectFailed;
        Self { event, failed_as: None, error_code, demand: Demand::default() }
    }

    /// The self-test's, which does nothing.
    pub(super) fn probe() -> Self {
        Self::typed(EventType::AUDIT_SELF_TEST, Actor::System, &json!({}))
    }

    fn typed<T: Serialize>(event_type: EventType, actor: Actor, input: &T) -> Self {
        let event = crate::json::of(input)
            .map(|input| AuditEvent::new(event_type, actor).input(input))
            .ok_or(EventError::NotJson { part: "input" });
        let error_code = ErrorCode::ProviderError;
        Self { event, failed_as: None, error_code, demand: Demand::default() }
    }

    fn demands(self, demand: Demand) -> Self {
        Self { demand, ..self }
    }

    fn failed_as(mut self, event_type: EventType) -> Self {
        self.failed_as = Some(event_type);
        self
    }

    /// Says that Moltbot planned it: it does not run while the AI is switched off.
    #[must_use]
    pub fn planned_by_moltbot(self) -> Self {
        self.switch(Switch::AI)
    }

    /// Says which switch governs it. An effect has one: another than its kind has is an error when it
    /// is admitted.
    #[must_use]
    pub fn switch(self, switch: Switch) -> Self {
        Self { demand: self.demand.switch(switch), ..self }
    }

    /// Says what it is charged, beside what its kind is; at least 1. The budget must have a
    /// [limit](crate::admission::Limits::per_request), and the effect a request.
    #[must_use]
    pub fn charge(self, budget: Budget, amount: i64) -> Self {
        Self { demand: self.demand.charge(budget, amount), ..self }
    }

    /// Says how many tokens it will take, about. They are held until its output says how many it took
    /// (`input_tokens`, `output_tokens`). Default: what the [limits](crate::admission::Limits::call_tokens)
    /// say of a call.
    #[must_use]
    pub fn estimated_tokens(self, tokens: u64) -> Self {
        Self { demand: self.demand.estimate(Budget::TOKENS, tokens), ..self }
    }

    /// Says what it will cost, about, in millionths of a US dollar; held until its output says what it
    /// cost (`cost_microusd`). Default: what the
    /// [limits](crate::admission::Limits::call_cost_microusd) say of a call.
    #[must_use]
    pub fn estimated_cost_microusd(self, cost: u64) -> Self {
        Self { demand: self.demand.estimate(Budget::COST_MICROUSD, cost), ..self }
    }

    /// Says after how long it is in doubt once its process is dead. While it runs, its process renews the
    /// lease, for a day at the most. Default: as the [limits](crate::admission::Limits::lease) say.
    #[must_use]
    pub fn lease(self, lease: Duration) -> Self {
        Self { demand: self.demand.lease(lease), ..self }
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

    /// Says under which dedup token it is done; at most 512 bytes. Unique in the deployment: where an
    /// effect with this key and input has succeeded, its output is given again, and nothing runs.
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
