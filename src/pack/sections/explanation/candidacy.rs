//! What a selection says of one vendor.

use serde::Serialize;

use super::super::typed_events::Source;
use crate::event::payload::ScoreFactor;

/// A vendor among the candidates.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ConsideredCandidate {
    /// The event that records it.
    #[serde(flatten)]
    pub source: Source,
    /// Place among the candidates, from 1.
    pub rank: usize,
    /// Its selection score.
    #[serde(serialize_with = "crate::json::number")]
    pub total: f64,
    /// What the score is made of.
    pub factors: Vec<ScoreFactor>,
}

/// A vendor that was considered, but was not a candidate.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct NotACandidate {
    /// The event that records it.
    #[serde(flatten)]
    pub source: Source,
    /// Why not.
    pub reason: String,
}
