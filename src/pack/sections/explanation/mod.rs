//! Explains why these vendors were chosen, and why the others were not. Each answer names the event
//! that proves it. Also finds contradictions in a request's evidence.

mod ai;
mod candidacy;
mod cause;
mod check_shortlist;
mod checks;
mod disposition;
mod evidence;
mod order;
mod people;
mod phone_calls;
mod rerun;
mod rounds;
mod stage;
mod unanswered;
mod vendor;
mod what_if;

use serde::Serialize;

use self::evidence::{Evidence, Trails};
use self::rounds::RecordedRound;
use self::what_if::WhatIfs;
pub use self::{
    ai::AiCall,
    candidacy::{ConsideredCandidate, NotACandidate},
    cause::Cause,
    disposition::Disposition,
    order::{FinalOrder, RankedItem},
    people::HumanAct,
    phone_calls::PhoneCalls,
    rerun::{Difference, Rerun, RerunResult, Rescored},
    stage::Stage,
    unanswered::{Question, Unanswered},
    vendor::VendorStory,
    what_if::{Answer, WhatIf},
};
use super::delivery::Deliveries;
use super::outreach::{outreaches, replies};
use super::typed_events::{OtherShape, Source, TypedEvent, typed};
use super::{
    Decisions, Finding, calls, causes, decisions, delivery, ocr, outreach, request, reversal,
    shortlist,
};
use crate::event::EventType;
use crate::event::payload::{
    Exclusion, ShortlistGenerated, ShortlistHandoff, VendorCandidatesSelected,
};
use crate::pack::scoring::ScoringRules;
use crate::pack::{PackEvent, Section, SetAsideEvent};

/// The answer to "why did the bot pick these vendors?".
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Explanation {
    /// How candidates were looked for, each time.
    pub selections: Vec<SelectionStory>,
    /// Every vendor that was considered, from the pool to the shortlist.
    pub vendors: Vec<VendorStory>,
    /// The order of each shortlist that succeeded, and who decided it.
    pub orders: Vec<FinalOrder>,
    /// Each selection and each shortlist, ranked again by the host's rule.
    pub reruns: Vec<Rerun>,
    /// The calls of an AI that took part.
    pub ai_calls: Vec<AiCall>,
    /// What people of the host did.
    pub human_acts: Vec<HumanAct>,
    /// Whether anyone was called.
    pub phone_calls: PhoneCalls,
    /// What the record cannot answer.
    pub unanswered: Vec<Unanswered>,
    /// Contradictions of this and every other section, in the order of the events.
    pub findings: Vec<Finding>,
    /// Why there may be more contradictions: values that are hidden, and events that are set aside.
    pub not_checkable: Vec<String>,
}

/// One search for candidates.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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

/// What an explanation is made from.
pub(super) struct Material<'a> {
    pub(super) events: &'a [PackEvent],
    pub(super) set_aside: &'a [SetAsideEvent],
    /// Flips of switches in the conversations of the request.
    pub(super) switch_events: &'a [PackEvent],
    pub(super) decisions: &'a Decisions,
    pub(super) deliveries: &'a Deliveries,
    /// The findings of the section on the disclosure of the AI.
    pub(super) of_disclosure: Vec<Finding>,
}

pub(super) fn section(material: Material<'_>) -> Section<Explanation> {
    let content = explain(material, &ScoringRules::built_in());
    let is_empty = content.selections.is_empty()
        && content.orders.is_empty()
        && content.vendors.is_empty()
        && content.findings.is_empty()
        && content.ai_calls.is_empty()
        && content.human_acts.is_empty()
        && content.phone_calls == PhoneCalls::default();
    if is_empty { Section::Empty } else { Section::Recorded { content } }
}

