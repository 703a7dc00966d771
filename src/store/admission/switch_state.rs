//! Kill switches, as a store keeps them.

use std::fmt;

use chrono::{DateTime, Utc};
#[cfg(any(feature = "postgres", feature = "sqlite", feature = "testing"))]
use serde_json::Value;

use crate::event::{Identity, Switch, SwitchScope};
use crate::record::Receipt;
#[cfg(any(feature = "postgres", feature = "sqlite", feature = "testing"))]
use crate::record::Record;

/// The state of a switch in a scope.
#[derive(Clone, PartialEq, Eq)]
pub struct SwitchState {
    /// The switch.
    pub switch: Switch,
    /// Where: everywhere, in one conversation or in one request.
    pub scope: SwitchScope,
    /// True if it is engaged: the effects that it governs are refused.
    pub is_engaged: bool,
    /// When that ends by itself, by the database's clock. None without a limit, and everywhere.
    pub until: Option<DateTime<Utc>>,
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
    /// Whether it is engaged with a time limit that is over.
    pub(crate) fn has_lapsed(&self, now: DateTime<Utc>) -> bool {
        self.is_engaged && self.until.is_some_and(|until| until <= now)
    }

    /// Returns true if the switch was reset by somebody whose identity is merely claimed, or cannot be read.
    #[must_use]
    pub fn is_reset_by_claim(&self) -> bool {
        !self.is_engaged && !self.by.as_ref().is_some_and(Identity::is_known)
    }
}

#[cfg(any(feature = "postgres", feature = "sqlite", feature = "testing"))]
impl SwitchState {
    /// Whether an event belongs to what the switch is set for, and says so, as it says until when.
    pub(crate) fn is_placed_by(&self, record: &Record) -> bool {
        let (header, input) = (record.header(), record.input().unwrap_or_default());
        let said = input.get("scope").map_or(Some("everywhere"), Value::as_str);
        let until = input.get("until").and_then(Value::as_str);
        let until = until.map(str::parse::<DateTime<Utc>>).transpose();
        SwitchScope::of(header.request_id, header.conversation_id) == self.scope
            && record.stream_id() == self.scope.stream_id()
            && said == Some(self.scope.kind())
            && until.is_ok_and(|until| until == self.until)
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
            .field("scope", &self.scope)
            .field("is_engaged", &self.is_engaged)
            .field("until", &self.until)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}
