//! Runs the host's rules again over what was recorded, and names what differs.

use std::collections::HashSet;

use serde::Serialize;

use super::super::typed_events::{Source, is_hidden};
use super::rounds::{Recorded, RecordedRound};
use crate::pack::scoring::{Exact, Ranking, Round, ScoringRule, ScoringRules};

/// A selection or a shortlist, ranked again.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Rerun {
    /// The event that records it.
    #[serde(flatten)]
    pub source: Source,
    /// Its type: `vendor.candidates_selected` or `shortlist.generated`.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["vendor.candidates_selected", "shortlist.generated"])))]
    pub event_type: &'static str,
    /// The version of the rule that the host names.
    pub rule_version: Option<String>,
    /// What the rule gives.
    #[serde(flatten)]
    pub result: RerunResult,
}

/// What came of running a rule again.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "result", rename_all = "snake_case")]
#[non_exhaustive]
pub enum RerunResult {
    /// The reader does not know the rule, or its name is hidden. Nothing is claimed.
    RuleNotKnown,
    /// The host names no rule. Nothing is claimed.
    RuleNotNamed,
    /// The event has another shape than this version reads.
    Unreadable,
    /// It was ranked again.
    Ranked {
        /// Vendors by the rule, best first; of a selection, those that it would have asked.
        listed: Vec<Rescored>,
        /// The others.
        left_out: Vec<Rescored>,
        /// Where the record and the rule disagree.
        differences: Vec<Difference>,
    },
}

/// A vendor as a rule scores it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Rescored {
    /// The vendor.
    pub vendor_id: String,
    /// Its score.
    pub total: Exact,
    /// Why the rule does not list it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A place at which the record and the rule disagree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Difference {
    /// The vendor.
    pub vendor_id: String,
    /// `points` of a factor, the `total`, its `place`, the `reason` for which it is left out, or whether it is `listed`.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["points", "total", "place", "reason", "listed"])))]
    pub what: &'static str,
    /// Which factor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub factor: Option<String>,
    /// What is recorded.
    pub recorded: Option<String>,
    /// What the rule gives.
    pub by_the_rule: Option<String>,
}

/// Reasons that no rule gives: Moltbot chose, or there is no reply to score.
const NOT_OF_THE_RULE: [&str; 2] = ["no_reply", "not_chosen_by_moltbot"];

/// The rule of a round, if it is known.
pub(super) fn rule_of<'r>(
    round: &RecordedRound<'_>,
    rules: &'r ScoringRules,
) -> Option<&'r dyn ScoringRule> {
    rules.get(round.rule_version?).filter(|_| round.is_readable)
}

pub(super) fn rerun(recorded: &RecordedRound<'_>, rules: &ScoringRules) -> Rerun {
    let result = match (rule_of(recorded, rules), recorded.rule_version) {
        (Some(rule), _) => ranked(recorded, rule),
        (None, None) => RerunResult::RuleNotNamed,
        (None, version) if is_hidden(version) => RerunResult::RuleNotKnown,
        (None, Some(version)) if rules.get(version).is_some() => RerunResult::Unreadable,
        (None, Some(_)) => RerunResult::RuleNotKnown,
    };
    Rerun {
        source: recorded.source.clone(),
        event_type: recorded.event_type,
        rule_version: recorded.rule_version.map(str::to_owned),
        result,
    }
}

fn ranked(recorded: &RecordedRound<'_>, rule: &dyn ScoringRule) -> RerunResult {
    let RecordedRound { round, .. } = recorded;
    let ranking = rule.rank(round);
    let rescored = |at: usize, reason: Option<&str>| Rescored {
        vendor_id: round.entrants[at].vendor_id.clone(),
        total: ranking.scores[at].total,
        reason: reason.map(str::to_owned),
    };
    let left_out = ranking.left_out.iter();
    RerunResult::Ranked {
        listed: ranking.listed.iter().map(|at| rescored(*at, None)).collect(),
        left_out: left_out.map(|out| rescored(out.entrant, Some(&out.reason))).collect(),
        differences: differences(recorded, rule, &ranking),
    }
}

