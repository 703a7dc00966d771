//! The stage at which a vendor ended.

use serde::Serialize;

use super::disposition::Disposition;
use super::evidence::Trail;

/// The stage at which a vendor ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Stage {
    /// It replied, and was left out for what the reply is, whatever it scores: an unsafe one, for example.
    Excluded,
    /// It was found, and a filter took it out.
    FilteredOut,
    /// It was left out because Moltbot did not choose it.
    LeftOutByAi,
    /// It was asked, and did not reply.
    NoReply,
    /// It was a candidate, and was not asked.
    NotContacted,
    /// No search found it. Moltbot, or someone who wrote unasked, named it.
    NotFound,
    /// It replied, and no shortlist was made of its reply.
    NotRanked,
    /// It was to be asked, and no message to it went out, or the provider could deliver none.
    NotReached,
    /// It replied, and others scored more.
    RankedBelow,
    /// It replied that it does not have it.
    RepliedNo,
    /// It replied after the request was over.
    RepliedTooLate,
    /// It is on the shortlist.
    Shortlisted,
}

const SAYS_NO: [&str; 2] = ["no_stock", "out_of_stock"];
const SCORES_LESS: [&str; 3] = ["better_alternatives", "negative_score", "over_limit"];

impl Stage {
    pub(super) fn of(trail: &Trail<'_>, disposition: &Disposition) -> Self {
        let is_unknown = trail.words.is_empty() && trail.outreaches.is_empty();
        match disposition {
            Disposition::Shortlisted { .. } => Self::Shortlisted,
            Disposition::LeftOut { .. } if is_unknown => Self::NotFound,
            Disposition::LeftOut { reason, .. } => match reason.as_str() {
                "no_reply" => Self::of_silence(trail),
                "not_chosen_by_moltbot" => Self::LeftOutByAi,
                reason if SAYS_NO.contains(&reason) => Self::RepliedNo,
                reason if SCORES_LESS.contains(&reason) => Self::RankedBelow,
                _ => Self::Excluded,
            },
            Disposition::NotRanked { .. } if is_unknown && trail.replies.is_empty() => {
                Self::NotFound
            }
            Disposition::NotRanked { .. } => Self::NotRanked,
            Disposition::NoReply => Self::of_silence(trail),
            Disposition::NotReached { .. } => Self::NotReached,
            Disposition::NotEligible { .. } => Self::FilteredOut,
            Disposition::NotContacted { .. } => Self::NotContacted,
        }
    }

    fn of_silence(trail: &Trail<'_>) -> Self {
        let replied = trail.replies.iter().any(|reply| reply.source.succeeded());
        match replied {
            true => Self::RepliedTooLate,
            false if trail.was_not_reached() => Self::NotReached,
            false => Self::NoReply,
        }
    }
}
