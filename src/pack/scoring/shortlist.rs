//! How the host ranks the replies of vendors into a shortlist.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::exact::Exact;
use super::round::{Bound, Entrant, Fact, LeftOut, Ranking, Round, Score};
use super::rule::ScoringRule;

/// The host's rule for shortlists, `shortlist-ranking.50`.
///
/// | factor | points |
/// |---|---|
/// | availability | in stock 50, out of stock −100, anything else 10 |
/// | price | within the budget 20, up to a fifth over it 5, no budget 10; over that or without a price 0 |
/// | distance | up to 2 km 15, up to 5 km 10, up to 10 km 5; farther or unknown 0 |
/// | confidence | times 20, rounded |
/// | speed | the first reply 10, within 10 minutes 8, within 30 minutes 5; later or not timed 0 |
///
/// An unsafe reply is left out, and so is the second reply of a vendor. Out of stock and a negative total are left out
/// unless there is nothing else. Of equal totals, the higher confidence comes first, then the lower price, then the
/// quicker reply, then the vendor's id. What is missing is the worst: no confidence, the highest price, the slowest
/// reply. At most five are listed, unless the record says another number.
#[derive(Clone, Copy, Debug, Default)]
pub struct ShortlistRanking;

const FACTORS: [&str; 5] = [AVAILABILITY, PRICE, DISTANCE, CONFIDENCE, SPEED];
const AVAILABILITY: &str = "availability";
const PRICE: &str = "price";
const DISTANCE: &str = "distance";
const CONFIDENCE: &str = "confidence";
const SPEED: &str = "speed";

/// What makes a reply unsafe.
const UNSAFE: [&str; 2] = ["payment_request", "prompt_injection"];
const PLACES: usize = 5;

/// Kilometres and points, from the nearest.
const NEAR: [(i64, i64); 3] = [(2, 15), (5, 10), (10, 5)];
/// Seconds and points, from the quickest.
const QUICK: [(i64, i64); 2] = [(600, 8), (1_800, 5)];
const FIRST: i64 = 10;

impl ScoringRule for ShortlistRanking {
    fn version(&self) -> &'static str {
        "shortlist-ranking.50"
    }

    fn factors(&self) -> &[&'static str] {
        &FACTORS
    }

    fn rank(&self, round: &Round) -> Ranking {
        let scores: Vec<_> = (0..round.entrants.len()).map(|at| score(round, at)).collect();
        let mut left_out = Vec::new();
        let mut standing = Vec::new();
        let mut seen = BTreeSet::new();
        for (at, entrant) in round.entrants.iter().enumerate() {
            if entrant.warnings.iter().any(|warning| UNSAFE.contains(&warning.as_str())) {
                left_out.push(LeftOut { entrant: at, reason: "unsafe_reply".into() });
            } else if !seen.insert(entrant.vendor_id.as_str()) {
                left_out.push(LeftOut { entrant: at, reason: "duplicate".into() });
            } else {
                standing.push(at);
            }
        }
        standing.sort_by_cached_key(|at| best_first(round, &scores, *at));
        let mut keep = |reason: &'static str, holds: &dyn Fn(usize) -> bool| {
            if standing.iter().any(|at| holds(*at)) {
                let dropped = standing.extract_if(.., |at| !holds(*at));
                let dropped = dropped.map(|entrant| LeftOut { entrant, reason: reason.into() });
                left_out.extend(dropped);
            }
        };
        keep("out_of_stock", &|at| !is_out_of_stock(&round.entrants[at]));
        keep("negative_score", &|at| scores[at].total >= Exact::ZERO);
        let places = round.places.unwrap_or(PLACES).min(standing.len());
        let over = standing.split_off(places);
        left_out.extend(
            over.into_iter().map(|entrant| LeftOut { entrant, reason: "over_limit".into() }),
        );
        Ranking { scores, listed: standing, left_out }
    }

    fn better(&self, round: &Round, entrant: usize, factor: &str) -> Vec<Bound> {
        let Some(of) = round.entrants.get(entrant) else { return Vec::new() };
        let others = || {
            let others = round.entrants.iter().enumerate().filter(|(at, _)| *at != entrant);
            others.filter_map(|(_, other)| other.fact(factor).number())
        };
        match factor {
            AVAILABILITY => better_availability(of),
            PRICE => better_price(round, entrant, others()),
            DISTANCE => better_distance(of),
            CONFIDENCE => better_confidence(of, others()),
            SPEED => better_speed(of, others()),
            _ => Vec::new(),
        }
    }

    /// A quicker reply comes earlier, and may be the first.
    fn change(&self, round: &mut Round, entrant: usize, factor: &'static str, to: Fact) {
        let Some(of) = round.entrants.get_mut(entrant) else { return };
        if factor == SPEED
            && let (Some(quicker), Some(first)) = (to.number(), to_be_first(of))
            && quicker < first
        {
            round.first = Some(entrant);
        }
        of.facts.insert(factor.into(), to);
    }
}

