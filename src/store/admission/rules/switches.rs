//! Which switch stands in a claim's way.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::event::{Switch, SwitchScope};
use crate::store::StoreError;
use crate::store::admission::{Obstacle, SwitchState};

/// A switch that was set in a scope that the claim is in.
#[derive(Debug)]
pub(crate) struct SetSwitch {
    pub(crate) switch: String,
    pub(crate) scope: SwitchScope,
    pub(crate) is_engaged: bool,
    /// When that ends by itself.
    pub(crate) until: Option<DateTime<Utc>>,
    /// The event that says so.
    pub(crate) event_id: Option<Uuid>,
}

impl SetSwitch {
    fn stops(&self, now: DateTime<Utc>) -> bool {
        self.is_engaged && self.until.is_none_or(|until| until > now)
    }
}

/// Whether a flip leaves the switch's state in the store: where a switch that was never set is not engaged, a reset
/// leaves none.
///
/// # Errors
/// A refusal if its time limit is over before it begins.
pub(crate) fn is_kept(state: &SwitchState, now: DateTime<Utc>) -> Result<bool, StoreError> {
    if state.has_lapsed(now) {
        let what = "the time limit has passed already: give a time that is to come";
        return Err(StoreError::refused("set a switch", what));
    }
    Ok(state.is_engaged || state.scope == SwitchScope::Everywhere)
}

/// The first of these switches that is engaged, with the narrowest scope in which it is. A switch that was never set is
/// engaged everywhere, and in no conversation and no request.
pub(crate) fn engaged(
    switches: &[Switch],
    set: &[SetSwitch],
    now: DateTime<Utc>,
) -> Option<Obstacle> {
    switches.iter().enumerate().find_map(|(nth, switch)| {
        let of_switch = || set.iter().filter(|set| set.switch == switch.as_str());
        let stops = of_switch().filter(|set| set.stops(now)).max_by_key(|set| set.scope);
        let (scope, event_id) = match stops {
            Some(set) => (set.scope, set.event_id),
            None if of_switch().any(|set| set.scope == SwitchScope::Everywhere) => return None,
            None => (SwitchScope::Everywhere, None),
        };
        let event_id = event_id.filter(|_| scope != SwitchScope::Everywhere);
        Some(Obstacle::Switch { switch: nth, scope, event_id })
    })
}
