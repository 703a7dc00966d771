//! The readable sections: a pure function of the events as the pack shows them.

mod budgets;
mod calls;
mod causes;
mod controls;
mod conversation;
mod decisions;
mod delivery;
mod disclosure;
mod explanation;
mod finding;
mod not_recorded;
mod ocr;
mod outreach;
mod reconciliation;
mod request;
mod reversal;
mod shortlist;
mod stops;
mod typed_events;
mod writers;

use std::collections::BTreeMap;

use serde::Serialize;

pub(super) use self::causes::elsewhere;
use self::decisions::decisions;
use self::delivery::Deliveries;
#[cfg(feature = "recorder")]
pub(crate) use self::delivery::REPORTED;
use self::explanation::Material;
#[cfg(feature = "recorder")]
pub(in crate::pack) use self::reversal::plan as undo_plan;
pub use self::{
    budgets::{
        AdmittedEffect, BudgetRefusal, BudgetUse, BudgetVerdict, BudgetWarning, Budgets,
        EffectCounts, EffectState, HeldCharge, Irregularity, OutsideEffect,
    },
    calls::{Attempt, CallAttempts, Consent, ConsentDecision, ConsentState, StatusReport},
    controls::{ControlRefusal, Controls, Expiration, Replayed, Resolution, SwitchUse},
    conversation::Message,
    decisions::{Decision, Decisions, Judgement},
    delivery::{Delivery, DeliveryReport},
    disclosure::{
        AiDisclosure, AiMessage, CarryingMessage, Disclosure, DisclosureVerdict, Recipient,
    },
    explanation::{
        AiCall, Answer, Cause, ConsideredCandidate, Difference, Disposition, Explanation,
        FinalOrder, HumanAct, NotACandidate, PhoneCalls, Question, RankedItem, Rerun, RerunResult,
        Rescored, SelectionStory, Stage, Unanswered, VendorStory, WhatIf,
    },
    finding::Finding,
    not_recorded::Erasures,
    ocr::OcrJob,
    outreach::{Outreach, Outreaches, Reply},
    reconciliation::{Reconciliation, TableFinding},
    request::{RequestSummary, Snapshot, Transition},
    reversal::{UndoPlan, UndoProgress, UndoStart, UndoStep, UndoTry},
    shortlist::{Handoff, Shortlist, Shortlists},
    stops::{Stop, StopVerdict},
    typed_events::{OtherShape, Source},
    writers::{WriterSaid, WriterUse},
};
use super::scoring::ScoringRules;
use super::{PackEvent, Section, SetAsideEvent};

/// Every section of a pack except events and integrity. `Debug` shows the status of each.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Sections {
    /// The request: where it stands, and every state it went through.
    pub request: Section<RequestSummary>,
    /// Messages with the client.
    pub conversation: Section<Vec<Message>>,
    /// Whether people were told in time that they deal with an AI.
    pub ai_disclosure: Section<AiDisclosure>,
    /// Photos that were read: what was extracted, and with what confidence.
    pub ocr_jobs: Section<Vec<OcrJob>>,
    /// Vendors that were messaged, and what they replied.
    pub vendor_outreach: Section<Outreaches>,
    /// What Moltbot decided, with the hashes of what it was given and what it gave.
    pub moltbot_decisions: Section<Decisions>,
    /// Consents and calls.
    pub call_attempts: Section<CallAttempts>,
    /// The shortlists, and when the client was handed off.
    pub shortlist: Section<Shortlists>,
    /// Why these vendors, and why not the others; and what does not add up in the request.
    pub explanation: Section<Explanation>,
    /// What can be undone, and what was.
    pub reversal: Section<UndoPlan>,
    /// Limits and how much of them was used.
    pub budgets: Section<Budgets>,
    /// What kill switches, consents and idempotency keys let run, and what they refused.
    pub controls: Section<Controls>,
    /// How the trail compares with the host's own tables.
    pub reconciliation: Section<Reconciliation>,
    /// Who wrote the events: which program, and what was in force in it.
    pub writers: Section<Vec<WriterUse>>,
    /// How many values each rule hid.
    pub redactions: Section<BTreeMap<String, u64>>,
    /// What was erased, and on whose behalf.
    pub erasures: Section<Erasures>,
}

