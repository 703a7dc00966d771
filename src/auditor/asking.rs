//! Prepares the request for admission. An effect that cannot be recorded or is declared wrongly is
//! found here, before anything is written.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use super::current_effect::{RunningEffect, current};
use super::permit::too_large;
use super::shutdown::OpenEffect;
use super::{AdmitError, Auditor, Effect, RecordError};
use crate::event::payload::{AdmissionInput, ChargeInput};
use crate::event::{AuditEvent, ErrorCode, EventError, EventId, EventType, Switch};
use crate::observe::EffectSpan;
use crate::policy::{Demand, DemandError, Limits, RefusalReason, Setting, SwitchedBy, Unpriced};
use crate::proof::Digest;
use crate::record::{Record, seal};
use crate::redact::RedactionKey;
use crate::store::admission::{Charge, Claim, ConsentClaim, KeyedHashes};

/// What the keyed hashes are of.
const KEY_KIND: &str = "idempotency_key";
const INPUT_KIND: &str = "effect_input";

/// The `error.type` of a span where the audit trail could not take what it had to.
pub(super) const NOT_RECORDED: &str = "not_recorded";

/// An effect that asks to run.
pub(super) struct Asking {
    pub(super) auditor: Auditor,
    /// What is known of its outcome.
    pub(super) event: AuditEvent,
    pub(super) effect_id: EventId,
    pub(super) failed_as: Option<EventType>,
    pub(super) error_code: ErrorCode,
    pub(super) claim: Claim,
    pub(super) span: EffectSpan,
    /// When the host has waited long enough: for the answer, and for the record of a refusal.
    pub(super) deadline: Instant,
    /// The effect inside which it was asked for.
    pub(super) around: Option<Arc<RunningEffect>>,
    /// Counts it for a shutdown; none after that began.
    pub(super) open: Option<OpenEffect>,
    input: AdmissionInput,
    /// The consent that it needs has no name.
    lacks_consent: bool,
    /// It may use any amount of something that is limited.
    unpriced: Option<RefusalReason>,
}

impl Asking {
    pub(super) fn of(auditor: Auditor, effect: Effect) -> Result<Self, AdmitError> {
        let Effect { event, failed_as, error_code, demand } = effect;
        let mut event = event.map_err(not_run)?;
        if event.idempotency_key.as_ref().is_some_and(|key| key.trim().is_empty()) {
            return Err(AdmitError::Invalid(DemandError::EmptyKey));
        }
        let limits = &auditor.shared.limits;
        let (charges, unpriced) = match demand.charges(limits, event.request_id.is_some()) {
            Ok(charges) => (charges, None),
            Err(Unpriced::Invalid(error)) => return Err(AdmitError::Invalid(error)),
            Err(Unpriced::Unknown { budget, period, limit }) => {
                (Vec::new(), Some(RefusalReason::PriceUnknown { budget, period, limit }))
            }
        };
        let effect_id = event.id.map_or_else(|| auditor.event_id().map_err(not_run), Ok)?;
        event.id = Some(effect_id);
        let around = current();
        let switches = governing(&demand, around.as_deref());
        let span = EffectSpan::open(&event, effect_id, &switches, &auditor.shared.key);
        event.trace = Some(span.trace());
        let unsealed = |error: RecordError| {
            span.answered("not_run", Some(NOT_RECORDED));
            AdmitError::NotRun(error)
        };
        // What cannot be sealed cannot be recorded, and what cannot be recorded must not run. An output
        // that is too large is replaced by its size, so there must be room for that.
        let outcome =
            auditor.seal(event.clone().output(too_large(usize::MAX))).map_err(unsealed)?;
        span.keyed(outcome.idempotency_key());
        let elapsed_max = (!charges.is_empty()).then_some(limits.elapsed_max);
        let hashes = keyed_hashes(&auditor.shared.key, &event, &outcome);
        let lease = demand.lease_under(limits);
        let input = AdmissionInput {
            elapsed_max_ms: elapsed_max.map(millis),
            consent_lifetime_ms: demand.consent_id().map(|_| millis(limits.consent_lifetime)),
            lease_ms: Some(millis(lease)),
            switches: switches.iter().map(ToString::to_string).collect(),
            ..admission_input(&event, effect_id, &demand, &charges, hashes)
        };
        let intent = about(&event, EventType::EFFECT_ADMITTED, &input);
        let intent = intent.map_err(RecordError::from).and_then(|intent| auditor.seal(intent));
        let intent = intent.map_err(unsealed)?;
        let claim = Claim {
            consent: consent_claim(&intent, limits),
            intent,
            effect_id: effect_id.uuid(),
            effect: event.event_type.to_string(),
            key: auditor.shared.key.fingerprint(),
            key_hash: hashes.key_hash,
            input_hash: hashes.input_hash,
            previous: previous_hashes(&auditor, &event).map_err(unsealed)?,
            switches,
            elapsed_max,
            charges,
            lease,
        };
        Ok(Self {
            deadline: auditor.deadline(),
            open: auditor.shared.lifecycle.open_effect(),
            auditor,
            event,
            effect_id,
            failed_as,
            error_code,
            claim,
            span,
            around,
            input,
            lacks_consent: demand.lacks_consent(),
            unpriced,
        })
    }

