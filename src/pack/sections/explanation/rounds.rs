//! Reads selections and shortlists as rounds, which a rule can rank again.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use super::super::outreach::Reply;
use super::super::typed_events::{Source, TypedEvent};
use super::evidence::{Evidence, Trail};
use crate::event::payload::{ScoreFactor, ShortlistGenerated, VendorCandidatesSelected};
use crate::pack::PackEvent;
use crate::pack::scoring::{Entrant, Exact, Fact, Round};

/// A round, beside what the record says came of it.
pub(super) struct RecordedRound<'a> {
    pub(super) source: &'a Source,
    pub(super) event_type: &'static str,
    pub(super) rule_version: Option<&'a str>,
    /// Who decided the order, if the record says.
    pub(super) decided_by: Option<&'a str>,
    /// False if the event has another shape than this version reads.
    pub(super) is_readable: bool,
    pub(super) round: Round,
    /// What the record says of each entrant, in the order of the round.
    pub(super) recorded: Vec<Recorded<'a>>,
}

/// What the record says came of an entrant.
#[derive(Clone, Copy, Default)]
pub(super) struct Recorded<'a> {
    pub(super) total: Option<Exact>,
    /// Its place by the rule alone, from 1.
    pub(super) rule_rank: Option<usize>,
    /// Its place on the list, from 1; of a candidate, its place among them.
    pub(super) place: Option<usize>,
    /// Why it is not on the list.
    pub(super) reason: Option<&'a str>,
}

impl<'a> RecordedRound<'a> {
    /// The candidates of a selection. As many are listed as were asked before the next selection.
    pub(super) fn of_selection(
        evidence: &Evidence<'a>,
        at: usize,
        selection: &'a TypedEvent<VendorCandidatesSelected>,
        events: &[PackEvent],
    ) -> Self {
        let from = selection.source.seq;
        let until = evidence.selections.get(at + 1).map_or(i64::MAX, |next| next.source.seq);
        let was_asked = |vendor: &str| {
            let trail = evidence.trails.get(vendor);
            trail.is_some_and(|trail| trail.was_asked_between(from, until))
        };
        let candidates = &selection.output.candidates;
        let asked = candidates.iter().filter(|vendor| was_asked(&vendor.vendor_id)).count();
        let has_pseudonyms = has_pseudonyms(selection.source.event(events));
        let mut recorded = Vec::with_capacity(candidates.len());
        let entrants = candidates.iter().zip(1..).map(|(vendor, place)| {
            let total = Some(Exact::read(vendor.total));
            recorded.push(Recorded { total, place: Some(place), ..Recorded::default() });
            let facts = vendor.factors.iter().filter_map(|factor| {
                Some((Cow::from(factor.code.clone()), Fact::Number(Exact::read(factor.measured?))))
            });
            Entrant {
                vendor_id: vendor.vendor_id.clone(),
                facts: facts.collect(),
                points: points(&vendor.factors),
                recorded_order: has_pseudonyms.then_some(place),
                ..Entrant::default()
            }
        });
        let entrants = entrants.collect();
        Self {
            source: &selection.source,
            event_type: "vendor.candidates_selected",
            rule_version: selection.input.rule_version.as_deref(),
            decided_by: Some("rule"),
            is_readable: selection.other_shape.is_none(),
            round: Round { places: Some(asked), entrants, ..Round::default() },
            recorded,
        }
    }

    /// The replies that a shortlist speaks of.
    pub(super) fn of_shortlist(
        evidence: &Evidence<'a>,
        shortlist: &'a TypedEvent<ShortlistGenerated>,
        events: &[PackEvent],
    ) -> Self {
        let mut scored = scored_replies(evidence, shortlist);
        scored.sort_by_key(|(reply, ..)| reply.source.seq);
        let event = shortlist.source.event(events);
        let has_pseudonyms = has_pseudonyms(event);
        let first = scored.first().map(|(reply, ..)| *reply);
        let is_budget_hidden = is_hidden(event, "/input/budget_max");
        let entrants = scored.iter().map(|(reply, factors, recorded)| {
            let mut entrant = entrant(reply, reply.source.event(events), factors);
            let order = recorded.rule_rank.or(recorded.place).unwrap_or(usize::MAX);
            entrant.recorded_order = has_pseudonyms.then_some(order);
            let after = first.map(|first| reply.source.at - first.source.at);
            let after = after.and_then(|after| after.num_microseconds());
            entrant.after_first = after.map(|after| Exact::millionths(after.max(0)));
            if is_budget_hidden {
                entrant.facts.insert("price".into(), Fact::Unknown);
            }
            entrant
        });
        let round = Round {
            budget_max: shortlist.input.budget_max.map(Exact::whole),
            places: shortlist.input.items_max.and_then(|max| usize::try_from(max).ok()),
            first: (!scored.is_empty()).then_some(0),
            entrants: entrants.collect(),
        };
        Self {
            source: &shortlist.source,
            event_type: "shortlist.generated",
            rule_version: shortlist.input.rule_version.as_deref(),
            decided_by: shortlist.output.decided_by.as_deref(),
            is_readable: shortlist.other_shape.is_none(),
            round,
            recorded: scored.into_iter().map(|(.., recorded)| recorded).collect(),
        }
    }
}

