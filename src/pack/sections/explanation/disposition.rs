//! Where a vendor ended, with the event that says so.

use serde::Serialize;

use super::super::typed_events::Source;
use super::cause::Cause;
use crate::event::payload::ScoreFactor;

/// Where a vendor ended.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "ended", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Disposition {
    /// It was a candidate, and was not asked.
    NotContacted {
        /// What kept it from being asked, if an event says so.
        #[serde(skip_serializing_if = "Option::is_none")]
        cause: Option<Cause>,
    },
    /// It was not a candidate.
    NotEligible {
        /// The event that records it.
        source: Source,
        /// Why not.
        reason: String,
    },
    /// It was to be asked, and no message to it went out, or the provider could deliver none.
    NotReached {
        /// The last try.
        source: Source,
    },
    /// It was asked and did not answer in time.
    NoReply,
    /// It answered, and was left out of the shortlist.
    LeftOut {
        /// The event that records it.
        source: Source,
        /// Why.
        reason: String,
        /// Its score.
        #[serde(serialize_with = "crate::json::number")]
        total: Option<f64>,
        /// What the score is made of.
        factors: Vec<ScoreFactor>,
    },
    /// It answered, and no shortlist mentions it.
    NotRanked {
        /// What kept it from being ranked, if an event says so.
        #[serde(skip_serializing_if = "Option::is_none")]
        cause: Option<Cause>,
    },
    /// It is on the shortlist.
    Shortlisted {
        /// The event that records it.
        source: Source,
        /// Place on the shortlist, from 1.
        rank: usize,
        /// Its score.
        #[serde(serialize_with = "crate::json::number")]
        total: f64,
        /// What the score is made of.
        factors: Vec<ScoreFactor>,
    },
}
