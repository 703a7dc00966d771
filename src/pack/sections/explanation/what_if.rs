//! What would have led to another result for a vendor.

use std::collections::HashMap;

use serde::Serialize;

use super::evidence::Trail;
use super::rerun::rule_of;
use super::rounds::RecordedRound;
use super::stage::Stage;
use crate::pack::scoring::{
    COMPARED_MAX, Change, Goal, Ranking, ScoringRule, ScoringRules, changes,
};

/// What would have led to another result for a vendor, by the host's rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct WhatIf {
    /// To be asked.
    pub asked: Answer,
    /// To be on the last shortlist.
    pub listed: Answer,
    /// To be first on it.
    pub first: Answer,
}

/// What would have led to a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "answer", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Answer {
    /// The vendor is there already, by the rule.
    Already,
    /// Each of these changes alone is enough: for each factor the smallest, and the smallest of all first.
    Changes {
        /// The changes.
        changes: Vec<Change>,
    },
    /// No change of a single factor is enough.
    NoSingleFactor,
    /// The record does not answer it.
    NotKnown {
        /// Why: `late_reply`, `no_reply`, `no_shortlist`, `nobody_asked`, `not_asked`, `not_found`,
        /// `not_on_last_shortlist`, `rule_not_known`, `too_many_vendors`, `unscored`.
        why: &'static str,
    },
}

impl Answer {
    fn not_known(why: &'static str) -> Self {
        Self::NotKnown { why }
    }
}

/// Rounds whose rule is known, each ranked once.
pub(super) struct WhatIfs<'a> {
    selections: Vec<Ranked<'a>>,
    last_shortlist: Option<Result<Ranked<'a>, &'static str>>,
}

struct Ranked<'a> {
    recorded: &'a RecordedRound<'a>,
    rule: &'a dyn ScoringRule,
    ranking: Ranking,
    /// The first entrant of each vendor.
    places: HashMap<&'a str, usize>,
}

impl<'a> Ranked<'a> {
    fn of(recorded: &'a RecordedRound<'a>, rules: &'a ScoringRules) -> Result<Self, &'static str> {
        let rule = rule_of(recorded, rules).ok_or("rule_not_known")?;
        let mut places = HashMap::new();
        for (at, entrant) in recorded.round.entrants.iter().enumerate() {
            places.entry(entrant.vendor_id.as_str()).or_insert(at);
        }
        Ok(Self { recorded, rule, ranking: rule.rank(&recorded.round), places })
    }

    fn answer(&self, entrant: usize, goal: Goal) -> Answer {
        if goal.is_reached(&self.ranking, entrant) {
            return Answer::Already;
        }
        if self.recorded.round.entrants.len() > COMPARED_MAX {
            return Answer::not_known("too_many_vendors");
        }
        let changes = changes(self.rule, &self.recorded.round, entrant, goal);
        if changes.is_empty() { Answer::NoSingleFactor } else { Answer::Changes { changes } }
    }
}

impl<'a> WhatIfs<'a> {
    pub(super) fn of(
        selections: &'a [RecordedRound<'a>],
        shortlists: &'a [RecordedRound<'a>],
        rules: &'a ScoringRules,
    ) -> Self {
        // If no one was asked after a selection, its order had no effect.
        let selections = selections.iter().filter(|round| round.round.places != Some(0));
        Self {
            selections: selections.filter_map(|round| Ranked::of(round, rules).ok()).collect(),
            last_shortlist: shortlists.last().map(|last| Ranked::of(last, rules)),
        }
    }

    pub(super) fn of_vendor(&self, trail: &Trail<'_>, stage: Stage) -> WhatIf {
        let of_list = |goal| self.on_the_list(trail.vendor_id, stage, goal);
        WhatIf {
            asked: self.asked(trail, stage),
            listed: of_list(Goal::Listed),
            first: of_list(Goal::First),
        }
    }

    fn asked(&self, trail: &Trail<'_>, stage: Stage) -> Answer {
        match stage {
            _ if !trail.outreaches.is_empty() => Answer::Already,
            Stage::FilteredOut => Answer::not_known("unscored"),
            Stage::NotContacted => {
                let place = |round: &Ranked<'_>| round.places.get(trail.vendor_id).copied();
                let mut last = self.selections.iter().rev();
                let found = last.find_map(|round| Some((round, place(round)?)));
                found.map_or(Answer::not_known("nobody_asked"), |(round, at)| {
                    round.answer(at, Goal::Listed)
                })
            }
            _ => Answer::not_known("not_found"),
        }
    }

    fn on_the_list(&self, vendor_id: &str, stage: Stage, goal: Goal) -> Answer {
        let why = match (stage, &self.last_shortlist) {
            (Stage::NotFound, _) => "not_found",
            (_, None) => "no_shortlist",
            (Stage::NoReply, _) => "no_reply",
            (Stage::RepliedTooLate, _) => "late_reply",
            (Stage::FilteredOut | Stage::NotContacted | Stage::NotReached, _) => "not_asked",
            (_, Some(Err(why))) => why,
            (_, Some(Ok(last))) => match last.places.get(vendor_id) {
                Some(at) => return last.answer(*at, goal),
                None => "not_on_last_shortlist",
            },
        };
        Answer::not_known(why)
    }
}
