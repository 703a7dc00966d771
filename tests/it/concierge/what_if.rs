//! The smallest change is enough, and no smaller one is: an independent search over random rounds.
//!
//! The concierge's own rules decide here, which the library's are not made from. A search tries every value of a grid,
//! and each value next to one at which something may change. So the library's answer must be enough, and each value
//! that is a smaller change must not be.

use std::collections::BTreeMap;

use moltbot_audit::event::payload::ReplyOutput;
use moltbot_audit::pack::scoring::{
    Bound, Entrant, Exact, Fact, Goal, Round, ScoringRule, ShortlistRanking, VendorSelection,
    changes,
};

use super::simulation::ranking::{Reply, rank};
use crate::support::seeded::Seeded;

/// Draws replies and vendors: the same seed gives the same.
struct Dice(Seeded);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(Seeded::new(seed))
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0.next() % limit
    }

    fn number(&mut self, limit: u64) -> f64 {
        f64::from(u32::try_from(self.below(limit)).expect("small"))
    }

    /// Nothing, one time of five.
    fn maybe<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.below(5) > 0).then(|| value(self))
    }
}

/// How many rounds: 40, or as the environment says.
fn rounds() -> u64 {
    let rounds = std::env::var("MOLTBOT_AUDIT_WHAT_IFS").ok();
    rounds.map_or(40, |rounds| rounds.parse().expect("a number of rounds"))
}

fn replies(dice: &mut Dice) -> Vec<Reply> {
    let count = 2 + dice.below(7);
    (0..count)
        .map(|at| {
            let availability = ["in_stock", "in_stock", "unclear", "out_of_stock"];
            let word = availability[usize::try_from(dice.below(4)).expect("small")];
            let warnings =
                if dice.below(12) == 0 { vec!["prompt_injection".to_owned()] } else { vec![] };
            // Few values, so that there are ties.
            Reply {
                vendor_id: format!("vendor-{}", dice.below(count + 4).min(at)),
                event_id: String::new(),
                distance_km: dice.maybe(|dice| dice.number(6) * 2.5),
                parsed: ReplyOutput {
                    availability: dice.maybe(|_| word.to_owned()),
                    price_min: dice
                        .maybe(|dice| 40 + 10 * i64::try_from(dice.below(8)).expect("small")),
                    confidence: dice.maybe(|dice| dice.number(21) / 20.0),
                    latency_seconds: dice.maybe(|dice| 300.0 * (1.0 + dice.number(8))),
                    warnings,
                    ..ReplyOutput::default()
                },
            }
        })
        .collect()
}

fn round_of(replies: &[Reply], budget_max: Option<i64>) -> Round {
    let number =
        |number: Option<f64>| number.map_or(Fact::Absent, |n| Fact::Number(Exact::read(n)));
    let entrants = replies.iter().zip(0..).map(|(reply, at)| {
        let parsed = &reply.parsed;
        let availability = parsed.availability.clone().map_or(Fact::Absent, Fact::Word);
        let price = parsed.price_min.map_or(Fact::Absent, |p| Fact::Number(Exact::whole(p)));
        let facts = [
            ("availability", availability),
            ("price", price),
            ("distance", number(reply.distance_km)),
            ("confidence", number(parsed.confidence)),
            ("speed", number(parsed.latency_seconds)),
        ];
        Entrant {
            vendor_id: reply.vendor_id.clone(),
            facts: facts.into_iter().map(|(factor, fact)| (factor.into(), fact)).collect(),
            warnings: parsed.warnings.clone(),
            after_first: Some(Exact::whole(i64::from(APART) * at)),
            ..Entrant::default()
        }
    });
    let budget_max = budget_max.map(Exact::whole);
    Round { budget_max, places: Some(5), first: Some(0), entrants: entrants.collect() }
}

/// A reply comes this many seconds after the one before it.
const APART: u32 = 100;