/// Explains a request to a reader who knows these rules.
pub(super) fn explain(material: Material<'_>, rules: &ScoringRules) -> Explanation {
    let Material { events, set_aside, switch_events, decisions, deliveries, of_disclosure } =
        material;
    let selections: Vec<_> = typed::<VendorCandidatesSelected>(events).collect();
    let shortlists: Vec<_> =
        typed::<ShortlistGenerated>(events).filter(|typed| typed.source.succeeded()).collect();
    let (outreaches, replies) =
        (outreaches(events, deliveries), replies(events).collect::<Vec<_>>());
    let handoffs: Vec<_> = typed::<ShortlistHandoff>(events).map(|typed| typed.source).collect();
    let calls = &decisions.calls;
    let evidence = Evidence {
        selections: &selections,
        shortlists: &shortlists,
        handed_off: handoffs.iter().find(|handoff| handoff.succeeded()),
        calls: calls.iter().map(|call| (call.source.event_id, call)).collect(),
        trails: Trails::of(&selections, &outreaches, &replies, &shortlists),
    };
    let of_selections: Vec<_> = selections
        .iter()
        .enumerate()
        .map(|(at, typed)| RecordedRound::of_selection(&evidence, at, typed, events))
        .collect();
    let of_shortlists: Vec<_> = shortlists
        .iter()
        .map(|typed| RecordedRound::of_shortlist(&evidence, typed, events))
        .collect();
    let what_ifs = WhatIfs::of(&of_selections, &of_shortlists, rules);
    let rounds = of_selections.iter().chain(&of_shortlists);
    let mut reruns: Vec<_> = rounds.map(|round| rerun::rerun(round, rules)).collect();
    reruns.sort_by_key(|rerun| rerun.source.seq);
    let vendors = evidence.stories(&cause::Causes::of(events), &what_ifs);
    let ai_calls = ai::calls(events, calls, &evidence);
    let orders: Vec<_> = shortlists.iter().map(order::of).collect();
    let sources = unanswered::Sources {
        events,
        set_aside,
        switch_events,
        vendors: &vendors,
        reruns: &reruns,
        ai_calls: &ai_calls,
        orders: &orders,
    };
    let mut findings = evidence.findings();
    findings.extend(outreach::findings(&outreaches, &replies));
    findings.extend(delivery::findings(events));
    findings.extend(of_disclosure);
    findings.extend(request::findings(events));
    findings.extend(ocr::findings(events));
    findings.extend(decisions::findings(decisions));
    findings.extend(calls::findings(events));
    findings.extend(shortlist::findings(events));
    findings.extend(causes::findings(events, set_aside));
    findings.extend(reversal::findings(events, set_aside));
    findings.sort_by_key(|finding| finding.source.seq);
    Explanation {
        human_acts: people::acts(events, switch_events),
        phone_calls: phone_calls::phone_calls(events),
        unanswered: sources.unanswered(),
        findings,
        not_checkable: not_checkable(events, set_aside),
        orders,
        vendors,
        reruns,
        ai_calls,
        selections: selections.iter().map(selection).collect(),
    }
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
    let read = events.iter().filter(|event| event.is_one_of(&types));
    let withheld = read.flat_map(|event| {
        event.withheld().map(|pointer| (event.seq, format!("event {} hides {pointer}", event.seq)))
    });
    let set_aside = set_aside
        .iter()
        .map(|event| (event.seq, format!("event {} is set aside: {}", event.seq, event.reason)));
    let mut all: Vec<_> = withheld.chain(set_aside).collect();
    all.sort_by_key(|(seq, _)| *seq);
    all.into_iter().map(|(_, why)| why).collect()
}

fn selection(typed: &TypedEvent<VendorCandidatesSelected>) -> SelectionStory {
    let candidates = typed.output.candidates.iter();
    SelectionStory {
        source: typed.source.clone(),
        category: typed.input.category.clone(),
        normalized_need: typed.input.normalized_need.clone(),
        mode: typed.input.mode.clone(),
        rule_version: typed.input.rule_version.clone(),
        moltbot_event_id: typed.input.moltbot_event_id.clone(),
        pool_size: typed.output.pool_size,
        candidates: candidates.map(|vendor| vendor.vendor_id.clone()).collect(),
        excluded: typed.output.excluded.clone(),
        other_shape: typed.other_shape.clone(),
    }
}
