//! The verdict on a request's limits.

use std::fmt;

use serde::Serialize;
use uuid::Uuid;

/// Whether the limits of a request were kept, added up from its events alone.
///
/// It says nothing about a day's limits: they cover all requests, and a pack holds one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "verdict", rename_all = "snake_case")]
#[non_exhaustive]
pub enum BudgetVerdict {
    /// It cannot be checked from this event on.
    NotCheckable {
        /// The place of the first event that prevents the check.
        seq: i64,
        /// Its id; none if the event is set aside and has none.
        event_id: Option<Uuid>,
        /// What is wrong with it.
        why: &'static str,
    },
    /// An effect was admitted beyond a limit. The events are intact: the store admitted it, or a writer to the store
    /// did.
    Passed {
        /// The place of the event that admitted it.
        seq: i64,
        /// Its id.
        event_id: Uuid,
        /// The budget; `elapsed_ms` if it is the request's time.
        budget: String,
        /// How much of it was used before.
        used: i64,
        /// What was asked for.
        amount: i64,
        /// The limit in force.
        limit: i64,
    },
    /// Each effect that was admitted was within the limits that its admission names.
    WithinLimits {
        /// How many effects that is.
        admitted: usize,
        /// Effects of a limited kind that were never admitted: no limit applied to them.
        outside: usize,
    },
}

impl BudgetVerdict {
    /// The verdict if nothing was admitted, and nothing with a limit was done.
    pub(in crate::pack) const NOTHING: Self = Self::WithinLimits { admitted: 0, outside: 0 };

    /// The place of the event that it is about.
    pub(super) fn seq(&self) -> Option<i64> {
        match self {
            Self::NotCheckable { seq, .. } | Self::Passed { seq, .. } => Some(*seq),
            Self::WithinLimits { .. } => None,
        }
    }
}

impl fmt::Display for BudgetVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotCheckable { seq, event_id, why } => {
                write!(f, "limits cannot be checked from event {seq} ")?;
                event_id.map_or(Ok(()), |id| write!(f, "({id}) "))?;
                write!(f, "on: {why}")
            }
            Self::Passed { seq, event_id, budget, used, amount, limit } => write!(
                f,
                "A LIMIT WAS PASSED: event {seq} ({event_id}) admitted {amount} of {budget} when \
                 {used} of {limit} were already used"
            ),
            Self::WithinLimits { admitted, outside } => {
                write!(f, "{admitted} effects admitted, each within its limits")?;
                match outside {
                    0 => Ok(()),
                    outside => write!(f, "; {outside} that were never admitted, under no limit"),
                }
            }
        }
    }
}
