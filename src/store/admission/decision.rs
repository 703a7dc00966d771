//! The answer to a claim.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::event::SwitchScope;
use crate::record::Receipt;

/// A store's decision about a claim: the first of these that applies.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum Decision {
    /// An effect with this key and input has succeeded.
    Replay {
        /// That effect.
        effect_id: Uuid,
        /// Its recorded output. None if an operator resolved it as performed.
        output: Option<Value>,
    },
    /// The key was used with another input, or the effect's id is taken, for example by an outcome
    /// that came first.
    Conflict {
        /// The effect that has it.
        effect_id: Uuid,
    },
    /// An effect with this key is running.
    InProgress {
        /// That effect.
        effect_id: Uuid,
        /// When it will be in doubt, unless its process renews its lease.
        lease_until: DateTime<Utc>,
    },
    /// An effect with this key is in doubt.
    InDoubt {
        /// That effect.
        effect_id: Uuid,
    },
    /// It is refused.
    Refused(Obstacle),
    /// It may run. Its charges are reserved, and its intent is appended.
    Proceed(Admission),
}

// What is replayed may be what people wrote: Debug does not print it.
impl fmt::Debug for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replay { effect_id, output } => f
                .debug_struct("Replay")
                .field("effect_id", effect_id)
                .field("has_output", &output.is_some())
                .finish(),
            Self::Conflict { effect_id } => {
                f.debug_struct("Conflict").field("effect_id", effect_id).finish()
            }
            Self::InProgress { effect_id, lease_until } => f
                .debug_struct("InProgress")
                .field("effect_id", effect_id)
                .field("lease_until", lease_until)
                .finish(),
            Self::InDoubt { effect_id } => {
                f.debug_struct("InDoubt").field("effect_id", effect_id).finish()
            }
            Self::Refused(obstacle) => f.debug_tuple("Refused").field(obstacle).finish(),
            Self::Proceed(admission) => f.debug_tuple("Proceed").field(admission).finish(),
        }
    }
}

/// The answer to an admitted claim.
#[derive(Clone, Debug, PartialEq)]
pub struct Admission {
    /// The intent's receipt.
    pub receipt: Receipt,
    /// How much of each budget is used, this effect included, in the order of the claim's charges.
    /// Empty if the claim was admitted before.
    pub used: Vec<i64>,
    /// How long the request has taken, if the claim has an `elapsed_max` and the request has no
    /// shortlist.
    pub elapsed: Option<Duration>,
}

/// Why a claim is refused: the first of these that applies.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Obstacle {
    /// One of its switches is engaged, or was never set.
    Switch {
        /// Index of the first such switch among the claim's, from 0.
        switch: usize,
        /// The narrowest scope in which it is engaged.
        scope: SwitchScope,
        /// The event that engaged it there. None everywhere.
        event_id: Option<Uuid>,
    },
    /// The consent was never granted.
    NoConsent,
    /// The client declined since.
    ConsentDenied,
    /// The consent lapsed.
    ConsentExpired,
    /// A budget would exceed its limit.
    Budget {
        /// Index among the claim's charges, from 0.
        charge: usize,
        /// How much is used without it.
        used: i64,
    },
    /// The request has taken too long.
    Time {
        /// How long.
        elapsed: Duration,
    },
}
