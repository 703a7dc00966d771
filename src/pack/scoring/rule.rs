//! What a rule of a host can do.

use super::round::{Bound, Fact, Ranking, Round};

/// A rule by which a host scores vendors. It reads no clock and no database: the same round always gives the same
/// ranking.
pub trait ScoringRule: Send + Sync {
    /// What the host records as `rule_version`. Another rule has another version.
    fn version(&self) -> &str;

    /// The factors that a vendor could have been better in, in the order in which they are reported.
    fn factors(&self) -> &[&'static str];

    /// Ranks the entrants. Each of them is listed or left out, and no two places are equal.
    fn rank(&self, round: &Round) -> Ranking;

    /// Every value of a factor at which the ranking may change in favour of an entrant, the smallest change first.
    /// Each is at least as good for the entrant as the one before it, so that the first that is enough can be found
    /// by bisection.
    fn better(&self, round: &Round, entrant: usize, factor: &str) -> Vec<Bound>;

    /// Changes what is recorded of an entrant. A rule whose factors depend on each other does more here.
    fn change(&self, round: &mut Round, entrant: usize, factor: &'static str, to: Fact) {
        if let Some(entrant) = round.entrants.get_mut(entrant) {
            entrant.facts.insert(factor.into(), to);
        }
    }
}