impl Sections {
    /// Computes every section from the events of a pack, those of its writers, and the flips of switches in its
    /// conversations. Events that are set aside
    /// contribute nothing; they only prevent checks.
    #[must_use]
    pub fn of(
        events: &[PackEvent],
        set_aside: &[SetAsideEvent],
        writer_events: &[PackEvent],
        switch_events: &[PackEvent],
    ) -> Self {
        let deliveries = Deliveries::of(events);
        let decisions = decisions(events);
        let (ai_disclosure, findings) = disclosure::section(events, &decisions.calls, &deliveries);
        Self {
            explanation: explanation::section(Material {
                events,
                set_aside,
                switch_events,
                decisions: &decisions,
                deliveries: &deliveries,
                of_disclosure: findings,
            }),
            request: request::section(events),
            conversation: Section::of_list(conversation::messages(events, &deliveries)),
            ai_disclosure,
            ocr_jobs: Section::of_list(ocr::jobs(events)),
            vendor_outreach: outreach::section(events, &deliveries),
            moltbot_decisions: decisions::section(decisions),
            call_attempts: calls::section(events),
            shortlist: shortlist::section(events),
            reversal: reversal::section(events, set_aside),
            budgets: budgets::section(events, set_aside),
            controls: controls::section(events, set_aside, switch_events),
            reconciliation: reconciliation::section(events),
            writers: writers::section(events, writer_events),
            redactions: redactions(events),
            erasures: Section::not_recorded("erasures are not recorded yet"),
        }
    }
}

/// Explains a request to a reader who knows these rules.
pub(super) fn explain(
    events: &[PackEvent],
    set_aside: &[SetAsideEvent],
    switch_events: &[PackEvent],
    rules: &ScoringRules,
) -> Explanation {
    let (decisions, deliveries) = (decisions(events), Deliveries::of(events));
    let (_, of_disclosure) = disclosure::section(events, &decisions.calls, &deliveries);
    let (decisions, deliveries) = (&decisions, &deliveries);
    let material =
        Material { events, set_aside, switch_events, decisions, deliveries, of_disclosure };
    explanation::explain(material, rules)
}

/// Implements `Debug` as the name only, because a section may hold what people wrote.
macro_rules! quiet_debug {
    ($($name:ident),* $(,)?) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}

quiet_debug! {
    AdmittedEffect, AiCall, AiDisclosure, AiMessage, Attempt, BudgetRefusal, BudgetUse, BudgetWarning, Budgets, CallAttempts, CarryingMessage, Cause,
    Consent, ConsentDecision, ConsideredCandidate, ControlRefusal, Controls, Decision, Decisions,
    Delivery, DeliveryReport, Disclosure, Disposition, Erasures, Expiration, Explanation, FinalOrder, Finding, Handoff, HeldCharge,
    HumanAct, Irregularity, Judgement, Message, NotACandidate, OcrJob, OtherShape, Outreach, Outreaches,
    OutsideEffect, PhoneCalls, RankedItem, Recipient, Reconciliation, Replayed, Reply, RequestSummary, Rerun, RerunResult,
    Resolution,
    SelectionStory, Shortlist, Shortlists, Snapshot, Source, StatusReport, Stop, SwitchUse,
    TableFinding, Transition, UndoPlan, UndoStart, UndoStep, UndoTry, VendorStory, WriterSaid, WriterUse,
}

fn redactions(events: &[PackEvent]) -> Section<BTreeMap<String, u64>> {
    let mut counts = BTreeMap::new();
    let views = events.iter().flat_map(PackEvent::views);
    for hidden in views.flat_map(|(_, view)| view.hidden.values()) {
        *counts.entry(hidden.rule.clone()).or_default() += 1;
    }
    if counts.is_empty() { Section::Empty } else { Section::Recorded { content: counts } }
}