fn score(round: &Round, entrant: usize) -> Score {
    Score::of(FACTORS.map(|factor| (factor.into(), points(round, entrant, factor))).into())
}

fn points(round: &Round, at: usize, factor: &str) -> Exact {
    let entrant = &round.entrants[at];
    let whole = Exact::whole;
    match (factor, entrant.fact(factor)) {
        (_, Fact::Unknown) => entrant.points.get(factor).copied().unwrap_or_default(),
        (AVAILABILITY, Fact::Word(word)) => whole(match word.as_str() {
            "in_stock" => 50,
            "out_of_stock" => -100,
            _ => 10,
        }),
        (AVAILABILITY, _) => whole(10),
        (PRICE, Fact::Number(price)) => whole(match round.budget_max {
            None => 10,
            Some(max) if *price <= max => 20,
            Some(max) if *price <= a_fifth_over(max) => 5,
            Some(_) => 0,
        }),
        (DISTANCE, Fact::Number(km)) => level(&NEAR, *km),
        (CONFIDENCE, Fact::Number(confidence)) => (*confidence * 20).rounded(),
        (SPEED, Fact::Number(_)) if round.first == Some(at) => whole(FIRST),
        (SPEED, Fact::Number(seconds)) => level(&QUICK, *seconds),
        _ => Exact::ZERO,
    }
}

/// The highest price that is at most a fifth over the budget.
fn a_fifth_over(max: Exact) -> Exact {
    (max * 6).divided_by(5)
}

/// The points of the first level that a number does not pass.
fn level(levels: &[(i64, i64)], number: Exact) -> Exact {
    let reached = levels.iter().find(|(up_to, _)| number <= Exact::whole(*up_to));
    Exact::whole(reached.map_or(0, |(_, points)| *points))
}

/// A key that sorts the best first.
fn best_first<'a>(round: &'a Round, scores: &[Score], at: usize) -> impl Ord + use<'a> {
    let entrant = &round.entrants[at];
    let lowest = |factor| {
        let number = entrant.fact(factor).number();
        (number.is_none(), number)
    };
    let confidence = entrant.fact(CONFIDENCE).number().unwrap_or_default();
    let sure = (Reverse(scores[at].total), Reverse(confidence));
    (sure, lowest(PRICE), lowest(SPEED), entrant.last_tie_break())
}

fn is_out_of_stock(entrant: &Entrant) -> bool {
    *entrant.fact(AVAILABILITY) == Fact::Word("out_of_stock".to_owned())
}

/// The latency below which its reply would have come before the first one.
fn to_be_first(of: &Entrant) -> Option<Exact> {
    Some(of.fact(SPEED).number()? - of.after_first?)
}

fn better_availability(of: &Entrant) -> Vec<Bound> {
    let better: &[&'static str] = match of.fact(AVAILABILITY) {
        Fact::Word(word) if word == "in_stock" => &[],
        Fact::Word(word) if word == "out_of_stock" => &["unclear", "in_stock"],
        _ => &["in_stock"],
    };
    better.iter().map(|word| Bound::Is((*word).into())).collect()
}

