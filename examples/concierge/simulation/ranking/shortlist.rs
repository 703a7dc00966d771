//! Scores replies into a shortlist.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use moltbot_audit::event::payload::{ReplyOutput, ScoreFactor, ShortlistExclusion};

use super::super::contract::ITEMS_MAX;
use super::{factor, total};

pub(crate) const SHORTLIST_RULE: &str = "shortlist-ranking.50";

/// What decides between equal totals, in this order.
pub(crate) const TIE_BREAKS: &[&str] = &["confidence", "price", "speed"];

/// One vendor's reply, with what the ranking needs to know about the vendor.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) vendor_id: String,
    /// The event that recorded it.
    pub(crate) event_id: String,
    pub(crate) distance_km: Option<f64>,
    pub(crate) parsed: ReplyOutput,
}

/// A reply with its score.
#[derive(Clone, Debug)]
pub(crate) struct Ranked {
    pub(crate) reply: Reply,
    pub(crate) factors: Vec<ScoreFactor>,
    pub(crate) total: f64,
}

/// Ranks the replies, which are given in the order in which they came. Returns them best first, and
/// who is left out and why.
pub(crate) fn rank(
    replies: &[Reply],
    budget_max: Option<i64>,
) -> (Vec<Ranked>, Vec<ShortlistExclusion>) {
    let mut excluded = Vec::new();
    let mut ranked = Vec::new();
    let mut seen = BTreeSet::new();
    for (place, reply) in replies.iter().enumerate() {
        let factors = factors(reply, budget_max, place == 0);
        let scored = Ranked { reply: reply.clone(), total: total(&factors), factors };
        if !reply.is_safe() {
            excluded.push(scored.exclude("unsafe_reply"));
        } else if !seen.insert(&reply.vendor_id) {
            excluded.push(scored.exclude("duplicate"));
        } else {
            ranked.push(scored);
        }
    }
    ranked.sort_by(best_first);
    // A shop that does not have the item is kept only if no other shop replied.
    keep(&mut ranked, &mut excluded, "out_of_stock", |scored| !scored.reply.is_out_of_stock());
    keep(&mut ranked, &mut excluded, "negative_score", |scored| scored.total >= 0.0);
    let over = ranked.split_off(ranked.len().min(ITEMS_MAX));
    excluded.extend(over.into_iter().map(|scored| scored.exclude("over_limit")));
    (ranked, excluded)
}

impl Reply {
    pub(crate) fn is_safe(&self) -> bool {
        !self.parsed.warnings.iter().any(|w| w == "prompt_injection" || w == "payment_request")
    }

    fn is_out_of_stock(&self) -> bool {
        self.parsed.availability.as_deref() == Some("out_of_stock")
    }

    fn latency(&self) -> f64 {
        self.parsed.latency_seconds.unwrap_or(f64::MAX)
    }
}

impl Ranked {
    pub(crate) fn exclude(self, reason: &str) -> ShortlistExclusion {
        ShortlistExclusion {
            vendor_id: self.reply.vendor_id,
            reason: reason.into(),
            total: Some(self.total),
            factors: self.factors,
            reply_event_id: Some(self.reply.event_id),
            ..Default::default()
        }
    }
}

fn keep(
    ranked: &mut Vec<Ranked>,
    excluded: &mut Vec<ShortlistExclusion>,
    reason: &str,
    holds: impl Fn(&Ranked) -> bool,
) {
    if ranked.iter().any(&holds) {
        let (kept, dropped) = ranked.drain(..).partition(&holds);
        *ranked = kept;
        excluded.extend(Vec::into_iter(dropped).map(|scored: Ranked| scored.exclude(reason)));
    }
}

fn factors(reply: &Reply, budget_max: Option<i64>, first: bool) -> Vec<ScoreFactor> {
    let availability = match reply.parsed.availability.as_deref() {
        Some("in_stock") => factor("availability", 50.0, None, "in stock"),
        Some("out_of_stock") => factor("availability", -100.0, None, "out of stock"),
        _ => factor("availability", 10.0, None, "availability unclear"),
    };
    let confidence = reply.parsed.confidence.unwrap_or_default();
    let read_at = format!("reply read at {confidence}");
    vec![
        availability,
        price(reply.parsed.price_min, budget_max),
        distance(reply.distance_km),
        factor("confidence", (confidence * 20.0).round(), reply.parsed.confidence, read_at),
        speed(reply.parsed.latency_seconds, first),
    ]
}

fn price(price: Option<i64>, budget_max: Option<i64>) -> ScoreFactor {
    let (points, said) = match (price, budget_max) {
        (None, _) => (0.0, "no price given"),
        (Some(_), None) => (10.0, "no budget given"),
        (Some(price), Some(max)) if price <= max => (20.0, "within budget"),
        // At most a fifth over, in whole numbers.
        (Some(price), Some(max)) if price * 5 <= max * 6 => (5.0, "up to 20 % over budget"),
        (Some(_), Some(_)) => (0.0, "over budget"),
    };
    // Prices are below 100 million.
    let measured = price.and_then(|price| i32::try_from(price).ok()).map(f64::from);
    factor("price", points, measured, said)
}

fn distance(distance_km: Option<f64>) -> ScoreFactor {
    let (points, said) = match distance_km {
        Some(km) if km <= 2.0 => (15.0, "within 2 km"),
        Some(km) if km <= 5.0 => (10.0, "within 5 km"),
        Some(km) if km <= 10.0 => (5.0, "within 10 km"),
        Some(_) => (0.0, "over 10 km"),
        None => (0.0, "distance not known"),
    };
    factor("distance", points, distance_km, said)
}

fn speed(latency_seconds: Option<f64>, first: bool) -> ScoreFactor {
    let (points, said) = match latency_seconds {
        Some(_) if first => (10.0, "first to reply"),
        Some(seconds) if seconds <= 600.0 => (8.0, "replied within 10 min"),
        Some(seconds) if seconds <= 1_800.0 => (5.0, "replied within 30 min"),
        _ => (0.0, "slow, or not timed"),
    };
    factor("speed", points, latency_seconds, said)
}

fn best_first(a: &Ranked, b: &Ranked) -> Ordering {
    let confidence = |scored: &Ranked| scored.reply.parsed.confidence.unwrap_or_default();
    let price = |scored: &Ranked| scored.reply.parsed.price_min.unwrap_or(i64::MAX);
    b.total
        .total_cmp(&a.total)
        .then_with(|| confidence(b).total_cmp(&confidence(a)))
        .then_with(|| price(a).cmp(&price(b)))
        .then_with(|| a.reply.latency().total_cmp(&b.reply.latency()))
        .then_with(|| a.reply.vendor_id.cmp(&b.reply.vendor_id))
}
