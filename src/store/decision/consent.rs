//! Whether a consent holds.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::event::EventType;
use crate::store::admission::{ConsentClaim, Obstacle};

/// The last event that says whether a consent holds: that it was granted, denied, or expired.
#[derive(Debug)]
pub(crate) struct ConsentWord {
    pub(crate) event_type: String,
    /// The host's time of it.
    pub(crate) created_at: DateTime<Utc>,
    /// The store's time of it.
    pub(crate) recorded_at: DateTime<Utc>,
    /// `expires_at` of its input.
    pub(crate) expires_at: Option<Value>,
}

impl ConsentWord {
    /// Whether it lets a claim pass that the host makes at `claimed_at`, by its clock, and the store gets
    /// at `now`, by its own. A grant has lapsed when it has by either clock: one that was set back gives
    /// nobody more.
    pub(super) fn check(
        &self,
        claim: &ConsentClaim,
        claimed_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<(), Obstacle> {
        if self.event_type == EventType::CALL_CONSENT_DENIED.as_str() {
            return Err(Obstacle::ConsentDenied);
        }
        let holds = |lapses_at: DateTime<Utc>| {
            claimed_at < lapses_at && now - self.recorded_at < lapses_at - self.created_at
        };
        let is_granted = self.event_type == EventType::CALL_CONSENT_GRANTED.as_str();
        if is_granted && self.lapses_at(claim).is_some_and(holds) {
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
                Some(super::entry::later(self.created_at, lifetime))
            }
        }
    }
}
