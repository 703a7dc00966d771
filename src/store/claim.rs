//! An effect that asks to run: what a store decides about.

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
    /// The `effect.admitted` event, which is appended where it may.
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
    /// The same under the keys that were used before, newest first: an effect is found again under the
    /// key that it was admitted with.
    pub previous: Vec<KeyedHashes>,
    /// The switches that govern it: its own, and those of the effects inside which it runs.
    pub switches: Vec<Switch>,
    /// The consent it needs.
    pub consent: Option<ConsentClaim>,
    /// The longest that its request may have taken since the deployment first heard of it, by the
    /// database's clock, where no shortlist is there yet.
    pub elapsed_max: Option<Duration>,
    /// What it is charged; each budget once a period.
    pub charges: Vec<Charge>,
    /// How long its lease is, until it is renewed or the effect is in doubt.
    pub lease: Duration,
}

/// What an effect is found again by, under one redaction key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyedHashes {
    /// Of the idempotency key.
    pub key_hash: Option<Digest>,
    /// Of the input.
    pub input_hash: Digest,
}

impl Claim {
    /// Objects to a claim that would come around a limit; for implementors of a store.
    ///
    /// # Errors
    /// [`StoreError::Refused`] where a charge is negative, a budget is charged twice, or a request that
    /// there is not.
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

    /// The streams in which words about its consent are looked for: its request's, and its conversation's.
    pub(crate) fn consent_streams(&self) -> [Option<StreamId>; 2] {
        let header = self.intent.header();
        let of_request = header.request_id.map(|request| StreamId::of(Some(request), None));
        let of_conversation = header.conversation_id.map(|id| StreamId::of(None, Some(id)));
        [of_request, of_conversation]
    }
}

/// The consent that a claim rests on: the last word about it in the trail of the claim's request or
/// conversation must be a `call.consent_granted` that has not lapsed.
#[derive(Clone, Debug)]
pub struct ConsentClaim {
    /// The host's name for it, as `consent_id` in the events' input.
    pub consent_id: String,
    /// How long after it was recorded a grant holds that does not say when it lapses.
    pub lifetime: Duration,
}

/// A charge to one budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The budget.
    pub budget: Budget,
    /// Whether it is the request's or the day's.
    pub period: Period,
    /// How much is reserved; not negative.
    pub amount: i64,
    /// The most that may be used, this included.
    pub limit: i64,
}
