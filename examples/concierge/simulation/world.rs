//! The outside world: Moltbot, OCR, WhatsApp, the phone. All of it is scripted.
//!
//! The providers are private to this file, and are called only inside `Trail::effect(…).run(…)`, on a permit that the
//! call uses up, or inside an undo (`undo.rs`). The orchestrator holds only a [`World`], so it cannot cause a side-effect
//! without an event. The world keeps a ledger of what really went out. The ledger shares nothing with the audit
//! trail, so the two can be compared.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use moltbot_audit::auditor::Unrecorded;
use moltbot_audit::delivery::WriteError;
use moltbot_audit::event::payload::{
    BatchInput, BatchOutput, CallConsentInput, CallConsentOutput, CallInput, CallOutput,
    MoltbotInput, MoltbotOutput, OcrInput, OcrOutput, OutboundInput, OutboundOutput, OutreachInput,
    OutreachOutput, WithdrawalInput,
};
use moltbot_audit::policy::Refusal;
use moltbot_audit::record::Record;
use moltbot_audit::{Actor, AdmitError, Effect, EffectError, EventId, Permit, RecordError};
use serde_json::Value;

use super::clock::ScriptedClock;
use super::scenario::{OcrResult, Provider};
use super::trail::Trail;

/// The result of a call to the world. The outer `Err` says that it could not be audited, and the
/// play must stop. The inner result is the provider's own.
pub(crate) type Reached<T> = Result<Result<T, NotReached>, RecordError>;

/// Why the world gave no answer.
#[derive(Debug)]
pub(crate) enum NotReached {
    /// It may not be asked. The refusal says what to do instead.
    Refused(Box<Refusal>),
    /// It failed.
    Failed,
}

/// A permit to do something later, or why there is none.
pub(crate) type Asked = Result<Result<Permit, NoPermit>, RecordError>;

#[derive(Debug)]
pub(crate) enum NoPermit {
    /// It was done before under the same key, so there is nothing to do.
    Done,
    Refused(Box<Refusal>),
}

/// A message that reached a vendor.
#[derive(Debug)]
pub(crate) struct VendorMessaged {
    pub(crate) vendor_id: String,
    pub(crate) vendor_phone: Option<String>,
    /// The event that records it.
    pub(crate) event_id: EventId,
    pub(crate) provider_message_id: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProviderError {
    #[error("the audit trail failed while the batch was being sent")]
    Audit,
    #[error("the provider answered 503")]
    Down,
    #[error("the model gave no answer within 30 s")]
    NoAnswer,
    #[error("the photo could not be read")]
    Unreadable,
}

/// One call to the world, even if it failed.
#[derive(Clone, Debug)]
pub(crate) struct Went {
    pub(crate) kind: Kind,
    pub(crate) succeeded: bool,
    /// The receiver, if it is a message: the client's number, or the vendor's id and number.
    pub(crate) to: Vec<String>,
    /// `text`, `buttons`, `list`, `template`, if it is a message.
    pub(crate) shape: &'static str,
    pub(crate) text: String,
    /// The provider's own id for it.
    pub(crate) reference: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Call,
    ClientMessage,
    ConsentRequest,
    Model,
    Photo,
    VendorMessage,
    VendorWithdrawal,
}

#[derive(Debug)]
pub(crate) struct World {
    clock: Arc<ScriptedClock>,
    outside: Mutex<Outside>,
}

/// The providers. Private: see the top of the file.
#[derive(Debug, Default)]
struct Outside {
    decisions: VecDeque<Value>,
    readings: VecDeque<OcrResult>,
    failing: BTreeMap<Provider, u32>,
    ledger: Vec<Went>,
    recorded: Vec<Recorded>,
}

/// An event as it was recorded. Assertions about rows count these.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) event_type: String,
    pub(crate) outcome: String,
    pub(crate) error_code: Option<String>,
    pub(crate) input: Value,
    pub(crate) output: Value,
}

/// How the script sets the scene. Nothing here reaches anyone.
impl World {
    pub(crate) fn new(clock: Arc<ScriptedClock>) -> Self {
        Self { clock, outside: Mutex::default() }
    }

    pub(crate) fn clock(&self) -> &ScriptedClock {
        &self.clock
    }

    pub(crate) fn script_decision(&self, output: Value) {
        self.outside().decisions.push_back(output);
    }

    pub(crate) fn forget_decisions(&self) {
        self.outside().decisions.clear();
    }

    pub(crate) fn script_reading(&self, reading: OcrResult) {
        self.outside().readings.push_back(reading);
    }

    pub(crate) fn script_failure(&self, provider: Provider, times: u32) {
        *self.outside().failing.entry(provider).or_default() += times;
    }

