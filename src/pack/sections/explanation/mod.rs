//! Why these vendors, and why not the others: computed from typed events, each with the event that
//! proves it.

mod order;
mod vendor;

use serde::Serialize;

pub use self::{
    order::{FinalOrder, RankedItem},
    vendor::{ConsideredCandidate, Disposition, VendorStory},
};
use super::outreach::{outreaches, replies};
use super::told::{Source, Told, told};
use crate::event::payload::{Exclusion, ScoreFactor, ShortlistGenerated, VendorCandidatesSelected};
use crate::pack::{PackEvent, Section};

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
    /// the scores, items without a reply.
    pub findings: Vec<String>,
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
}

pub(super) fn section(events: &[PackEvent]) -> Section<Explanation> {
    let selections: Vec<_> = told::<VendorCandidatesSelected>(events).collect();
    let shortlist = told::<ShortlistGenerated>(events).last();
    let outreaches = outreaches(events);
    let replies: Vec<_> = replies(events).collect();
    if selections.is_empty() && shortlist.is_none() && outreaches.is_empty() {
        return Section::Empty;
    }
    let evidence = vendor::Evidence {
        selections: &selections,
        outreaches: &outreaches,
        replies: &replies,
        shortlist: shortlist.as_ref(),
    };
    let vendors = evidence.stories();
    let order = shortlist.as_ref().map(order::of);
    let findings = findings(&vendors, order.as_ref());
    let selections = selections.into_iter().map(selection).collect();
    Section::Recorded { content: Explanation { selections, vendors, order, findings } }
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
    }
}

fn findings(vendors: &[VendorStory], order: Option<&FinalOrder>) -> Vec<String> {
    let mut findings: Vec<_> = vendors.iter().flat_map(VendorStory::findings).collect();
    if let Some(order) = order
        && !order.follows_score
    {
        let decided_by = order.decided_by.as_deref().unwrap_or("nobody on record");
        findings
            .push(format!("the final order, decided by {decided_by}, is not that of the scores"));
    }
    findings
}

/// Whether a total is the sum of its factors, to a thousandth.
fn adds_up(total: f64, factors: &[ScoreFactor]) -> bool {
    let sum: f64 = factors.iter().map(|factor| factor.score_delta).sum();
    (sum - total).abs() < 0.001
}
