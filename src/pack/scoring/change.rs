//! The smallest change of one factor that would have led to another result.

use serde::Serialize;

use super::exact::Exact;
use super::round::{Bound, Ranking, Round};
use super::rule::ScoringRule;

/// Most entrants of a round for which changes are looked for. The host asks 15 vendors at most.
pub const COMPARED_MAX: usize = 32;

/// What a vendor would have had to reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Goal {
    /// The first place.
    First,
    /// Any place.
    Listed,
}

impl Goal {
    /// Whether an entrant has reached it.
    #[must_use]
    pub fn is_reached(self, ranking: &Ranking, entrant: usize) -> bool {
        match self {
            Self::First => ranking.listed.first() == Some(&entrant),
            Self::Listed => ranking.listed.contains(&entrant),
        }
    }
}

/// A change of one factor that is enough alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Change {
    /// The factor.
    pub factor: &'static str,
    /// What it would have had to be.
    #[serde(flatten)]
    pub to: Bound,
    /// True if its reply would then have been the first.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub replies_first: bool,
}

/// For each factor, the smallest change that leads to the goal, if one does. The change that needs the fewest points
/// comes first; of equal ones, the rule's first factor.
#[must_use]
pub fn changes(rule: &dyn ScoringRule, round: &Round, entrant: usize, goal: Goal) -> Vec<Change> {
    let Some(kept) = round.entrants.get(entrant) else { return Vec::new() };
    let total = |ranking: &Ranking| ranking.scores.get(entrant).map(|score| score.total);
    let before = total(&rule.rank(round)).unwrap_or_default();
    let mut changed = round.clone();
    let mut found = Vec::new();
    for factor in rule.factors() {
        let mut after = |bound: &Bound| {
            rule.change(&mut changed, entrant, factor, bound.edge());
            // How its id compares with another is not known if the pack hides ids: a tie is not enough then.
            if let Some(order) = &mut changed.entrants[entrant].recorded_order {
                *order = usize::MAX;
            }
            let ranking = rule.rank(&changed);
            let replies_first = changed.first == Some(entrant) && round.first != changed.first;
            changed.first = round.first;
            changed.entrants[entrant].clone_from(kept);
            (goal.is_reached(&ranking, entrant), total(&ranking).unwrap_or_default(), replies_first)
        };
        let better = rule.better(round, entrant, factor);
        // If the best value is not enough, none is.
        if !better.last().is_some_and(|best| after(best).0) {
            continue;
        }
        let at = better.partition_point(|bound| !after(bound).0);
        if let Some(to) = better.into_iter().nth(at) {
            let (_, reached, replies_first) = after(&to);
            found.push((reached - before, Change { factor, to, replies_first }));
        }
    }
    // The sort is stable: equal changes stay in the order of the rule's factors.
    found.sort_by_key(|(more, _): &(Exact, Change)| *more);
    found.into_iter().map(|(_, change)| change).collect()
}