    pub(crate) fn ledger(&self) -> Vec<Went> {
        self.outside().ledger.clone()
    }

    /// Notes what the store has recorded, each event once.
    pub(crate) fn note_recorded(&self, record: &Record) {
        let header = record.header();
        self.outside().recorded.push(Recorded {
            event_type: header.event_type.clone(),
            outcome: header.outcome.clone(),
            error_code: header.error_code.clone(),
            input: record.input().unwrap_or_default(),
            output: record.output().unwrap_or_default(),
        });
    }

    pub(crate) fn recorded(&self) -> Vec<Recorded> {
        self.outside().recorded.clone()
    }

    fn outside(&self) -> MutexGuard<'_, Outside> {
        self.outside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The audited calls.
impl World {
    pub(crate) async fn ask_moltbot(
        &self,
        trail: &Trail,
        id: EventId,
        key: String,
        input: &MoltbotInput,
    ) -> Reached<MoltbotOutput> {
        let effect = Effect::moltbot_call(input).id(id).idempotency_key(key);
        let answer = settle(trail.effect(effect).run(async || self.think(input)).await)?;
        if answer.is_ok() {
            trail.act_on(Some(id));
        }
        Ok(answer)
    }

    /// Asks whether a photo may be read, when it arrives. The worker reads it later.
    pub(crate) async fn ask_for_photo(
        &self,
        trail: &Trail,
        key: String,
        input: &OcrInput,
    ) -> Asked {
        granted(trail.effect(Effect::ocr_job(input).idempotency_key(key)).admit().await)
    }

    pub(crate) async fn read_photo(&self, permit: Permit, threshold: f64) -> Reached<OcrOutput> {
        match self.read(threshold) {
            Ok(output) => {
                permit.succeeded(&output).await.map_err(unrecorded)?;
                Ok(Ok(output))
            }
            Err(error) => {
                permit.failed(&error).await.map_err(unrecorded)?;
                Ok(Err(NotReached::Failed))
            }
        }
    }

    /// Gives back a permit that is not needed.
    pub(crate) async fn leave(&self, permit: Permit, reason: &str) -> Result<(), RecordError> {
        permit.not_performed(reason).await.map(drop).map_err(unrecorded)
    }

    pub(crate) async fn message_client(
        &self,
        trail: &Trail,
        id: EventId,
        key: String,
        actor: Actor,
        input: &OutboundInput,
    ) -> Reached<OutboundOutput> {
        let effect = Effect::message(input).actor(actor).id(id).idempotency_key(key);
        let sent = trail
            .effect(effect)
            .run(async || {
                let text = input.text.as_deref().unwrap_or_default();
                let to = Addressed::client(input.to_phone.as_deref(), shape_of(input));
                self.deliver(Kind::ClientMessage, Provider::Whatsapp, to, text).map(|reference| {
                    OutboundOutput { provider_message_id: Some(reference), ..Default::default() }
                })
            })
            .await;
        settle(sent)
    }

    /// Asks whether a batch that Moltbot planned may go out.
    pub(crate) async fn ask_for_batch(&self, trail: &Trail, batch: &BatchInput) -> Asked {
        let number = batch.batch_number.unwrap_or_default();
        let key = trail.key(&format!("batch:{number}"));
        let effect = Effect::vendor_batch(batch).planned_by_moltbot().idempotency_key(key);
        granted(trail.effect(effect).admit().await)
    }

    /// Messages a batch, with one effect for each vendor inside the effect of the batch. Returns the messages that
    /// went out.
    pub(crate) async fn message_vendors(
        &self,
        trail: &Trail,
        permit: Permit,
        messages: &[OutreachInput],
    ) -> Result<Vec<VendorMessaged>, RecordError> {
        let mut reached = Vec::new();
        for message in messages {
            let event_id = trail.event_id()?;
            match self.message_vendor(trail, event_id, message).await {
                Ok(Ok(sent)) => reached.push(VendorMessaged {
                    vendor_id: message.vendor_id.clone(),
                    vendor_phone: message.vendor_phone.clone(),
                    event_id,
                    provider_message_id: sent.provider_message_id,
                }),
                Ok(Err(_)) => {}
                Err(error) => {
                    permit.failed(&ProviderError::Audit).await.ok();
                    return Err(error);
                }
            }
        }
        let sent = reached.len();
        let output = BatchOutput {
            sent: u32::try_from(sent).ok(),
            failed: u32::try_from(messages.len() - sent).ok(),
            ..Default::default()
        };
        permit.succeeded(&output).await.map_err(unrecorded)?;
        Ok(reached)
    }

    /// Tells the client that what it was told no longer holds. Inside an undo's effect.
    pub(super) fn correct(&self, input: &OutboundInput) -> Result<String, ProviderError> {
        let to = Addressed::client(input.to_phone.as_deref(), shape_of(input));
        let text = input.text.as_deref().unwrap_or_default();
        self.deliver(Kind::ClientMessage, Provider::Whatsapp, to, text)
    }

