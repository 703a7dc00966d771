//! An effect with its charges, as the section shows it, and events that do not add up.

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::claim::HeldAmount;
use crate::pack::sections::typed_events::Source;

/// One effect that was admitted.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct AdmittedEffect {
    /// The event that admitted it.
    #[serde(flatten)]
    pub source: Source,
    /// The id of the event that records how it ended.
    pub effect_id: Uuid,
    /// The event type under which its success is recorded.
    pub effect: Option<String>,
    /// The version of the host's policy under whose limits it was admitted.
    pub policy_version: Option<String>,
    /// The kill switches that govern it: its own, then those of the effects inside which it ran.
    pub switches: Vec<String>,
    /// What it was charged.
    pub charges: Vec<HeldCharge>,
    /// Where it stands.
    pub state: EffectState,
    /// The event that records how it ended. Its time is when the effect began.
    pub ended_by: Option<Source>,
    /// When it ended, by the host's time.
    pub ended_at: Option<DateTime<Utc>>,
    /// The event of its resolution.
    pub resolved: Option<Source>,
}

/// One charge.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct HeldCharge {
    /// The budget.
    pub budget: String,
    /// `request` or `day`.
    #[cfg_attr(feature = "schema", schemars(with = "crate::event::Period"))]
    pub period: &'static str,
    /// What was held.
    pub amount: i64,
    /// The limit in force.
    pub limit: i64,
    /// What it was settled at; 0 if it was given back.
    pub settled: Option<i64>,
}

impl HeldCharge {
    pub(super) fn of(held: &HeldAmount) -> Self {
        let (budget, period) = &held.account;
        Self {
            budget: budget.as_str().to_owned(),
            period: period.as_str(),
            amount: held.amount,
            limit: held.limit,
            settled: None,
        }
    }
}

/// Where an effect stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EffectState {
    /// It happened.
    Done,
    /// It was tried and failed.
    Failed,
    /// What it did is not known.
    InDoubt,
    /// It was admitted, and no later event is about it.
    Running,
    /// It did not happen.
    Voided,
}

/// An effect that was never admitted.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct OutsideEffect {
    /// The event that records it.
    #[serde(flatten)]
    pub source: Source,
    /// Its type.
    pub event_type: String,
}

/// An event that does not add up, or cannot be read.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Irregularity {
    /// The event.
    #[serde(flatten)]
    pub source: Source,
    /// What is wrong with it.
    pub what: &'static str,
}