fn differences(
    recorded: &RecordedRound<'_>,
    rule: &dyn ScoringRule,
    ranking: &Ranking,
) -> Vec<Difference> {
    let mut found = Vec::new();
    // Candidates have places beyond those that were asked.
    let whole = (recorded.event_type == "vendor.candidates_selected")
        .then(|| rule.rank(&Round { places: None, ..recorded.round.clone() }));
    let places = places(whole.as_ref().unwrap_or(ranking), recorded.recorded.len());
    let mut reasons: Vec<Option<&str>> = vec![None; recorded.recorded.len()];
    if whole.is_none() {
        for out in &ranking.left_out {
            reasons[out.entrant] = Some(&out.reason);
        }
    }
    for (at, said) in recorded.recorded.iter().enumerate() {
        let mut of =
            OfVendor { vendor_id: &recorded.round.entrants[at].vendor_id, found: &mut found };
        of.points(recorded, ranking, at);
        let total = ranking.scores[at].total;
        if let Some(recorded) = said.total.filter(|recorded| *recorded != total) {
            of.add("total", None, Some(recorded.to_string()), Some(total.to_string()));
        }
        let by_rule = recorded.decided_by.is_none_or(|by| by == "rule");
        let place = said.rule_rank.or(said.place.filter(|_| by_rule));
        of.result(*said, place, places[at], reasons[at]);
    }
    found
}

/// Each entrant's place on the list, from 1.
fn places(ranking: &Ranking, entrants: usize) -> Vec<Option<usize>> {
    let mut places = vec![None; entrants];
    for (at, place) in ranking.listed.iter().zip(1..) {
        places[*at] = Some(place);
    }
    places
}

/// Collects the differences of one vendor.
struct OfVendor<'a> {
    vendor_id: &'a str,
    found: &'a mut Vec<Difference>,
}

impl OfVendor<'_> {
    fn add(
        &mut self,
        what: &'static str,
        factor: Option<&str>,
        recorded: Option<String>,
        by_the_rule: Option<String>,
    ) {
        self.found.push(Difference {
            vendor_id: self.vendor_id.to_owned(),
            what,
            factor: factor.map(str::to_owned),
            recorded,
            by_the_rule,
        });
    }

    fn points(&mut self, recorded: &RecordedRound<'_>, ranking: &Ranking, at: usize) {
        let said = &recorded.round.entrants[at].points;
        let score = &ranking.scores[at];
        for (factor, points) in &score.points {
            let of_record = said.get(factor);
            if of_record.copied().unwrap_or_default() != *points {
                let of_record = of_record.map(ToString::to_string);
                self.add("points", Some(factor), of_record, Some(points.to_string()));
            }
        }
        let known: HashSet<_> = score.points.iter().map(|(factor, _)| factor).collect();
        for (factor, points) in said {
            if !known.contains(factor) {
                self.add("points", Some(factor), Some(points.to_string()), None);
            }
        }
    }

    /// Compares whether the vendor is listed, where, and why not.
    fn result(
        &mut self,
        said: Recorded<'_>,
        place: Option<usize>,
        by_the_rule: Option<usize>,
        reason: Option<&str>,
    ) {
        let listed = || Some("listed".to_owned());
        match (said.reason, reason) {
            (None, Some(reason)) => self.add("listed", None, listed(), Some(reason.to_owned())),
            (Some(recorded), Some(reason))
                if recorded != reason && !NOT_OF_THE_RULE.contains(&recorded) =>
            {
                self.add("reason", None, Some(recorded.to_owned()), Some(reason.to_owned()));
            }
            (Some(_), Some(_)) => {}
            (Some(recorded), None) if !NOT_OF_THE_RULE.contains(&recorded) => {
                self.add("listed", None, Some(recorded.to_owned()), listed());
            }
            _ if place.is_some() && place != by_the_rule => {
                let text = |place: Option<usize>| place.map(|place| place.to_string());
                self.add("place", None, text(place), text(by_the_rule));
            }
            _ => {}
        }
    }
}
