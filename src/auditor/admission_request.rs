//! Prepares what the store is asked about an effect. An effect that is declared wrongly or cannot be
//! recorded is found here, before anything is written.

use chrono::SubsecRound;
use serde::Serialize;
use tokio::time::Instant;

use super::effect_context::EffectContext;
use super::permit::too_large;
use super::time::millis;
use super::{AdmitError, Auditor, Effect, RecordError};
use crate::event::payload::{AdmissionInput, ChargeInput};
use crate::event::{AuditEvent, EventId, EventType, Reversal, SwitchScope, Until};
use crate::policy::{Demand, DemandError, Limits, RefusalReason, Setting, SwitchedBy, Unpriced};
use crate::proof::Digest;
use crate::record::{Record, seal};
use crate::redact::RedactionKey;
use crate::store::admission::{Charge, Claim, ConsentClaim, KeyedHashes};
use crate::store::criteria::KEY_KIND;

/// What the hash of an input is of.
const INPUT_KIND: &str = "effect_input";

/// The largest whole number that every JSON reader reads exactly.
const EXACT_MAX: u64 = (1 << 53) - 1;

/// The `error.type` of a span of an effect that did not run because it could not be recorded.
pub(super) const NOT_RECORDED: &str = "not_recorded";

/// The question whether an effect may run.
pub(super) struct AdmissionRequest {
    pub(super) context: EffectContext,
    pub(super) claim: Claim,
    /// Limits the caller's wait: for the answer, and for the record of a refusal.
    pub(super) deadline: Instant,
    /// The input of events about the answer, as in the intent.
    input: AdmissionInput,
    /// The effect needs a consent, and names none.
    lacks_consent: bool,
    /// The effect could use any amount of a limited budget.
    unpriced: Option<RefusalReason>,
    /// It runs only if the store said so.
    is_decided_by_store: bool,
}

impl AdmissionRequest {
    pub(super) fn of(auditor: Auditor, effect: Effect) -> Result<Self, AdmitError> {
        let Effect { event, failed_as, error_code, demand, reversal, reverses } = effect;
        let event = event.map_err(|error| AdmitError::NotRun(error.into()))?;
        let (charges, unpriced) = charges(&demand, &event, &auditor.shared.limits)?;
        let switch = demand.governed_by();
        let context = EffectContext::open(auditor, event, failed_as, error_code, switch)
            .map_err(AdmitError::NotRun)?;
        let undoing = undoing(&reversal, reverses);
        let (claim, input) = claim(&context, &demand, charges, undoing).map_err(|error| {
            context.span.answered("not_run", Some(NOT_RECORDED));
            AdmitError::NotRun(error)
        })?;
        Ok(Self {
            deadline: context.auditor.deadline(),
            context,
            claim,
            input,
            lacks_consent: demand.lacks_consent(),
            unpriced,
            is_decided_by_store: demand.is_decided_by_store(),
        })
    }

    /// What refuses the effect before the store is asked.
    pub(super) fn refused_here(&self) -> Option<RefusalReason> {
        let environment = &self.context.auditor.shared.environment;
        let switched = self.claim.switches.iter().find_map(|switch| {
            let by = match environment.of(switch) {
                Setting::Engaged => SwitchedBy::Environment,
                Setting::Unreadable => SwitchedBy::Unknown,
                Setting::NotEngaged => return None,
            };
            let (switch, scope) = (switch.clone(), SwitchScope::Everywhere);
            Some(RefusalReason::Switch { switch, scope, event_id: None, by })
        });
        let consent = || self.lacks_consent.then_some(RefusalReason::NoConsent);
        switched.or_else(consent).or_else(|| self.unpriced.clone())
    }

    /// True if only the store can say that the effect may run.
    pub(super) fn needs_store(&self) -> bool {
        let Claim { switches, consent, charges, .. } = &self.claim;
        self.is_decided_by_store || !switches.is_empty() || consent.is_some() || !charges.is_empty()
    }

    /// True if the effect asks the store for nothing but its idempotency key.
    pub(super) fn needs_only_key(&self) -> bool {
        self.claim.key_hash.is_some() && !self.needs_store()
    }

    /// An event about the answer.
    pub(super) fn about(&self, event_type: EventType, output: &impl Serialize) -> AuditEvent {
        let output = serde_json::to_value(output);
        let event = self.context.about(event_type.clone(), &self.input);
        let event = event.unwrap_or_else(|_| AuditEvent::new(event_type, self.context.event.actor));
        event.output(output.unwrap_or_default())
    }
}

/// The charges of an effect, or why their amount is not known.
fn charges(
    demand: &Demand,
    event: &AuditEvent,
    limits: &Limits,
) -> Result<(Vec<Charge>, Option<RefusalReason>), AdmitError> {
    if event.idempotency_key.as_ref().is_some_and(|key| key.trim().is_empty()) {
        return Err(AdmitError::Invalid(DemandError::EmptyKey));
    }
    match demand.charges(limits, event.request_id.is_some()) {
        Ok(charges) => Ok((charges, None)),
        Err(Unpriced::Invalid(error)) => Err(AdmitError::Invalid(error)),
        Err(Unpriced::Unknown { budget, period, limit }) => {
            Ok((Vec::new(), Some(RefusalReason::PriceUnknown { budget, period, limit })))
        }
    }
}

