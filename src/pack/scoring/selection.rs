//! How the host chooses the vendors that it asks.

use std::cmp::Reverse;

use super::exact::Exact;
use super::round::{Bound, Entrant, Fact, LeftOut, Ranking, Round, Score};
use super::rule::ScoringRule;

/// The host's rule for selections, `vendor-selection.1`.
///
/// | factor | points |
/// |---|---|
/// | category | the same 40, a matching tag 20 |
/// | distance | 30 less 2 for each kilometre, at least 0; unknown 15 |
/// | response time | 20 less 2 for each hour, at least 0; unknown 10 |
/// | rating | 2 for each star, at most 10; unknown 5 |
///
/// The points of a factor without a measured number, and those of any other factor, are taken as they are recorded.
/// Of equal totals, the lower vendor's id comes first. As many are listed as were asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct VendorSelection;

const FACTORS: [&str; 4] = [CATEGORY, DISTANCE, RESPONSE_TIME, RATING];
const CATEGORY: &str = "category";
const DISTANCE: &str = "distance";
const RESPONSE_TIME: &str = "response_time";
const RATING: &str = "rating";

const SAME_CATEGORY: i64 = 40;
const BESIDE_THE_DOOR: i64 = 30;
const AT_ONCE: i64 = 20;
const BEST_RATED: i64 = 10;
const STARS_MAX: i64 = 5;

impl ScoringRule for VendorSelection {
    fn version(&self) -> &'static str {
        "vendor-selection.1"
    }

    fn factors(&self) -> &[&'static str] {
        &FACTORS
    }

    fn rank(&self, round: &Round) -> Ranking {
        let score = |entrant: &Entrant| {
            let factors = entrant.points.keys().cloned();
            Score::of(factors.map(|factor| (factor.clone(), points(entrant, &factor))).collect())
        };
        let scores: Vec<Score> = round.entrants.iter().map(score).collect();
        let mut listed: Vec<_> = (0..scores.len()).collect();
        listed.sort_by_key(|at| (Reverse(scores[*at].total), round.entrants[*at].last_tie_break()));
        let over = listed.split_off(round.places.unwrap_or(listed.len()).min(listed.len()));
        let left_out = over.into_iter();
        let left_out =
            left_out.map(|entrant| LeftOut { entrant, reason: "over_limit".into() }).collect();
        Ranking { scores, listed, left_out }
    }

    fn better(&self, round: &Round, entrant: usize, factor: &str) -> Vec<Bound> {
        let Some(of) = round.entrants.get(entrant) else { return Vec::new() };
        let now = points(of, factor);
        let total = |of: &Entrant| of.points.keys().map(|factor| points(of, factor)).sum::<Exact>();
        let rest = total(of) - now;
        let others = round.entrants.iter().enumerate().filter(|(at, _)| *at != entrant);
        // A vendor stands above another with as many points or with more.
        let mut wanted: Vec<_> = others.map(|(_, other)| total(other) - rest).collect();
        wanted.retain(|points| *points >= now);
        wanted.sort_unstable();
        wanted.dedup();
        match factor {
            CATEGORY if now < Exact::whole(SAME_CATEGORY) => vec![Bound::Is("same".into())],
            DISTANCE => less(BESIDE_THE_DOOR, now, &wanted),
            RESPONSE_TIME => less(AT_ONCE, now, &wanted),
            RATING => more(now, &wanted),
            _ => Vec::new(),
        }
    }

    /// A factor that was not scored is scored when it is changed.
    fn change(&self, round: &mut Round, entrant: usize, factor: &'static str, to: Fact) {
        if let Some(entrant) = round.entrants.get_mut(entrant) {
            entrant.points.entry(factor.into()).or_default();
            entrant.facts.insert(factor.into(), to);
        }
    }
}

fn points(entrant: &Entrant, factor: &str) -> Exact {
    let less = |most, number: Exact| (Exact::whole(most) - number * 2).max(Exact::ZERO);
    match (factor, entrant.fact(factor)) {
        (CATEGORY, Fact::Word(_)) => Exact::whole(SAME_CATEGORY),
        (DISTANCE, Fact::Number(km)) => less(BESIDE_THE_DOOR, *km),
        (RESPONSE_TIME, Fact::Number(hours)) => less(AT_ONCE, *hours),
        (RATING, Fact::Number(stars)) => (*stars * 2).min(Exact::whole(BEST_RATED)),
        _ => entrant.points.get(factor).copied().unwrap_or_default(),
    }
}

/// Numbers of which each takes two points off `most`, for as many points as wanted or for more.
fn less(most: i64, now: Exact, wanted: &[Exact]) -> Vec<Bound> {
    let most = Exact::whole(most);
    let bounds = wanted.iter().filter(|points| **points <= most).flat_map(|points| {
        let number = (most - *points).half();
        let equal = (*points > now).then_some(Bound::AtMost(number));
        equal.into_iter().chain((number > Exact::ZERO).then_some(Bound::LessThan(number)))
    });
    bounds.collect()
}

/// Stars of which each gives two points, for as many points as wanted or for more.
fn more(now: Exact, wanted: &[Exact]) -> Vec<Bound> {
    let most = Exact::whole(STARS_MAX);
    let bounds = wanted.iter().flat_map(|points| {
        let stars = points.half();
        let equal = (*points > now && stars <= most).then_some(Bound::AtLeast(stars));
        equal.into_iter().chain((stars < most).then_some(Bound::MoreThan(stars)))
    });
    bounds.collect()
}
