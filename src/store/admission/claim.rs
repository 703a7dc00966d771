//! A claim: an effect that asks a store whether it may run.

use std::time::Duration;

use chrono::NaiveDate;
#[cfg(any(feature = "sqlite", feature = "testing"))]
use chrono::{DateTime, Utc};
#[cfg(any(feature = "postgres", feature = "sqlite", feature = "testing"))]
use serde_json::Value;
use uuid::Uuid;

#[cfg(any(feature = "postgres", feature = "sqlite", feature = "testing"))]
use crate::event::EventType;
#[cfg(any(feature = "sqlite", feature = "testing"))]
use crate::event::SwitchScope;
use crate::event::{Budget, Period, StreamId, Switch};
use crate::proof::Digest;
use crate::record::Record;
use crate::redact::KeyFingerprint;
use crate::store::StoreError;

/// What a store was doing if it cannot decide about a claim.
pub(crate) const DOING: &str = "admit an effect";

/// An effect that asks to run.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The `effect.admitted` event, which is appended if the effect may run.
    pub intent: Record,
    /// The id of the event that will record how it ended.
    pub effect_id: Uuid,
    /// The event type under which its success is recorded.
    pub effect: String,
    /// The redaction key of the keyed hashes.
    pub key: KeyFingerprint,
    /// Keyed hash of the idempotency key.
    pub key_hash: Option<Digest>,
    /// Keyed hash of the input.
    pub input_hash: Digest,
    /// The same under previous keys, newest first: an effect is found under the key that it was
    /// admitted with.
    pub previous: Vec<KeyedHashes>,
    /// The switches that govern it: its own, and those of the effects inside which it runs.
    pub switches: Vec<Switch>,
    /// The consent it needs.
    pub consent: Option<ConsentClaim>,
    /// How long its request may have taken since the deployment first heard of it, by the
    /// database's clock, if it has no shortlist yet.
    pub elapsed_max: Option<Duration>,
    /// Its charges; each budget at most once a period.
    pub charges: Vec<Charge>,
    /// The length of its lease.
    pub lease: Duration,
}

/// The hashes of an effect under one redaction key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyedHashes {
    /// Of the idempotency key.
    pub key_hash: Option<Digest>,
    /// Of the input.
    pub input_hash: Digest,
}

impl Claim {
    /// Refuses a claim that would bypass a limit. For implementors of a store.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if a charge is negative, a budget is charged twice, or a charge
    /// needs a request that the claim does not have.
    pub fn check(&self) -> Result<(), StoreError> {
        let has_request = self.intent.header().request_id.is_some();
        for (at, charge) in self.charges.iter().enumerate() {
            if charge.period == Period::Request && !has_request {
                let source = "an effect that is charged to a request belongs to none";
                return Err(StoreError::refused(DOING, source));
            }
            if charge.amount < 0 {
                return Err(StoreError::refused(DOING, "a charge is negative"));
            }
            let is_same =
                |other: &Charge| (&other.budget, other.period) == (&charge.budget, charge.period);
            if self.charges[..at].iter().any(is_same) {
                return Err(StoreError::refused(DOING, "a budget is charged twice"));
            }
        }
        Ok(())
    }

    /// Whose budget a charge of the claim is for, if the store gets it at `now`.
    #[cfg(any(feature = "sqlite", feature = "testing"))]
    pub(crate) fn scope(&self, period: Period, now: DateTime<Utc>) -> Scope {
        match period {
            Period::Day => Scope::Day(now.date_naive()),
            Period::Request => {
                let header = self.intent.header();
                Scope::Request(header.request_id.unwrap_or(header.stream_id.uuid()))
            }
        }
    }

    /// The scopes of switches that it is in, as far as it names them.
    #[cfg(any(feature = "sqlite", feature = "testing"))]
    pub(crate) fn scopes(&self) -> impl Iterator<Item = SwitchScope> {
        let header = self.intent.header();
        let request = header.request_id.map(SwitchScope::Request);
        let conversation = header.conversation_id.map(SwitchScope::Conversation);
        [Some(SwitchScope::Everywhere), conversation, request].into_iter().flatten()
    }

