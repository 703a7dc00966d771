//! The host's rules that score vendors, so that a reader can run them again over what was recorded.
//!
//! A rule is a pure function of a [`Round`]: what is recorded of each vendor. It computes in exact numbers, and
//! breaks every tie. [`ScoringRules`] holds the rules that a reader knows, by the version that the host records.

mod change;
mod exact;
mod known;
mod round;
mod rule;
mod selection;
mod shortlist;

pub use self::{
    change::{COMPARED_MAX, Change, Goal, changes},
    exact::Exact,
    known::ScoringRules,
    round::{Bound, Entrant, Fact, LeftOut, Ranking, Round, Score},
    rule::ScoringRule,
    selection::VendorSelection,
    shortlist::ShortlistRanking,
};