    /// What refuses it before the store is asked.
    pub(super) fn barred(&self) -> Option<RefusalReason> {
        let switched = self.claim.switches.iter().find_map(|switch| {
            let by = match self.auditor.shared.environment.of(switch) {
                Setting::Engaged => SwitchedBy::Environment,
                Setting::Unreadable => SwitchedBy::Unknown,
                Setting::Left => return None,
            };
            Some(RefusalReason::Switch { switch: switch.clone(), by })
        });
        let consent = || self.lacks_consent.then_some(RefusalReason::NoConsent);
        switched.or_else(consent).or_else(|| self.unpriced.clone())
    }

    /// Whether only the store can say that it may run.
    pub(super) fn is_gated(&self) -> bool {
        let Claim { switches, consent, charges, .. } = &self.claim;
        !switches.is_empty() || consent.is_some() || !charges.is_empty()
    }

    /// An event about the effect, of the same request, conversation and actor.
    pub(super) fn about(&self, event_type: EventType, output: &impl Serialize) -> AuditEvent {
        let output = serde_json::to_value(output);
        let event = about(&self.event, event_type.clone(), &self.input);
        let event = event.unwrap_or_else(|_| AuditEvent::new(event_type, self.event.actor));
        event.output(output.unwrap_or_default())
    }
}

/// The consent that an intent names, as it was sealed: that is how the words about it are stored.
fn consent_claim(intent: &Record, limits: &Limits) -> Option<ConsentClaim> {
    let sealed = intent.input()?;
    let consent_id = sealed["consent_id"].as_str()?.to_owned();
    Some(ConsentClaim { consent_id, lifetime: limits.consent_lifetime })
}

/// The effect's own switch, and those of the effects inside which it runs.
fn governing(demand: &Demand, around: Option<&RunningEffect>) -> Vec<Switch> {
    let own = demand.governed_by();
    let inherited = around.map(RunningEffect::switches).unwrap_or_default();
    own.into_iter().chain(inherited.iter().filter(|switch| Some(*switch) != own)).cloned().collect()
}

fn about(
    effect: &AuditEvent,
    event_type: EventType,
    input: &AdmissionInput,
) -> Result<AuditEvent, EventError> {
    let input = serde_json::to_value(input).map_err(|_| EventError::NotJson { part: "input" })?;
    let mut event = AuditEvent::new(event_type, effect.actor).input(input);
    event.request_id.clone_from(&effect.request_id);
    event.conversation_id.clone_from(&effect.conversation_id);
    event.idempotency_key.clone_from(&effect.idempotency_key);
    event.trace = effect.trace;
    Ok(event)
}

/// Keyed hashes of the idempotency key, and of the input and for whom it is: the same for the same, and nothing to guess a
/// number from.
fn keyed_hashes(key: &RedactionKey, event: &AuditEvent, outcome: &Record) -> KeyedHashes {
    let hash = |kind, value: &[u8]| Digest::from_bytes(key.keyed_hash(kind, value));
    let key_hash = event.idempotency_key.as_ref().map(|key| hash(KEY_KIND, key.as_bytes()));
    let header = outcome.header();
    // A key that another client's effect has used must never be answered with that one's output.
    let whose = [header.request_id, header.conversation_id].map(Option::unwrap_or_default);
    let [request, conversation] = &whose;
    let input = [
        event.event_type.as_str().as_bytes(),
        &[0],
        request.as_bytes(),
        conversation.as_bytes(),
        outcome.canonical_input().unwrap_or_default().as_bytes(),
    ]
    .concat();
    KeyedHashes { key_hash, input_hash: hash(INPUT_KIND, &input) }
}

/// The same under the keys that were used before. A sealed input holds keyed hashes itself, so it is sealed
/// under each.
fn previous_hashes(auditor: &Auditor, event: &AuditEvent) -> Result<Vec<KeyedHashes>, RecordError> {
    let hashes = auditor.shared.key.previous().map(|key| {
        let (now, randomness) = (auditor.shared.clock.now(), auditor.randomness()?);
        Ok(keyed_hashes(&key, event, &seal(event.clone(), now, randomness, &key)?))
    });
    hashes.collect()
}

fn admission_input(
    event: &AuditEvent,
    effect_id: EventId,
    demand: &Demand,
    charges: &[Charge],
    KeyedHashes { key_hash, input_hash }: KeyedHashes,
) -> AdmissionInput {
    let charges = charges.iter().map(|charge| ChargeInput {
        budget: Some(charge.budget.to_string()),
        period: Some(charge.period.to_string()),
        amount: Some(charge.amount),
        limit: Some(charge.limit),
        ..Default::default()
    });
    AdmissionInput {
        effect_id: Some(effect_id.to_string()),
        effect: Some(event.event_type.to_string()),
        charges: charges.collect(),
        consent_id: demand.consent_id().map(str::to_owned),
        key_hash: key_hash.map(|hash| hash.to_hex()),
        input_hash: Some(input_hash.to_hex()),
        ..Default::default()
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn not_run(error: impl Into<RecordError>) -> AdmitError {
    AdmitError::NotRun(error.into())
}
