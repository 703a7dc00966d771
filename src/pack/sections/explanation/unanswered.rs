//! What the record cannot answer.

use std::collections::HashSet;

use serde::Serialize;

use super::super::typed_events::typed;
use super::ai::AiCall;
use super::order::FinalOrder;
use super::rerun::{Rerun, RerunResult};
use super::stage::Stage;
use super::vendor::VendorStory;
use super::what_if::Answer;
use crate::event::ErrorCode;
use crate::event::payload::EffectRefused;
use crate::pack::{PackEvent, SetAsideEvent};

/// A question that the record does not answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Unanswered {
    /// Which question.
    pub question: Question,
    /// The vendors that it is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub vendors: Vec<String>,
    /// Places in the stream of the events that it is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<i64>,
}

/// What the record does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Question {
    /// Why Moltbot chose this order, and what it would have chosen if something had been different.
    AiChoice,
    /// Which other kinds of personal data an AI saw: the pack hides some of what it was given.
    AiSawHidden,
    /// What hidden values would change: the pack hides values that the explanation is computed from.
    HiddenValues,
    /// Which vendors would have been listed: no shortlist was made.
    NoShortlist,
    /// What a rule gives that this reader does not know.
    RuleNotKnown,
    /// By which rule the host decided: it names none.
    RuleNotNamed,
    /// What events say that are set aside, because they are not what was sealed.
    SetAside,
    /// Who engaged a kill switch, and why: its event is in a stream that the pack does not show, most often the system's.
    SwitchSetElsewhere,
    /// What would have changed the result: more vendors stand in it than are compared.
    TooManyVendors,
    /// What vendors would have replied that were not asked, or did not reply.
    UnheardVendors,
    /// How vendors that a filter took out would have scored.
    UnscoredVendors,
}

/// What the questions are read from.
pub(super) struct Sources<'a> {
    pub(super) events: &'a [PackEvent],
    pub(super) set_aside: &'a [SetAsideEvent],
    pub(super) switch_events: &'a [PackEvent],
    pub(super) vendors: &'a [VendorStory],
    pub(super) reruns: &'a [Rerun],
    pub(super) ai_calls: &'a [AiCall],
    pub(super) orders: &'a [FinalOrder],
}

impl Sources<'_> {
    /// In the order of their names.
    pub(super) fn unanswered(&self) -> Vec<Unanswered> {
        let vendors = |stages: &[Stage]| {
            let are = self.vendors.iter().filter(|vendor| stages.contains(&vendor.stage));
            are.map(|vendor| vendor.vendor_id.clone()).collect::<Vec<_>>()
        };
        let reruns = |wanted: RerunResult| {
            let are = self.reruns.iter().filter(|rerun| rerun.result == wanted);
            are.map(|rerun| rerun.source.seq).collect::<Vec<_>>()
        };
        let hidden = self.ai_calls.iter().filter(|call| call.is_partly_hidden);
        let withheld = self.events.iter().filter(|event| event.withheld().next().is_some());
        let of_events = |question, events: Vec<i64>| (question, Vec::new(), events);
        let of_vendors = |question, vendors: Vec<String>| (question, vendors, Vec::new());
        let by_ai = self.orders.iter();
        let by_ai = by_ai.filter(|order| order.decided_by.as_deref() == Some("moltbot"));
        let nothing_listed = if self.orders.is_empty() {
            self.vendors.iter().map(|vendor| vendor.vendor_id.clone()).collect()
        } else {
            Vec::new()
        };
        let silent = [Stage::NoReply, Stage::NotContacted, Stage::NotReached];
        let all = [
            of_events(Question::AiChoice, by_ai.map(|order| order.source.seq).collect()),
            of_events(Question::AiSawHidden, hidden.map(|call| call.source.seq).collect()),
            of_events(Question::HiddenValues, withheld.map(|event| event.seq).collect()),
            of_vendors(Question::NoShortlist, nothing_listed),
            of_events(Question::RuleNotKnown, reruns(RerunResult::RuleNotKnown)),
            of_events(Question::RuleNotNamed, reruns(RerunResult::RuleNotNamed)),
            of_events(Question::SetAside, self.set_aside.iter().map(|event| event.seq).collect()),
            of_events(Question::SwitchSetElsewhere, self.switches_set_elsewhere()),
            of_vendors(Question::TooManyVendors, self.not_compared()),
            of_vendors(Question::UnheardVendors, vendors(&silent)),
            of_vendors(Question::UnscoredVendors, vendors(&[Stage::FilteredOut])),
        ];
        let is_open = |(_, vendors, events): &(_, Vec<String>, Vec<i64>)| {
            !vendors.is_empty() || !events.is_empty()
        };
        let unanswered = |(question, vendors, events)| Unanswered { question, vendors, events };
        all.into_iter().filter(is_open).map(unanswered).collect()
    }

    /// Effects that a switch refused, unless the pack shows the event that engaged it.
    fn switches_set_elsewhere(&self) -> Vec<i64> {
        let shown = self.events.iter().chain(self.switch_events);
        let shown: HashSet<String> = shown.map(|event| event.header.id.to_string()).collect();
        let refused = typed::<EffectRefused>(self.events).filter(|refusal| {
            let code = refusal.source.error_code.as_deref().and_then(ErrorCode::parse);
            let id = refusal.output.switch_event_id.as_ref();
            matches!(code, Some(ErrorCode::SwitchedOff | ErrorCode::CallingDisabled))
                && !id.is_some_and(|id| shown.contains(id))
        });
        refused.map(|refusal| refusal.source.seq).collect()
    }

    fn not_compared(&self) -> Vec<String> {
        let is_too_many = |answer: &Answer| matches!(answer, Answer::NotKnown { why } if *why == "too_many_vendors");
        let are = self.vendors.iter().filter(|vendor| {
            let what_if = &vendor.what_if;
            [&what_if.asked, &what_if.listed, &what_if.first].into_iter().any(is_too_many)
        });
        are.map(|vendor| vendor.vendor_id.clone()).collect()
    }
}
