//! The readable sections: a pure function of the events as the pack shows them.

mod calls;
mod conversation;
mod decisions;
mod explanation;
mod later;
mod ocr;
mod outreach;
mod request;
mod shortlist;
mod told;

use std::collections::BTreeMap;

use serde::Serialize;

pub use self::{
    calls::{Attempt, CallAttempts, Consent, ConsentDecision, StatusReport},
    conversation::Message,
    decisions::{Decision, Judgement},
    explanation::{
        ConsideredCandidate, Disposition, Explanation, FinalOrder, RankedItem, SelectionStory,
        VendorStory,
    },
    later::{Budgets, Controls, Erasures, Reconciliation, Reversal},
    ocr::OcrJob,
    outreach::{Outreach, Outreaches, Reply},
    request::{RequestSummary, Snapshot, Transition},
    shortlist::{Handoff, Shortlist},
    told::{OtherShape, Source},
};
use super::{PackEvent, Section};

/// Every section of a pack but its events and its integrity. `Debug` tells the status of each.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Sections {
    /// The request: where it stands, and every state it went through.
    pub request: Section<RequestSummary>,
    /// Messages with the client.
    pub conversation: Section<Vec<Message>>,
    /// Photos that were read: what was extracted, how surely.
    pub ocr_jobs: Section<Vec<OcrJob>>,
    /// Vendors that were messaged, and what they replied.
    pub vendor_outreach: Section<Outreaches>,
    /// What Moltbot decided, with the hashes of what it was given and what it gave.
    pub moltbot_decisions: Section<Vec<Decision>>,
    /// Consents and calls.
    pub call_attempts: Section<CallAttempts>,
    /// The final shortlist, and when the client was handed off.
    pub shortlist: Section<Shortlist>,
    /// Why these vendors, and why not the others.
    pub explanation: Section<Explanation>,
    /// What can be undone, and what was.
    pub reversal: Section<Reversal>,
    /// Limits and what was spent of them.
    pub budgets: Section<Budgets>,
    /// Kill switches in force.
    pub controls: Section<Controls>,
    /// The trail against the host's own tables.
    pub reconciliation: Section<Reconciliation>,
    /// How many values each rule hid.
    pub redactions: Section<BTreeMap<String, u64>>,
    /// What was erased, on whose behalf.
    pub erasures: Section<Erasures>,
}

impl Sections {
    /// Computes every section.
    pub(super) fn of(events: &[PackEvent]) -> Self {
        Self {
            request: request::section(events),
            conversation: Section::of_list(conversation::messages(events)),
            ocr_jobs: Section::of_list(ocr::jobs(events)),
            vendor_outreach: outreach::section(events),
            moltbot_decisions: Section::of_list(decisions::decisions(events)),
            call_attempts: calls::section(events),
            shortlist: shortlist::section(events),
            explanation: explanation::section(events),
            reversal: Section::not_recorded("compensations are not recorded yet"),
            budgets: Section::not_recorded("budget reservations are not recorded yet"),
            controls: Section::not_recorded("kill switches are not recorded yet"),
            reconciliation: Section::not_recorded("the host's own tables are not compared yet"),
            redactions: redactions(events),
            erasures: Section::not_recorded("erasures are not recorded yet"),
        }
    }
}

/// Implements `Debug` as the name alone: what a section holds may be what people wrote.
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
    Attempt, Budgets, CallAttempts, Consent, ConsentDecision, ConsideredCandidate, Controls, Decision,
    Disposition, Erasures, Explanation, FinalOrder, Handoff, Judgement, Message, OcrJob, OtherShape,
    Outreach, Outreaches, RankedItem, Reconciliation, Reply, RequestSummary, Reversal,
    SelectionStory, Shortlist, Snapshot, Source, StatusReport, Transition, VendorStory,
}

fn redactions(events: &[PackEvent]) -> Section<BTreeMap<String, u64>> {
    let mut counts = BTreeMap::new();
    let views = events.iter().flat_map(PackEvent::views);
    for hidden in views.flat_map(|(_, view)| view.hidden.values()) {
        *counts.entry(hidden.rule.clone()).or_default() += 1;
    }
    if counts.is_empty() { Section::Empty } else { Section::Recorded { content: counts } }
}