/// The replies after one value of one reply has changed. A quicker reply comes earlier, and may be the first.
fn changed(replies: &[Reply], at: usize, factor: &str, to: &Value) -> Vec<Reply> {
    let mut replies = replies.to_vec();
    let reply = &mut replies[at];
    match (factor, to) {
        ("availability", Value::Word(word)) => reply.parsed.availability = Some((*word).to_owned()),
        ("price", Value::Francs(price)) => reply.parsed.price_min = Some(*price),
        ("distance", Value::Number(km)) => reply.distance_km = Some(*km),
        ("confidence", Value::Number(sure)) => reply.parsed.confidence = Some(*sure),
        ("speed", Value::Number(seconds)) => {
            let before = reply.parsed.latency_seconds.replace(*seconds);
            let arrived = f64::from(APART * u32::try_from(at).expect("small"));
            if before.is_some_and(|before| *seconds < before - arrived) {
                let quickest = replies.remove(at);
                replies.insert(0, quickest);
            }
        }
        _ => unreachable!("{factor} holds no such value"),
    }
    replies
}

#[derive(Clone, Debug)]
enum Value {
    Francs(i64),
    Number(f64),
    Word(&'static str),
}

/// Whether the concierge's rule gives the vendor of a reply what it was to reach.
fn reaches(replies: &[Reply], budget_max: Option<i64>, vendor: &str, goal: Goal) -> bool {
    let (listed, _) = rank(replies, budget_max);
    match goal {
        Goal::First => listed.first().is_some_and(|first| first.reply.vendor_id == vendor),
        _ => listed.iter().any(|scored| scored.reply.vendor_id == vendor),
    }
}

/// Every value that is better than the present one, the smallest change first.
fn domain(replies: &[Reply], at: usize, factor: &str) -> Vec<Value> {
    let parsed = &replies[at].parsed;
    let next_to = |of: fn(&Reply) -> Option<f64>, step: f64| -> Vec<f64> {
        let numbers = replies.iter().filter_map(of);
        numbers.flat_map(|number| [number - step, number, number + step]).collect()
    };
    let numbers = |mut numbers: Vec<f64>, now: Option<f64>, is_less_better: bool| -> Vec<Value> {
        let is_better = |n: &f64| match now {
            Some(now) if is_less_better => *n < now,
            Some(now) => *n > now,
            None => true,
        };
        numbers.retain(|number| *number >= 0.0 && is_better(number));
        numbers.sort_by(|a, b| if is_less_better { b.total_cmp(a) } else { a.total_cmp(b) });
        numbers.into_iter().map(Value::Number).collect()
    };
    match factor {
        "availability" => {
            let words = ["out_of_stock", "unclear", "in_stock"];
            let now = parsed.availability.as_deref().unwrap_or("unclear");
            let now = words.iter().position(|word| *word == now).expect("a word");
            words[now + 1..].iter().map(|word| Value::Word(word)).collect()
        }
        "price" => {
            let highest = parsed.price_min.unwrap_or(1_000_000);
            let prices = std::iter::once(1_000_000).chain((1..=200).rev());
            prices
                .filter(|price| *price <= highest && Some(*price) != parsed.price_min)
                .map(Value::Francs)
                .collect()
        }
        "distance" => {
            let grid = (0..60).map(|step| f64::from(step) * 0.25);
            let edges = [2.0, 5.0, 10.0].into_iter().flat_map(|km| [km - 1e-6, km, km + 1e-6]);
            numbers(grid.chain(edges).collect(), replies[at].distance_km, true)
        }
        "confidence" => {
            let grid = (0..=200).map(|step| f64::from(step) / 200.0);
            let mut grid: Vec<_> =
                grid.chain(next_to(|reply| reply.parsed.confidence, 1e-6)).collect();
            grid.retain(|sure| *sure <= 1.0);
            // Without a confidence, zero is none.
            let now = parsed.confidence.or(Some(0.0));
            numbers(grid, now, false)
        }
        _ => {
            let grid = (0..60).map(|step| f64::from(step) * 50.0);
            let edges = [600.0, 1_800.0].into_iter().flat_map(|s| [s - 1e-6, s, s + 1e-6]);
            let others = next_to(|reply| reply.parsed.latency_seconds, 1e-6);
            let first = parsed
                .latency_seconds
                .map(|now| now - f64::from(APART * u32::try_from(at).expect("small")));
            let first = first.into_iter().flat_map(|first| [first - 1e-6, first]);
            let all = grid.chain(edges).chain(others).chain(first).collect();
            numbers(all, parsed.latency_seconds, true)
        }
    }
}

/// Whether a value is inside a bound.
fn is_inside(value: &Value, bound: &Bound) -> bool {
    match (value, bound) {
        // What is in stock is better than what is unclear.
        (Value::Word(word), Bound::Is(wanted)) => *word == wanted.as_ref() || *word == "in_stock",
        (Value::Francs(price), Bound::AtMost(most)) => Exact::whole(*price) <= *most,
        (Value::Francs(_) | Value::Number(_), Bound::Named) => true,
        (Value::Number(number), Bound::AtMost(most)) => Exact::read(*number) <= *most,
        (Value::Number(number), Bound::LessThan(most)) => Exact::read(*number) < *most,
        (Value::Number(number), Bound::AtLeast(least)) => Exact::read(*number) >= *least,
        (Value::Number(number), Bound::MoreThan(least)) => Exact::read(*number) > *least,
        _ => unreachable!("{value:?} is no value of {bound:?}"),
    }
}

#[test]
fn the_smallest_change_puts_a_vendor_on_the_shortlist_and_no_smaller_one_does() {
    let (mut enough, mut none) = (BTreeMap::new(), 0);
    for seed in 0..rounds() {
        let mut dice = Dice::new(seed);
        let replies = replies(&mut dice);
        let budget_max = dice.maybe(|dice| 40 + 10 * i64::try_from(dice.below(8)).expect("small"));
        let round = round_of(&replies, budget_max);
        let ranking = ShortlistRanking.rank(&round);
        let (listed, left_out) = rank(&replies, budget_max);
        let theirs: Vec<_> = listed.iter().map(|s| (s.reply.vendor_id.clone(), s.total)).collect();
        let ours = |at: &usize| {
            (round.entrants[*at].vendor_id.clone(), ranking.scores[*at].total.to_f64())
        };
        assert_eq!(ranking.listed.iter().map(ours).collect::<Vec<_>>(), theirs, "seed {seed}");
        let mut theirs: Vec<_> =
            left_out.iter().map(|out| (out.vendor_id.as_str(), out.reason.as_str())).collect();
        let mut ours: Vec<_> = (ranking.left_out.iter())
            .map(|out| (round.entrants[out.entrant].vendor_id.as_str(), &*out.reason))
            .collect();
        theirs.sort_unstable();
        ours.sort_unstable();
        assert_eq!(ours, theirs, "seed {seed}");
        for (at, reply) in replies.iter().enumerate() {
            // A vendor's second reply is left out whatever it says.
            let is_second = replies[..at].iter().any(|other| other.vendor_id == reply.vendor_id);
            for goal in [Goal::Listed, Goal::First] {
                let reaches =
                    |replies: &[Reply]| reaches(replies, budget_max, &reply.vendor_id, goal);
                if is_second || reaches(&replies) {
                    continue;
                }
                let found = changes(&ShortlistRanking, &round, at, goal);
                none += u32::from(found.is_empty());
                for factor in ShortlistRanking.factors() {
                    let change = found.iter().find(|change| change.factor == *factor);
                    let mut is_enough = false;
                    for value in domain(&replies, at, factor) {
                        let inside = change.is_some_and(|change| is_inside(&value, &change.to));
                        let said = || {
                            format!(
                                "seed {seed}, reply {at}, {goal:?}, {factor}: {value:?}, {change:?}"
                            )
                        };
                        let is_there = reaches(&changed(&replies, at, factor, &value));
                        assert_eq!(is_there, inside, "{}", said());
                        is_enough |= inside;
                    }
                    assert_eq!(
                        is_enough,
                        change.is_some(),
                        "seed {seed}, reply {at}, {factor}: {change:?}"
                    );
                    *enough.entry(*factor).or_insert(0) += u32::from(is_enough);
                }
            }
        }
    }
    eprintln!(
        "{} rounds, changes by factor {enough:?}, {none} results that none changes",
        rounds()
    );
    assert!(enough.values().all(|count| *count > 0) && none > 0, "{enough:?}, {none}");
}

/// Vendors by the points of their category, their kilometres, the hours in which they usually answer, and their stars.
type Vendor = [f64; 4];

const FACTORS: [&str; 4] = ["category", "distance", "response_time", "rating"];
const ASKED: usize = 3;

/// The rule of the host for selections, in plain numbers.
fn points([category, km, hours, stars]: Vendor) -> Vendor {
    [category, (30.0 - 2.0 * km).max(0.0), (20.0 - 2.0 * hours).max(0.0), (2.0 * stars).min(10.0)]
}

/// Whether a vendor is among the first. Of equal totals, the first vendor counts more.
fn is_asked(vendors: &[Vendor], at: usize) -> bool {
    let total = |at: usize| Exact::read(points(vendors[at]).iter().sum());
    let is_better = |other: &usize| (total(*other), at) > (total(at), *other);
    (0..vendors.len()).filter(|other| *other != at).filter(is_better).count() < ASKED
}

fn selection_of(vendors: &[Vendor]) -> Round {
    let entrant = |(at, of): (usize, &Vendor)| {
        let points = FACTORS.iter().zip(points(*of));
        let measured = FACTORS.iter().zip(of).skip(1);
        let number = |number: &f64| Fact::Number(Exact::read(*number));
        Entrant {
            vendor_id: format!("vendor-{at}"),
            facts: measured.map(|(factor, n)| ((*factor).into(), number(n))).collect(),
            points: points.map(|(factor, p)| ((*factor).into(), Exact::read(p))).collect(),
            ..Entrant::default()
        }
    };
    let entrants = vendors.iter().enumerate().map(entrant).collect();
    Round { places: Some(ASKED), entrants, ..Round::default() }
}

/// Every value of a factor that is better than the present one.
fn better_values(factor: usize, now: f64) -> Vec<f64> {
    let grid = (0..=1_600).map(|step| f64::from(step) / 100.0);
    let edges =
        (0..=64).map(|step| f64::from(step) / 4.0).flat_map(|edge| [edge - 1e-6, edge + 1e-6]);
    match factor {
        0 => [40.0].into_iter().filter(|points| *points > now).collect(),
        3 => grid.chain(edges).filter(|stars| *stars > now && *stars <= 5.0).collect(),
        _ => grid.chain(edges).filter(|less| *less < now && *less >= 0.0).collect(),
    }
}

#[test]
fn the_smallest_change_has_a_vendor_asked_and_no_smaller_one_does() {
    let mut enough = BTreeMap::new();
    for seed in 0..rounds() {
        let mut dice = Dice::new(seed);
        let vendor = |dice: &mut Dice| -> Vendor {
            let category = if dice.below(3) == 0 { 20.0 } else { 40.0 };
            [category, dice.number(31) / 2.0, dice.number(21) / 2.0, dice.number(11) / 2.0]
        };
        let vendors: Vec<_> = (0..4 + dice.below(6)).map(|_| vendor(&mut dice)).collect();
        let round = selection_of(&vendors);
        let ranking = VendorSelection.rank(&round);
        for at in 0..vendors.len() {
            assert_eq!(ranking.listed.contains(&at), is_asked(&vendors, at), "seed {seed}, {at}");
            if is_asked(&vendors, at) {
                continue;
            }
            let found = changes(&VendorSelection, &round, at, Goal::Listed);
            for (which, factor) in FACTORS.iter().enumerate() {
                let change = found.iter().find(|change| change.factor == *factor);
                for value in better_values(which, vendors[at][which]) {
                    let mut changed = vendors.clone();
                    changed[at][which] = value;
                    let is_in = |bound| which == 0 || is_inside(&Value::Number(value), bound);
                    let inside = change.is_some_and(|change| is_in(&change.to));
                    let said = || format!("seed {seed}, {at}, {factor}: {value}, {change:?}");
                    assert_eq!(is_asked(&changed, at), inside, "{}", said());
                    *enough.entry(*factor).or_insert(0) += u32::from(inside);
                }
            }
        }
    }
    assert!(enough.len() == 4 && enough.values().all(|count| *count > 0), "{enough:?}");
}
