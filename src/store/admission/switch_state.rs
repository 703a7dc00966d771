//! Kill switches, as a store keeps them.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::event::{Identity, Switch};
use crate::record::Receipt;

/// The state of a switch.
#[derive(Clone, PartialEq, Eq)]
pub struct SwitchState {
    /// The switch.
    pub switch: Switch,
    /// True if it is engaged: the effects that it governs are refused.
    pub is_engaged: bool,
    /// Who set it last. `None` if nobody did, or if that cannot be read.
    pub by: Option<Identity>,
    /// Why.
    pub reason: String,
    /// When, by the database's clock. Ignored when a switch is set.
    pub at: DateTime<Utc>,
    /// How many of its records wait to be appended to the trail. Ignored when a switch is set.
    pub pending: u32,
}

impl SwitchState {
    /// Returns true if the switch was reset by somebody whose identity is merely claimed, or cannot be read.
    #[must_use]
    pub fn is_reset_by_claim(&self) -> bool {
        !self.is_engaged && !self.by.as_ref().is_some_and(Identity::is_known)
    }
}

/// A switch that was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flip {
    /// The receipt of its record. `None` while another transaction holds the stream: the record is
    /// kept beside the switch, in the same transaction, and
    /// [`append_pending_flips`](super::AdmissionStore::append_pending_flips) appends it.
    pub receipt: Option<Receipt>,
    /// Process ids of database sessions that began to admit an effect before the switch was
    /// engaged, and hung too long to wait for. Each may still admit that one effect. Terminate
    /// them.
    pub may_admit: Vec<i32>,
}

impl From<Receipt> for Flip {
    fn from(receipt: Receipt) -> Self {
        Self { receipt: Some(receipt), may_admit: Vec::new() }
    }
}

// Who and why are free text.
impl fmt::Debug for SwitchState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SwitchState")
            .field("switch", &self.switch)
            .field("is_engaged", &self.is_engaged)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}