/// Prices are whole francs, from 1.
fn better_price(round: &Round, entrant: usize, others: impl Iterator<Item = Exact>) -> Vec<Bound> {
    let fact = round.entrants[entrant].fact(PRICE);
    let one = Exact::whole(1);
    let budget = round.budget_max.map(|max| [max.floor(), a_fifth_over(max).floor()]);
    let mut prices: Vec<_> = budget.into_iter().flatten().collect();
    if *fact != Fact::Unknown {
        prices.extend(others.flat_map(|price| [price.floor(), price.floor() - one]));
    }
    prices.retain(|price| *price >= one && fact.number().is_none_or(|now| *price < now));
    prices.sort_unstable_by_key(|price| Reverse(*price));
    prices.dedup();
    let mut better: Vec<_> = prices.into_iter().map(Bound::AtMost).collect();
    if *fact == Fact::Absent {
        better.insert(0, Bound::Named);
    }
    better
}

fn better_distance(of: &Entrant) -> Vec<Bound> {
    let now = match of.fact(DISTANCE) {
        Fact::Number(km) => level(&NEAR, *km),
        _ => of.points.get(DISTANCE).copied().unwrap_or_default(),
    };
    let nearer = NEAR.iter().rev().filter(|(_, points)| Exact::whole(*points) > now);
    nearer.map(|(km, _)| Bound::AtMost(Exact::whole(*km))).collect()
}

fn better_confidence(of: &Entrant, others: impl Iterator<Item = Exact>) -> Vec<Bound> {
    let now = match of.fact(CONFIDENCE) {
        Fact::Number(now) => *now,
        Fact::Absent => Exact::ZERO,
        // More than the points that are recorded. How it compares with others is not known.
        Fact::Unknown | Fact::Word(_) => {
            let now = of.points.get(CONFIDENCE).copied().unwrap_or_default();
            return steps()
                .filter(|sure| (*sure * 20).rounded() > now)
                .map(Bound::AtLeast)
                .collect();
        }
    };
    // At the same confidence, "at least" is the smaller change.
    let others = others.flat_map(|other| [(other, false), (other, true)]);
    let mut all: Vec<_> = steps().map(|sure| (sure, false)).chain(others).collect();
    let (one, edge) = (Exact::whole(1), |strict| if strict { Exact::STEP } else { Exact::ZERO });
    all.retain(|(sure, strict)| *sure + edge(*strict) > now && *sure + edge(*strict) <= one);
    all.sort_unstable();
    all.dedup();
    let bound = |(sure, strict)| if strict { Bound::MoreThan(sure) } else { Bound::AtLeast(sure) };
    all.into_iter().map(bound).collect()
}

/// The confidences from which another point is given.
fn steps() -> impl Iterator<Item = Exact> {
    (0..20).map(|points| Exact::thousandths(points * 50 + 25))
}

fn better_speed(of: &Entrant, others: impl Iterator<Item = Exact>) -> Vec<Bound> {
    let fact = of.fact(SPEED);
    let mut all: Vec<_> = QUICK.iter().map(|(seconds, _)| (Exact::whole(*seconds), true)).collect();
    all.extend(to_be_first(of).map(|first| (first, false)));
    if *fact == Fact::Unknown {
        let now = of.points.get(SPEED).copied().unwrap_or_default();
        all.retain(|(seconds, _)| level(&QUICK, *seconds) > now);
    } else {
        // At the same time, "at most" is the smaller change.
        all.extend(others.flat_map(|other| [(other, true), (other, false)]));
    }
    let edge = |or_equal| if or_equal { Exact::ZERO } else { Exact::STEP };
    all.retain(|(seconds, or_equal)| {
        let to = *seconds - edge(*or_equal);
        to >= Exact::ZERO && fact.number().is_none_or(|now| to < now)
    });
    all.sort_unstable_by_key(|bound| Reverse(*bound));
    all.dedup();
    let bound = |(to, or_equal)| if or_equal { Bound::AtMost(to) } else { Bound::LessThan(to) };
    // Any time is better than none.
    let timed = (*fact == Fact::Absent).then_some(Bound::Named);
    timed.into_iter().chain(all.into_iter().map(bound)).collect()
}