    /// Tells a vendor that its offer is no longer needed. Inside an undo's effect.
    pub(super) fn withdraw(&self, input: &WithdrawalInput) -> Result<String, ProviderError> {
        let to = Addressed::vendor(&input.vendor_id, input.vendor_phone.as_deref());
        let text = input.text.as_deref().unwrap_or_default();
        self.deliver(Kind::VendorWithdrawal, Provider::VendorWhatsapp, to, text)
    }

    async fn message_vendor(
        &self,
        trail: &Trail,
        id: EventId,
        message: &OutreachInput,
    ) -> Reached<OutreachOutput> {
        let key = trail.key(&format!("vendor:{}:qset:v1", message.vendor_id));
        let effect = Effect::vendor_message(message).id(id).idempotency_key(key);
        let sent = trail
            .effect(effect)
            .run(async || {
                let text = message.text.as_deref().unwrap_or_default();
                let provider = Provider::VendorWhatsapp;
                let to = Addressed::vendor(&message.vendor_id, message.vendor_phone.as_deref());
                self.deliver(Kind::VendorMessage, provider, to, text).map(|reference| {
                    OutreachOutput { provider_message_id: Some(reference), ..Default::default() }
                })
            })
            .await;
        settle(sent)
    }

    pub(crate) async fn ask_consent(
        &self,
        trail: &Trail,
        id: EventId,
        key: String,
        input: &CallConsentInput,
        text: &str,
    ) -> Reached<CallConsentOutput> {
        let effect = Effect::consent_request(input).id(id).idempotency_key(key);
        let asked = trail
            .effect(effect)
            .run(async || {
                let to = Addressed::client(input.client_phone.as_deref(), "buttons");
                self.deliver(Kind::ConsentRequest, Provider::Whatsapp, to, text).map(|reference| {
                    CallConsentOutput { provider_message_id: Some(reference), ..Default::default() }
                })
            })
            .await;
        settle(asked)
    }

    pub(crate) async fn call(
        &self,
        trail: &Trail,
        key: String,
        input: &CallInput,
    ) -> Reached<CallOutput> {
        let effect = Effect::call(input).idempotency_key(key);
        let called = trail
            .effect(effect)
            .run(async || {
                let purpose = input.purpose.as_deref().unwrap_or_default();
                let to = Addressed::client(input.to_phone.as_deref(), "");
                self.deliver(Kind::Call, Provider::Phone, to, purpose).map(|reference| CallOutput {
                    provider_call_id: Some(reference),
                    ..Default::default()
                })
            })
            .await;
        settle(called)
    }
}

/// The providers' own work. It is called only inside an effect.
impl World {
    fn think(&self, input: &MoltbotInput) -> Result<MoltbotOutput, ProviderError> {
        self.clock.advance(Duration::from_millis(900));
        let mut outside = self.outside();
        let answer = if outside.is_failing(Provider::Moltbot) {
            Err(ProviderError::Down)
        } else {
            outside.decisions.pop_front().ok_or(ProviderError::NoAnswer)
        };
        outside.note(Kind::Model, &answer, "next action", None);
        let action = answer?;
        let tokens = |value: &Value| value.to_string().len() as u64 / 4;
        let read = input.context.as_ref().map_or(0, tokens);
        let written = tokens(&action);
        // The first call of a play writes the prompt to the provider's cache, and the others read it.
        let nth = outside.ledger.iter().filter(|went| went.kind == Kind::Model).count();
        let (cache_created, cache_read) =
            if nth == 1 { (PROMPT_TOKENS, 0) } else { (0, PROMPT_TOKENS) };
        let reasoned = written * 2;
        // US dollars for a million tokens: 3 in, 3.75 into the cache, 0.30 out of it, 15 out, reasoning included.
        let cents =
            read * 300 + cache_created * 375 + cache_read * 30 + (written + reasoned) * 1_500;
        Ok(MoltbotOutput {
            action: Some(action),
            model: input.model.clone(),
            finish_reason: Some("end_turn".into()),
            response_id: Some(format!("msg_scripted.{nth}")),
            input_tokens: Some(read),
            cache_read_input_tokens: Some(cache_read),
            cache_creation_input_tokens: Some(cache_created),
            output_tokens: Some(written),
            reasoning_output_tokens: Some(reasoned),
            cost_microusd: Some(cents.div_ceil(100)),
            price_list_version: Some("v1".into()),
            ..Default::default()
        })
    }

