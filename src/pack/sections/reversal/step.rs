//! One step of an undo plan, as the section shows it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::event::Identity;
use crate::pack::sections::budgets::EffectState;
use crate::pack::sections::typed_events::Source;

/// Who began to undo a request, and why.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct UndoStart {
    /// The event that records it.
    #[serde(flatten)]
    pub source: Source,
    /// Who, and how that is known.
    pub by: Option<Identity>,
    /// Why.
    pub reason: Option<String>,
}

/// One thing that was done, and how it is undone.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct UndoStep {
    /// The event that records it. Of an effect without an outcome, its admission.
    #[serde(flatten)]
    pub source: Source,
    /// What its compensation names as reversed: the effect's id, or the event's.
    pub act_id: Uuid,
    /// What it was.
    pub event_type: String,
    /// The vendor that it concerns.
    pub vendor_id: Option<String>,
    /// `reversible`, `compensable` or `final`.
    pub reversal: String,
    /// The event type of the effect that undoes it, or corrects it if it is final.
    pub compensation: Option<String>,
    /// Until when, by the database's clock. Without it, there is no limit.
    pub until: Option<DateTime<Utc>>,
    /// Of a change of the state: the states by which the request is closed.
    pub way: Vec<String>,
    /// How far its undoing is.
    pub progress: UndoProgress,
    /// Why.
    pub why: &'static str,
    /// The effect, or the event, that undid it.
    pub undone_by: Option<Uuid>,
    /// The later act whose step stands for this one too.
    pub covered_by: Option<Uuid>,
    /// The compensations that were admitted, in the order of the stream.
    pub tries: Vec<UndoTry>,
}

/// One compensation.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct UndoTry {
    /// The event that admitted it.
    #[serde(flatten)]
    pub source: Source,
    /// The id of the event that records how it ended.
    pub effect_id: Uuid,
    /// Where it stands.
    pub state: EffectState,
}

/// How far the undoing of one act is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum UndoProgress {
    /// It is not known whether the act happened. An operator resolves it first.
    ActInDoubt,
    /// The act itself is under way.
    ActRunning,
    /// The step of a later act stands for it, or the acts that it is made of have steps of their own.
    Covered,
    /// It was undone, or corrected.
    Done,
    /// Nothing undoes it.
    Final,
    /// It is not known whether its compensation happened. An operator resolves that first.
    InDoubt,
    /// Its deadline passed before it was undone.
    Late,
    /// An undo compensates it.
    Open,
    /// Its compensation is under way.
    UnderWay,
}

impl UndoProgress {
    /// True if an undo has nothing to do about it any more.
    pub(super) fn is_settled(self) -> bool {
        matches!(self, Self::Covered | Self::Done | Self::Final | Self::Late)
    }
}
