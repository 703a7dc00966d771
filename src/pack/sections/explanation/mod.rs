//! Why these vendors, and why not the others: computed from typed events, each with the event that
//! proves it.

mod order;
mod vendor;

use std::collections::HashSet;

use serde::Serialize;
use uuid::Uuid;

pub use self::{
    order::{FinalOrder, RankedItem},
    vendor::{ConsideredCandidate, Disposition, VendorStory},
};
use super::outreach::{outreaches, replies};
use super::told::{OtherShape, Source, Told, told};
use crate::event::EventType;
use crate::event::payload::{Exclusion, ScoreFactor, ShortlistGenerated, VendorCandidatesSelected};
use crate::pack::{PackEvent, Section, SetAsideEvent};

/// The answer to "why did the bot pick these vendors?".
#[derive(Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// How candidates were looked for, each time.
    pub selections: Vec<SelectionStory>,
    /// Every vendor that was considered, from the pool to the shortlist.
    pub vendors: Vec<VendorStory>,
    /// The final order, and who decided it.
    pub order: Option<FinalOrder>,
    /// What does not add up: totals that are not the sum of their factors, orders that do not follow
    /// the scores, items without a reply, evidence that is not in the request.
    pub findings: Vec<String>,
    /// Why there may be more that does not add up: values that are hidden, and events that are set aside.
    pub not_checkable: Vec<String>,
}

/// One search for candidates.
#[derive(Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SelectionStory {
    /// The event that says so.
    #[serde(flatten)]
    pub source: Source,
    /// The market category.
    pub category: Option<String>,
    /// The need, as it was put to vendors.
    pub normalized_need: Option<String>,
    /// `ai` or `coded`.
    pub mode: Option<String>,
    /// Version of the selection rule.
    pub rule_version: Option<String>,
    /// The `moltbot.called` event that asked for it.
    pub moltbot_event_id: Option<String>,
    /// How many vendors were looked at.
    pub pool_size: Option<u32>,
    /// Who may be asked, best first.
    pub candidates: Vec<String>,
    /// Who may not, and why.
    pub excluded: Vec<Exclusion>,
    /// The payload, where it has another shape.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_shape: Option<OtherShape>,
}

pub(super) fn section(events: &[PackEvent], set_aside: &[SetAsideEvent]) -> Section<Explanation> {
    let selections: Vec<_> = told::<VendorCandidatesSelected>(events).collect();
    let succeeded = told::<ShortlistGenerated>(events).filter(|told| told.source.succeeded());
    let shortlist = succeeded.last();
    let outreaches = outreaches(events);
    let replies: Vec<_> = replies(events).collect();
    if selections.is_empty() && shortlist.is_none() && outreaches.is_empty() && replies.is_empty() {
        return Section::Empty;
    }
    let not_checkable = not_checkable(events, set_aside);
    let evidence = vendor::Evidence {
        selections: &selections,
        outreaches: &outreaches,
        replies: &replies,
        shortlist: shortlist.as_ref(),
    };
    let (vendors, mut findings) = evidence.stories();
    let order = shortlist.as_ref().map(order::of);
    let selections: Vec<_> = selections.into_iter().map(selection).collect();
    findings.extend(order.as_ref().and_then(FinalOrder::finding));
    findings.extend(unproven(events, &selections, order.as_ref()));
    Section::Recorded {
        content: Explanation { selections, vendors, order, findings, not_checkable },
    }
}

/// What stands in the way of a finding.
fn not_checkable(events: &[PackEvent], set_aside: &[SetAsideEvent]) -> Vec<String> {
    let types = [
        EventType::MOLTBOT_CALLED,
        EventType::SHORTLIST_GENERATED,
        EventType::VENDOR_CANDIDATES_SELECTED,
        EventType::VENDOR_OUTREACH_SENT,
        EventType::VENDOR_REPLY_RECORDED,
    ];
    let is_read = |event: &&PackEvent| {
        types.iter().any(|event_type| event.header.event_type == event_type.as_str())
    };
    let withheld = events.iter().filter(is_read).flat_map(|event| {
        event.withheld().map(|pointer| (event.seq, format!("event {} hides {pointer}", event.seq)))
    });
    let set_aside = set_aside
        .iter()
        .map(|event| (event.seq, format!("event {} is set aside: {}", event.seq, event.reason)));
    let mut all: Vec<_> = withheld.chain(set_aside).collect();
    all.sort_by_key(|(seq, _)| *seq);
    all.into_iter().map(|(_, why)| why).collect()
}

fn selection(told: Told<VendorCandidatesSelected>) -> SelectionStory {
    SelectionStory {
        source: told.source,
        category: told.input.category,
        normalized_need: told.input.normalized_need,
        mode: told.input.mode,
        rule_version: told.input.rule_version,
        moltbot_event_id: told.input.moltbot_event_id,
        pool_size: told.output.pool_size,
        candidates: told.output.candidates.into_iter().map(|vendor| vendor.vendor_id).collect(),
        excluded: told.output.excluded,
        other_shape: told.other_shape,
    }
}

/// Selections and the shortlist, where they name a call of Moltbot that the request does not have.
fn unproven(
    events: &[PackEvent],
    selections: &[SelectionStory],
    order: Option<&FinalOrder>,
) -> Vec<String> {
    let is_call =
        |event: &&PackEvent| event.header.event_type == EventType::MOLTBOT_CALLED.as_str();
    let calls: HashSet<_> = events.iter().filter(is_call).map(|event| event.header.id).collect();
    let selections = selections
        .iter()
        .map(|selection| ("selection", &selection.source, &selection.moltbot_event_id));
    let order = order.map(|order| ("shortlist", &order.source, &order.moltbot_event_id));
    let is_known = |id: &str| id.parse::<Uuid>().is_ok_and(|id| calls.contains(&id));
    selections
        .chain(order)
        .filter(|(_, _, call)| call.as_deref().is_some_and(|id| !is_known(id)))
        .map(|(what, source, _)| {
            let seq = source.seq;
            format!("the {what} of event {seq} names no moltbot.called event of the request")
        })
        .collect()
}

/// Whether a total is the sum of its factors, to a thousandth.
fn adds_up(total: f64, factors: &[ScoreFactor]) -> bool {
    let sum: f64 = factors.iter().map(|factor| factor.score_delta).sum();
    (sum - total).abs() < 0.001
}
