//! Declares what the host is about to do to the outside world.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use crate::event::payload::{
    BatchInput, CallConsentInput, CallInput, MoltbotInput, OcrInput, OutboundInput, OutreachInput,
    StateChange, WithdrawalInput, WithdrawnInput,
};
use crate::event::{
    Actor, AuditEvent, Budget, ConversationId, ErrorCode, EventError, EventId, EventType,
    RequestId, Reversal, Switch, TraceContext,
};
use crate::policy::Demand;

/// A call to the outside world, declared before it is made: its kind, its request, its input.
///
/// The constructor determines the event type of the outcome, the switch that governs the effect,
/// and its charges:
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
/// An effect with a charge is refused if its request has taken too long.
///
/// Each effect also declares whether it can be undone: see [`Reversal::of`] for the defaults.
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
    /// What is known before it runs. An input that is not JSON, or a reserved event type, is
    /// reported when the effect is run.
    pub(super) event: Result<AuditEvent, EventError>,
    /// The event type of a failure, if it differs.
    pub(super) failed_as: Option<EventType>,
    /// The error code for the call's own error.
    pub(super) error_code: ErrorCode,
    /// What it asks for.
    pub(super) demand: Demand,
    /// Whether it can be undone.
    pub(super) reversal: Reversal,
    /// What it undoes.
    pub(super) reverses: Option<EventId>,
}

impl Effect {
    /// Asks Moltbot for the next action: `moltbot.called`.
    #[must_use]
    pub fn moltbot_call(input: &MoltbotInput) -> Self {
        Self::typed(EventType::MOLTBOT_CALLED, Actor::Moltbot, input)
            .demands(Demand::moltbot_call())
    }

    /// Reads a photo: `ocr.job_done`, or `ocr.job_failed`.
    #[must_use]
    pub fn ocr_job(input: &OcrInput) -> Self {
        Self::typed(EventType::OCR_JOB_DONE, Actor::System, input)
            .failed_as(EventType::OCR_JOB_FAILED)
            .demands(Demand::ocr_job())
    }

    /// Messages a batch of vendors: `vendor.batch_sent`. Inside it, each vendor is an effect of its
    /// own, a [`vendor_message`](Self::vendor_message), which is not charged again.
    #[must_use]
    pub fn vendor_batch(input: &BatchInput) -> Self {
        Self::typed(EventType::VENDOR_BATCH_SENT, Actor::System, input)
            .demands(Demand::vendor_batch(input.vendor_ids.len()))
    }

    /// Messages one vendor: `vendor.outreach_sent`, or `whatsapp.send_failed`.
    #[must_use]
    pub fn vendor_message(input: &OutreachInput) -> Self {
        Self::typed(EventType::VENDOR_OUTREACH_SENT, Actor::System, input)
            .failed_as(EventType::WHATSAPP_SEND_FAILED)
    }

    /// Messages the client: `whatsapp.outbound_sent`, or `whatsapp.send_failed`.
    #[must_use]
    pub fn message(input: &OutboundInput) -> Self {
        Self::typed(EventType::WHATSAPP_OUTBOUND_SENT, Actor::System, input)
            .failed_as(EventType::WHATSAPP_SEND_FAILED)
    }

    /// Asks the client whether a call is welcome: `call.consent_requested`, or
    /// `whatsapp.send_failed`.
    #[must_use]
    pub fn consent_request(input: &CallConsentInput) -> Self {
        Self::typed(EventType::CALL_CONSENT_REQUESTED, Actor::System, input)
            .failed_as(EventType::WHATSAPP_SEND_FAILED)
    }

    /// Places a call: `call.started`, or `call.failed`. It needs the consent that its input names.
    #[must_use]
    pub fn call(input: &CallInput) -> Self {
        Self::typed(EventType::CALL_STARTED, Actor::System, input)
            .failed_as(EventType::CALL_FAILED)
            .demands(Demand::call(input.consent_id.clone()))
    }

    /// Tells one vendor that its offer is no longer needed: `vendor.outreach_withdrawn`, or
    /// `whatsapp.send_failed`.
    #[must_use]
    pub fn vendor_withdrawal(input: &WithdrawalInput) -> Self {
        Self::typed(EventType::VENDOR_OUTREACH_WITHDRAWN, Actor::System, input)
            .failed_as(EventType::WHATSAPP_SEND_FAILED)
    }

    /// Takes the shortlist back: `shortlist.withdrawn`.
    #[must_use]
    pub fn shortlist_withdrawal(input: &WithdrawnInput) -> Self {
        Self::typed(EventType::SHORTLIST_WITHDRAWN, Actor::System, input)
    }

    /// Moves the request through its state machine: `request.state_changed`.
    #[must_use]
    pub fn state_change(input: &StateChange) -> Self {
        let reversal = Reversal::of_state_change(input.from_state.as_deref(), &input.to_state);
        Self::typed(EventType::REQUEST_STATE_CHANGED, Actor::System, input).reversal(reversal)
    }

    /// Any other effect of the host. A [reserved](EventType::is_reserved) event type is an error
    /// when the effect is admitted.
    #[must_use]
    pub fn custom(event_type: EventType, actor: Actor, input: Value) -> Self {
        let reversal = Reversal::of(&event_type);
        let event = AuditEvent::new(event_type, actor).input(input).of_host();
        Self::of(event, reversal, ErrorCode::EffectFailed)
    }

    /// The effect of a self-test, which does nothing.
    pub(super) fn probe() -> Self {
        Self::typed(EventType::AUDIT_SELF_TEST, Actor::System, &json!({}))
    }