    /// True if it names its request only. It is then in the conversations that earlier events of the request name.
    #[cfg(any(feature = "sqlite", feature = "testing"))]
    pub(crate) fn is_unnamed(&self) -> bool {
        let header = self.intent.header();
        header.request_id.is_some() && header.conversation_id.is_none()
    }

    /// The streams that may hold events about its consent: its request's and its conversation's.
    pub(crate) fn consent_streams(&self) -> [Option<StreamId>; 2] {
        let header = self.intent.header();
        let of_request = header.request_id.map(|request| StreamId::of(Some(request), None));
        let of_conversation = header.conversation_id.map(|id| StreamId::of(None, Some(id)));
        [of_request, of_conversation]
    }
}

/// The consent that a claim needs. The last event about it in the trail of the claim's request or
/// conversation must be a `call.consent_granted` that has not lapsed.
#[derive(Clone, Debug)]
pub struct ConsentClaim {
    /// The host's name for it, as `consent_id` in the events' input.
    pub consent_id: String,
    /// How long a grant without an `expires_at` holds after it was recorded.
    pub lifetime: Duration,
}

/// A charge to one budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The budget.
    pub budget: Budget,
    /// The period: the request or the day.
    pub period: Period,
    /// How much is reserved. Not negative.
    pub amount: i64,
    /// The most that may be used, this included.
    pub limit: i64,
}

/// Whose usage is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// A request's.
    Request(Uuid),
    /// A day's, in UTC.
    Day(NaiveDate),
}

/// Refuses a claim whose event states another claim: what is recorded must be what is charged.
#[cfg(any(feature = "postgres", feature = "sqlite", feature = "testing"))]
pub(crate) fn check_claim(claim: &Claim) -> Result<(), StoreError> {
    let input = claim.intent.input().unwrap_or_default();
    let text = |name: &str| input[name].as_str();
    let millis = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    let lasts = |name: &str, taken: Option<Duration>| number(&input[name]) == taken.map(millis);
    let none = Vec::new();
    let list = |name: &str| input.get(name).map_or(Some(&none), Value::as_array);
    let (switches, charges) = (list("switches"), list("charges"));
    let is_charge = |(said, charge): (&Value, &Charge)| {
        said["budget"].as_str() == Some(charge.budget.as_str())
            && said["period"].as_str() == Some(charge.period.as_str())
            && number(&said["amount"]) == Some(charge.amount)
            && number(&said["limit"]) == Some(charge.limit)
    };
    let is_same = claim.intent.header().is(&EventType::EFFECT_ADMITTED)
        && text("effect_id") == Some(&claim.effect_id.to_string())
        && text("effect") == Some(&claim.effect)
        && text("key_hash") == claim.key_hash.map(|hash| hash.to_hex()).as_deref()
        && text("input_hash") == Some(&claim.input_hash.to_hex())
        && switches.is_some_and(|said| {
            said.iter().map(Value::as_str).eq(claim.switches.iter().map(|of| Some(of.as_str())))
        })
        && text("consent_id") == claim.consent.as_ref().map(|consent| consent.consent_id.as_str())
        && lasts("lease_ms", Some(claim.lease))
        && lasts("elapsed_max_ms", claim.elapsed_max)
        && lasts("consent_lifetime_ms", claim.consent.as_ref().map(|consent| consent.lifetime))
        && charges.is_some_and(|said| {
            said.len() == claim.charges.len() && said.iter().zip(&claim.charges).all(is_charge)
        });
    if is_same {
        Ok(())
    } else {
        Err(StoreError::refused(DOING, "the event of an admission says another claim"))
    }
}

/// A number as it is sealed: one that JSON readers would round is a text.
#[cfg(any(feature = "postgres", feature = "sqlite", feature = "testing"))]
fn number(value: &Value) -> Option<i64> {
    let text = value.as_str().map(|text| text.parse::<u64>().ok());
    let number = text.unwrap_or_else(|| value.as_u64())?;
    Some(i64::try_from(number).unwrap_or(i64::MAX))
}
