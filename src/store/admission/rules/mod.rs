//! Decides about a claim for stores that have no language of their own (SQLite, memory), and about what is recorded
//! under other limits: rules, without I/O.
//!
//! Postgres has the same rules in SQL (`admit` in migration 0004). One contract suite runs on all three.

mod consent;
mod decide;
#[cfg(any(feature = "sqlite", feature = "testing"))]
mod earlier;
#[cfg(any(feature = "sqlite", feature = "testing"))]
mod effect_entry;
#[cfg(any(feature = "sqlite", feature = "testing"))]
mod own_events;
#[cfg(any(feature = "sqlite", feature = "testing"))]
mod switches;

pub(crate) use self::consent::ConsentWord;
#[cfg(any(feature = "sqlite", feature = "testing"))]
pub(crate) use self::decide::Grant;
pub(crate) use self::decide::{Asked, Facts, decide};
#[cfg(any(feature = "sqlite", feature = "testing"))]
pub(crate) use self::earlier::{Earlier, STORED_WITHOUT_ENTRY, check_key, earlier, replayed};
#[cfg(any(feature = "sqlite", feature = "testing"))]
pub(crate) use self::effect_entry::{BudgetChange, EffectEntry};
#[cfg(feature = "sqlite")]
pub(crate) use self::effect_entry::{EffectState, Reservation, lease_end};
#[cfg(any(feature = "sqlite", feature = "testing"))]
pub(crate) use self::own_events::{
    check_appended, check_conclusion, check_flip, check_lapse, check_rotation, foreign_outcome,
};
#[cfg(any(feature = "sqlite", feature = "testing"))]
pub(crate) use self::switches::{SetSwitch, engaged, is_kept};