    fn read(&self, threshold: f64) -> Result<OcrOutput, ProviderError> {
        self.clock.advance(Duration::from_millis(2_300));
        let mut outside = self.outside();
        let reading = if outside.is_failing(Provider::Ocr) {
            Err(ProviderError::Down)
        } else {
            let next = outside.readings.pop_front().ok_or(ProviderError::NoAnswer);
            next.and_then(|r| if r.failed() { Err(ProviderError::Unreadable) } else { Ok(r) })
        };
        outside.note(Kind::Photo, &reading, "photo", None);
        let reading = reading?;
        Ok(OcrOutput {
            status: Some("completed".into()),
            extracted: reading.extracted,
            confidence: reading.confidence,
            field_confidence: known(reading.field_confidence),
            threshold: Some(threshold),
            // A reading without a confidence needs to be clarified.
            needs_clarification: Some(reading.confidence.is_none_or(|sure| sure < threshold)),
            warnings: reading.warnings,
            ..Default::default()
        })
    }

    fn deliver(
        &self,
        kind: Kind,
        provider: Provider,
        to: Addressed,
        text: &str,
    ) -> Result<String, ProviderError> {
        self.clock.advance(Duration::from_millis(120));
        let mut outside = self.outside();
        let sent = if outside.is_failing(provider) { Err(ProviderError::Down) } else { Ok(()) };
        let reference = format!("{}.{}", provider.as_str(), outside.ledger.len() + 1);
        outside.note(kind, &sent, text, sent.is_ok().then(|| reference.clone()));
        if let Some(went) = outside.ledger.last_mut() {
            (went.to, went.shape) = (to.to, to.shape);
        }
        sent.map(|()| reference)
    }
}

impl Outside {
    fn is_failing(&mut self, provider: Provider) -> bool {
        match self.failing.get_mut(&provider) {
            Some(times) if *times > 0 => {
                *times -= 1;
                true
            }
            _ => false,
        }
    }

    fn note<T>(
        &mut self,
        kind: Kind,
        answer: &Result<T, ProviderError>,
        text: &str,
        reference: Option<String>,
    ) {
        let text = text.to_owned();
        let (succeeded, to, shape) = (answer.is_ok(), Vec::new(), "");
        self.ledger.push(Went { kind, succeeded, to, shape, text, reference });
    }
}

/// Tokens of the prompt that stands before each context.
const PROMPT_TOKENS: u64 = 1_200;

/// The receiver of a message, and its shape.
struct Addressed {
    to: Vec<String>,
    shape: &'static str,
}

impl Addressed {
    fn client(phone: Option<&str>, shape: &'static str) -> Self {
        Self { to: ["client"].into_iter().chain(phone).map(str::to_owned).collect(), shape }
    }

    fn vendor(vendor_id: &str, phone: Option<&str>) -> Self {
        let to = ["vendor", vendor_id].into_iter().chain(phone);
        Self { to: to.map(str::to_owned).collect(), shape: "text" }
    }
}

/// Up to three options are buttons on WhatsApp, more are a list.
fn shape_of(message: &OutboundInput) -> &'static str {
    let options = message.extra.get("options").and_then(Value::as_array).map_or(0, Vec::len);
    match options {
        0 if message.template_id.is_some() => "template",
        0 => "text",
        1..=3 => "buttons",
        _ => "list",
    }
}

/// Separates failures of the provider and refusals, which the orchestrator handles, from a failing audit, which stops
/// the play.
fn settle<T>(ran: Result<T, EffectError<T, ProviderError>>) -> Reached<T> {
    match ran {
        Ok(value) => Ok(Ok(value)),
        Err(EffectError::Failed(_)) => Ok(Err(NotReached::Failed)),
        Err(EffectError::Refused(refusal)) => Ok(Err(NotReached::Refused(refusal))),
        Err(
            EffectError::NotAdmitted(AdmitError::NotRun(error))
            | EffectError::Unrecorded { source: error, .. },
        ) => Err(error),
        Err(_) => Err(WriteError::Interrupted.into()),
    }
}

fn granted(asked: Result<Permit, AdmitError>) -> Asked {
    match asked {
        Ok(permit) => Ok(Ok(permit)),
        Err(AdmitError::Refused(refusal)) => Ok(Err(NoPermit::Refused(refusal))),
        Err(AdmitError::Replayed(_)) => Ok(Err(NoPermit::Done)),
        Err(AdmitError::NotRun(error)) => Err(error),
        Err(_) => Err(WriteError::Interrupted.into()),
    }
}

fn unrecorded(unrecorded: Unrecorded) -> RecordError {
    unrecorded.source
}

/// The library also keeps fields without a confidence.
fn known(confidence: BTreeMap<String, f64>) -> BTreeMap<String, Option<f64>> {
    confidence.into_iter().map(|(field, value)| (field, Some(value))).collect()
}