    fn typed<T: Serialize>(event_type: EventType, actor: Actor, input: &T) -> Self {
        let reversal = Reversal::of(&event_type);
        let event = crate::json::of(input)
            .map(|input| AuditEvent::new(event_type, actor).input(input))
            .ok_or(EventError::NotJson { part: "input" });
        Self::of(event, reversal, ErrorCode::ProviderError)
    }

    fn of(
        event: Result<AuditEvent, EventError>,
        reversal: Reversal,
        error_code: ErrorCode,
    ) -> Self {
        Self {
            event,
            failed_as: None,
            error_code,
            demand: Demand::default(),
            reversal,
            reverses: None,
        }
    }

    fn demands(self, demand: Demand) -> Self {
        Self { demand, ..self }
    }

    fn failed_as(mut self, event_type: EventType) -> Self {
        self.failed_as = Some(event_type);
        self
    }

    /// Marks it as planned by Moltbot: it does not run while the AI is switched off.
    #[must_use]
    pub fn planned_by_moltbot(self) -> Self {
        self.switch(Switch::AI)
    }

    /// Sets the switch that governs it. An effect has one switch; a switch other than that of its
    /// kind is an error when it is admitted.
    #[must_use]
    pub fn switch(self, switch: Switch) -> Self {
        Self { demand: self.demand.switch(switch), ..self }
    }

    /// Adds a charge, of at least 1, to those of its kind. The budget must have a
    /// [limit](crate::policy::Limits::per_request), and the effect a request.
    #[must_use]
    pub fn charge(self, budget: Budget, amount: i64) -> Self {
        Self { demand: self.demand.charge(budget, amount), ..self }
    }

    /// Sets the estimate of its tokens. They are held until its output says how many it took
    /// ([`MoltbotOutput`](crate::event::payload::MoltbotOutput)). Default: the
    /// [limits](crate::policy::Limits::call_tokens) for a call.
    #[must_use]
    pub fn estimated_tokens(self, tokens: u64) -> Self {
        Self { demand: self.demand.estimate(Budget::TOKENS, tokens), ..self }
    }

    /// Sets the estimate of its cost, in millionths of a US dollar. It is held until its output
    /// says what it cost (`cost_microusd`). Default: the
    /// [limits](crate::policy::Limits::call_cost_microusd) for a call.
    #[must_use]
    pub fn estimated_cost_microusd(self, cost: u64) -> Self {
        Self { demand: self.demand.estimate(Budget::COST_MICROUSD, cost), ..self }
    }

    /// Sets its lease: how long after its process died the effect is in doubt. While it runs, its
    /// process renews the lease, for a day at most. Default: the lease of the
    /// [limits](crate::policy::Limits::lease).
    #[must_use]
    pub fn lease(self, lease: Duration) -> Self {
        Self { demand: self.demand.lease(lease), ..self }
    }

    /// Sets who acts, [`Actor::Admin`] for a human of the operator's. Default: that of its kind.
    #[must_use]
    pub fn actor(self, actor: Actor) -> Self {
        self.with(|event| AuditEvent { actor, ..event })
    }

    /// Sets the request that it is for.
    #[must_use]
    pub fn request(self, request: &RequestId) -> Self {
        self.with(|event| event.request(request))
    }

    /// Sets the conversation that it is for.
    #[must_use]
    pub fn conversation(self, conversation: &ConversationId) -> Self {
        self.with(|event| event.conversation(conversation))
    }

    /// Sets its idempotency key, unique in the deployment, of at most 512 bytes. If an effect with
    /// this key and input has succeeded, its output is returned again, and nothing runs.
    #[must_use]
    pub fn idempotency_key(self, key: impl Into<String>) -> Self {
        self.with(|event| event.idempotency_key(key))
    }

    /// Sets the id of the outcome's event, so that other events can refer to it.
    #[must_use]
    pub fn id(self, id: EventId) -> Self {
        self.with(|event| event.id(id))
    }

    /// Sets the event that led to it: the message that a model answers, the decision that a message carries
    /// out. Default: inside another effect, that effect's `effect.admitted`.
    #[must_use]
    pub fn caused_by(self, cause: EventId) -> Self {
        self.with(|event| event.caused_by(cause))
    }

    /// Sets whether it can be undone, by what, and until when. It is recorded with the admission. Default: that of
    /// its [kind](Reversal::of).
    #[must_use]
    pub fn reversal(self, reversal: Reversal) -> Self {
        Self { reversal, ..self }
    }

    /// Says which event it undoes: the outcome of another effect, whose id is that effect's, or an event that
    /// reports what was done. Undoing a request sets this by itself.
    #[must_use]
    pub fn reverses(self, event: EventId) -> Self {
        Self { reverses: Some(event), ..self }
    }

    /// Sets its place in a distributed trace.
    #[must_use]
    pub fn trace(self, trace: TraceContext) -> Self {
        self.with(|event| event.trace(trace))
    }

    /// Has nothing but a decision of the store admit it: while the database is away, it is refused, also if it has
    /// neither a switch nor a budget.
    pub(crate) fn decided_by_store(self) -> Self {
        Self { demand: self.demand.decided_by_store(), ..self }
    }

    /// An effect that cannot be declared.
    pub(crate) fn invalid(error: EventError) -> Self {
        Self::of(Err(error), Reversal::Final { correction: None }, ErrorCode::EffectFailed)
    }

    /// What is known before it runs.
    pub(crate) fn declared(&self) -> Result<&AuditEvent, EventError> {
        self.event.as_ref().map_err(Clone::clone)
    }

    fn with(mut self, set: impl FnOnce(AuditEvent) -> AuditEvent) -> Self {
        self.event = self.event.map(set);
        self
    }
}