type Scored<'a> = (&'a Reply, &'a [ScoreFactor], Recorded<'a>);

/// Each item and each exclusion with the reply that was scored: the one it names, or the vendor's first that no other
/// mention took.
fn scored_replies<'a>(
    evidence: &Evidence<'a>,
    shortlist: &'a TypedEvent<ShortlistGenerated>,
) -> Vec<Scored<'a>> {
    let rank = |rank: Option<u32>| rank.and_then(|rank| usize::try_from(rank).ok());
    let listed = shortlist.output.items.iter().zip(1..).map(|(item, place)| {
        let recorded = Recorded {
            total: Some(Exact::read(item.total)),
            rule_rank: rank(item.rule_rank),
            place: Some(place),
            reason: None,
        };
        (&item.vendor_id, &item.reply_event_id, item.factors.as_slice(), recorded)
    });
    let left_out = shortlist.output.excluded.iter().map(|item| {
        let recorded = Recorded {
            total: item.total.map(Exact::read),
            rule_rank: rank(item.rule_rank),
            place: None,
            reason: Some(item.reason.as_str()),
        };
        (&item.vendor_id, &item.reply_event_id, item.factors.as_slice(), recorded)
    });
    let mut taken = HashSet::new();
    let mut scored = Vec::new();
    for (vendor, named, factors, recorded) in listed.chain(left_out) {
        let Some(trail) = evidence.trails.get(vendor) else { continue };
        let named = named.as_deref().and_then(|id| trail.reply_of(id));
        let reply = named.or_else(|| {
            let mut usable = usable(trail, shortlist.source.seq);
            usable.find(|reply| !taken.contains(&reply.source.seq))
        });
        let Some(reply) = reply.filter(|reply| reply.source.seq < shortlist.source.seq) else {
            continue;
        };
        if taken.insert(reply.source.seq) {
            scored.push((reply, factors, recorded));
        }
    }
    scored
}

fn usable<'a>(trail: &Trail<'a>, before: i64) -> impl Iterator<Item = &'a Reply> {
    let replies = trail.replies.iter().copied();
    replies.filter(move |reply| {
        reply.source.seq < before && reply.source.succeeded() && !reply.post_handoff
    })
}

fn entrant(reply: &Reply, event: Option<&PackEvent>, factors: &[ScoreFactor]) -> Entrant {
    let fact = |name: &str, read: Option<Fact>| match read {
        _ if is_hidden(event, name) => Fact::Unknown,
        Some(fact) => fact,
        None => Fact::Absent,
    };
    let number = |number: f64| Fact::Number(Exact::read(number));
    let measured = factors.iter().find(|factor| factor.code == "distance");
    let measured = measured.and_then(|factor| factor.measured).map_or(Fact::Unknown, number);
    let facts = [
        ("availability", fact("/output/availability", reply.availability.clone().map(Fact::Word))),
        (
            "price",
            fact(
                "/output/price_min",
                reply.price_min.map(|price| Fact::Number(Exact::whole(price))),
            ),
        ),
        ("distance", measured),
        ("confidence", fact("/output/confidence", reply.confidence.map(number))),
        ("speed", fact("/output/latency_seconds", reply.latency_seconds.map(number))),
    ];
    Entrant {
        vendor_id: reply.vendor_id.clone(),
        facts: facts.into_iter().map(|(name, fact)| (name.into(), fact)).collect(),
        points: points(factors),
        warnings: reply.warnings.clone(),
        ..Entrant::default()
    }
}

fn points(factors: &[ScoreFactor]) -> BTreeMap<Cow<'static, str>, Exact> {
    let mut points: BTreeMap<Cow<'static, str>, Exact> = BTreeMap::new();
    for factor in factors {
        // If a factor stands twice, its points add up.
        let of = points.entry(factor.code.clone().into()).or_default();
        *of = *of + Exact::read(factor.score_delta);
    }
    points
}

/// Whether the pack hides a value of an event.
fn is_hidden(event: Option<&PackEvent>, pointer: &str) -> bool {
    event.is_some_and(|event| {
        [&event.input, &event.output].iter().any(|view| view.hidden.contains_key(pointer))
    })
}

/// Whether the pack shows pseudonyms instead of the ids of vendors in an event's output.
fn has_pseudonyms(event: Option<&PackEvent>) -> bool {
    event.is_some_and(|event| {
        event.output.hidden.keys().any(|pointer| pointer.ends_with("/vendor_id"))
    })
}
