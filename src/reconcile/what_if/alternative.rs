//! What is to be in force instead of what was.

use crate::event::Switch;
use crate::policy::Limits;

/// What is to be in force instead.
#[derive(Clone, Debug, Default)]
pub struct Alternative {
    /// The limits.
    pub limits: Limits,
    /// Switches that are engaged all the time. Default: none; what was refused by a switch stays refused.
    pub engaged: Vec<Switch>,
}
