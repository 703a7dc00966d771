//! Explains why these vendors were chosen, and why the others were not. Each answer names the event
//! that proves it. Also finds contradictions in a request's evidence.

mod candidacy;
mod cause;
mod check_shortlist;
mod checks;
mod evidence;
mod order;
mod vendor;

use serde::Serialize;

use self::evidence::{Evidence, Trails};
pub use self::{
    candidacy::{ConsideredCandidate, NotACandidate},
    cause::Cause,
    order::{FinalOrder, RankedItem},
    vendor::{Disposition, VendorStory},
};
use super::outreach::{outreaches, replies};
use super::typed_events::{OtherShape, Source, TypedEvent, typed};
use super::{
    Finding, calls, causes, decisions, delivery, disclosure, ocr, outreach, request, shortlist,
};
use crate::event::EventType;
use crate::event::payload::{
    Exclusion, ShortlistGenerated, ShortlistHandoff, VendorCandidatesSelected,
};
use crate::pack::{PackEvent, Section, SetAsideEvent};

/// The answer to "why did the bot pick these vendors?".
#[derive(Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// How candidates were looked for, each time.
    pub selections: Vec<SelectionStory>,
    /// Every vendor that was considered, from the pool to the shortlist.
    pub vendors: Vec<VendorStory>,
    /// The order of each shortlist that succeeded, and who decided it.
    pub orders: Vec<FinalOrder>,
    /// Contradictions of this and every other section, in the order of the events.
    pub findings: Vec<Finding>,
    /// Why there may be more contradictions: values that are hidden, and events that are set aside.
    pub not_checkable: Vec<String>,
}

/// One search for candidates.
#[derive(Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SelectionStory {
    /// The event that records it.
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
    /// The payload as it is, if it does not have the shape of its event type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_shape: Option<OtherShape>,
}

pub(super) fn section(events: &[PackEvent], set_aside: &[SetAsideEvent]) -> Section<Explanation> {
    let selections: Vec<_> = typed::<VendorCandidatesSelected>(events).collect();
    let shortlists: Vec<_> =
        typed::<ShortlistGenerated>(events).filter(|typed| typed.source.succeeded()).collect();
    let (outreaches, replies) = (outreaches(events), replies(events).collect::<Vec<_>>());
    let handoffs: Vec<_> = typed::<ShortlistHandoff>(events).map(|typed| typed.source).collect();
    let decisions = decisions::decisions(events).calls;
    let evidence = Evidence {
        selections: &selections,
        shortlists: &shortlists,
        handed_off: handoffs.iter().find(|handoff| handoff.succeeded()),
        calls: decisions.iter().map(|call| (call.source.event_id, call)).collect(),
        trails: Trails::of(&selections, &outreaches, &replies, &shortlists),
    };
    let mut findings = evidence.findings();
    findings.extend(outreach::findings(&outreaches, &replies));
    findings.extend(delivery::findings(events));
    findings.extend(disclosure::findings(events));
    findings.extend(request::findings(events));
    findings.extend(ocr::findings(events));
    findings.extend(decisions::findings(events));
    findings.extend(calls::findings(events));
    findings.extend(shortlist::findings(events));
    findings.extend(causes::findings(events, set_aside));
    findings.sort_by_key(|finding| finding.source.seq);
    let vendors = evidence.stories(&cause::Causes::of(events));
    if selections.is_empty() && shortlists.is_empty() && vendors.is_empty() && findings.is_empty() {
        return Section::Empty;
    }
    let content = Explanation {
        vendors,
        orders: shortlists.iter().map(order::of).collect(),
        findings,
        not_checkable: not_checkable(events, set_aside),
        selections: selections.into_iter().map(selection).collect(),
    };
    Section::Recorded { content }
}

/// What may conceal further findings.
fn not_checkable(events: &[PackEvent], set_aside: &[SetAsideEvent]) -> Vec<String> {
    let types = [
        EventType::CALL_CONSENT_GRANTED,
        EventType::MOLTBOT_CALLED,
        EventType::MOLTBOT_OUTPUT_ACCEPTED,
        EventType::MOLTBOT_OUTPUT_BLOCKED,
        EventType::MOLTBOT_OUTPUT_REJECTED,
        EventType::REQUEST_STATE_CHANGED,
        EventType::SHORTLIST_GENERATED,
        EventType::SHORTLIST_HANDOFF,
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

fn selection(typed: TypedEvent<VendorCandidatesSelected>) -> SelectionStory {
    SelectionStory {
        source: typed.source,
        category: typed.input.category,
        normalized_need: typed.input.normalized_need,
        mode: typed.input.mode,
        rule_version: typed.input.rule_version,
        moltbot_event_id: typed.input.moltbot_event_id,
        pool_size: typed.output.pool_size,
        candidates: typed.output.candidates.into_iter().map(|vendor| vendor.vendor_id).collect(),
        excluded: typed.output.excluded,
        other_shape: typed.other_shape,
    }
}
