//! Whether a consent holds.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::event::EventType;
use crate::store::admission::{ConsentClaim, Obstacle};

/// The last event that says whether a consent holds: that it was granted, denied, or expired.
#[derive(Debug)]
pub(crate) struct ConsentWord {
    pub(crate) event_type: String,
    /// The store's time of it.
    pub(crate) recorded_at: DateTime<Utc>,
    /// `expires_at` of its input.
    pub(crate) expires_at: Option<Value>,
}

impl ConsentWord {
    /// Whether it lets a claim pass that the store gets at `now`. A host's clock neither prolongs a grant
    /// nor ends it.
    pub(super) fn check(&self, claim: &ConsentClaim, now: DateTime<Utc>) -> Result<(), Obstacle> {
        if self.event_type == EventType::CALL_CONSENT_DENIED.as_str() {
            return Err(Obstacle::ConsentDenied);
        }
        let is_granted = self.event_type == EventType::CALL_CONSENT_GRANTED.as_str();
        if is_granted && self.lapses_at(claim).is_some_and(|lapses_at| now < lapses_at) {
            Ok(())
        } else {
            Err(Obstacle::ConsentExpired)
        }
    }

    /// None where what the grant says is no time: it is not for us to say that it still holds.
    fn lapses_at(&self, claim: &ConsentClaim) -> Option<DateTime<Utc>> {
        match self.expires_at.as_ref().filter(|value| !value.is_null()) {
            Some(Value::String(text)) => {
                DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc())
            }
            Some(_) => None,
            None => {
                let lifetime = TimeDelta::from_std(claim.lifetime).unwrap_or(TimeDelta::MAX);
                Some(super::entry::later(self.recorded_at, lifetime))
            }
        }
    }
}
