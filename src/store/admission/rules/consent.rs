//! Whether a consent holds.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::event::EventType;
use crate::record::{lapse, time_of};
use crate::store::admission::{ConsentClaim, Obstacle};

/// The last event of a stream about a consent: that it was granted, was denied, or expired.
#[derive(Debug)]
pub(crate) struct ConsentWord {
    pub(crate) event_type: String,
    /// The store's time of it.
    pub(crate) recorded_at: DateTime<Utc>,
    /// `expires_at` of its input.
    pub(crate) expires_at: Option<Value>,
}

#[cfg(any(feature = "sqlite", feature = "testing"))]
/// How much younger a grant must be than an event against the consent in another stream: their times may come from
/// servers whose clocks differ.
const CLOCKS_DIFFER_MAX: TimeDelta = TimeDelta::minutes(1);

impl ConsentWord {
    #[cfg(any(feature = "sqlite", feature = "testing"))]
    /// The one that counts among those of several streams: the youngest, unless one against the consent is
    /// hardly older.
    pub(crate) fn that_counts(words: Vec<Self>) -> Option<Self> {
        let youngest = words.iter().map(|word| word.recorded_at).max()?;
        let rank = |word: &Self| {
            let is_old = word.recorded_at < youngest - CLOCKS_DIFFER_MAX;
            let rank = if is_old || word.is(&EventType::CALL_CONSENT_GRANTED) {
                3
            } else if word.is(&EventType::CALL_CONSENT_DENIED) {
                1
            } else {
                2
            };
            (rank, std::cmp::Reverse(word.recorded_at))
        };
        words.into_iter().min_by_key(rank)
    }

    fn is(&self, event_type: &EventType) -> bool {
        self.event_type == event_type.as_str()
    }

    /// Checks whether the consent holds at `now`, by the store's clock: the host's clock neither prolongs a grant
    /// nor ends it.
    pub(super) fn check(&self, claim: &ConsentClaim, now: DateTime<Utc>) -> Result<(), Obstacle> {
        if self.is(&EventType::CALL_CONSENT_DENIED) {
            return Err(Obstacle::ConsentDenied);
        }
        let holds = |lapses_at| now < lapses_at;
        if self.is(&EventType::CALL_CONSENT_GRANTED) && self.lapses_at(claim).is_some_and(holds) {
            Ok(())
        } else {
            Err(Obstacle::ConsentExpired)
        }
    }

    /// None if the `expires_at` of the grant is not a time. Such a grant does not hold.
    fn lapses_at(&self, claim: &ConsentClaim) -> Option<DateTime<Utc>> {
        if let Some(told) = self.expires_at.as_ref().filter(|value| !value.is_null()) {
            return time_of(told);
        }
        let lifetime = TimeDelta::from_std(claim.lifetime).unwrap_or(TimeDelta::MAX);
        Some(lapse(None, self.recorded_at, lifetime))
    }
}
