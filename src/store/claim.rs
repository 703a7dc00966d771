//! A claim: an effect that asks a store whether it may run.

use std::time::Duration;

use uuid::Uuid;

use super::StoreError;
use crate::event::{Budget, Period, StreamId, Switch};
use crate::proof::Digest;
use crate::record::Record;
use crate::redact::KeyFingerprint;

/// What is being done where a claim cannot be decided about.
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