/// The claim of an effect, and the input of its intent.
fn claim(
    context: &EffectContext,
    demand: &Demand,
    charges: Vec<Charge>,
    undoing: AdmissionInput,
) -> Result<(Claim, AdmissionInput), RecordError> {
    let EffectContext { auditor, event, effect_id, inside, span, .. } = context;
    let (limits, key) = (&auditor.shared.limits, &auditor.shared.key);
    // What cannot be sealed cannot be recorded, and what cannot be recorded must not run. An output that
    // is too large is replaced by its size, so there must be room for that.
    let outcome = auditor.seal(event.clone().output(too_large(usize::MAX)))?;
    span.keyed(outcome.idempotency_key());
    let elapsed_max = (!charges.is_empty()).then_some(limits.elapsed_max);
    let hashes = keyed_hashes(key, event, &outcome);
    let lease = demand.lease_under(limits);
    let input = AdmissionInput {
        effect_id: Some(effect_id.to_string()),
        effect: Some(event.event_type.to_string()),
        charges: charges.iter().map(charge_input).collect(),
        consent_id: demand.consent_id().map(str::to_owned),
        key_hash: hashes.key_hash.map(|hash| hash.to_hex()),
        input_hash: Some(hashes.input_hash.to_hex()),
        elapsed_max_ms: elapsed_max.map(millis),
        consent_lifetime_ms: demand.consent_id().map(|_| millis(limits.consent_lifetime)),
        lease_ms: Some(millis(lease)),
        policy_version: limits.policy_version.clone(),
        switches: inside.switches().iter().map(ToString::to_string).collect(),
        ..undoing
    };
    let intent = context.about(EventType::EFFECT_ADMITTED, &input)?.id(inside.intent_id());
    let intent = auditor.seal(intent)?;
    let claim = Claim {
        consent: consent_claim(&intent, limits),
        intent,
        effect_id: effect_id.uuid(),
        effect: event.event_type.to_string(),
        key: key.fingerprint(),
        key_hash: hashes.key_hash,
        input_hash: hashes.input_hash,
        previous: previous_hashes(auditor, event)?,
        switches: inside.switches().to_vec(),
        elapsed_max,
        charges,
        lease,
    };
    Ok((claim, input))
}

/// What an intent says of how its effect is undone, and of what it undoes.
fn undoing(reversal: &Reversal, reverses: Option<EventId>) -> AdmissionInput {
    let (within, until) = match reversal.until() {
        Some(Until::After(within)) => (Some(millis(within).min(EXACT_MAX)), None),
        Some(Until::Time(until)) => (None, Some(until.trunc_subsecs(6))),
        None => (None, None),
    };
    AdmissionInput {
        reversal: Some(reversal.as_str().to_owned()),
        compensation: reversal.compensation().map(ToString::to_string),
        compensable_within_ms: within,
        compensable_until: until,
        reverses: reverses.map(|event| event.to_string()),
        ..Default::default()
    }
}

fn charge_input(charge: &Charge) -> ChargeInput {
    ChargeInput {
        budget: Some(charge.budget.to_string()),
        period: Some(charge.period.to_string()),
        amount: Some(charge.amount),
        limit: Some(charge.limit),
        ..Default::default()
    }
}

/// The consent that an intent names, in its sealed form: the events about the consent are stored in that
/// form too.
fn consent_claim(intent: &Record, limits: &Limits) -> Option<ConsentClaim> {
    let sealed = intent.input()?;
    let consent_id = sealed["consent_id"].as_str()?.to_owned();
    Some(ConsentClaim { consent_id, lifetime: limits.consent_lifetime })
}

/// Keyed hashes of the idempotency key, and of the input together with its request and conversation.
/// They are equal for equal values, and without the key a phone number cannot be guessed from them.
fn keyed_hashes(key: &RedactionKey, event: &AuditEvent, outcome: &Record) -> KeyedHashes {
    let hash = |kind, value: &[u8]| Digest::from_bytes(key.keyed_hash(kind, value));
    let key_hash = event.idempotency_key.as_ref().map(|key| hash(KEY_KIND, key.as_bytes()));
    let header = outcome.header();
    // If two clients' effects use one key, neither may be answered with the other's output.
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

/// The same under the previous keys. A sealed input holds keyed hashes itself, so it is sealed under
/// each key.
fn previous_hashes(auditor: &Auditor, event: &AuditEvent) -> Result<Vec<KeyedHashes>, RecordError> {
    let hashes = auditor.shared.key.previous().map(|key| {
        let (now, (random, salt)) = (auditor.shared.clock.now(), auditor.randomness()?);
        Ok(keyed_hashes(&key, event, &seal(event.clone(), now, random, salt, &key)?))
    });
    hashes.collect()
}
