//! What can be undone of a request, and what was: the undo plan, with its progress.
//!
//! What was done is an act: an effect that happened, or an event that reports one. A compensation is an effect whose
//! admission names the act that it reverses. The plan is computed from both, so it is the same for everyone who has the
//! events, and an undo that stopped halfway goes on from it.

mod act;
mod compensation;
mod contradictions;
mod progress;
mod step;

use serde::Serialize;
use uuid::Uuid;

use self::act::acts;
use self::compensation::compensations;
use self::progress::Record;
pub use self::step::{UndoProgress, UndoStart, UndoStep, UndoTry};
use super::Finding;
use super::budgets::effects;
use super::typed_events::typed;
use crate::event::payload::UndoStarted;
use crate::pack::{PackEvent, Section, SetAsideEvent};

/// What can be undone of a request, by what and until when; what was undone already; and what is final, and why.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct UndoPlan {
    /// The request.
    pub request_id: Option<Uuid>,
    /// Who began to undo it, and why.
    pub undos: Vec<UndoStart>,
    /// What was done, newest first.
    pub steps: Vec<UndoStep>,
    /// Why there may be more to undo, or less: events that are set aside.
    pub not_checkable: Vec<String>,
}

impl UndoPlan {
    /// The steps that an undo runs, newest first.
    pub fn open(&self) -> impl Iterator<Item = &UndoStep> {
        self.steps.iter().filter(|step| step.progress == UndoProgress::Open)
    }

    /// True if no step is open, under way, or in doubt. What is final, and what is too late to compensate, stays.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.steps.iter().all(|step| step.progress.is_settled())
    }
}

pub(super) fn section(events: &[PackEvent], set_aside: &[SetAsideEvent]) -> Section<UndoPlan> {
    let content = plan(events, set_aside);
    if content.steps.is_empty() && content.undos.is_empty() {
        return Section::Empty;
    }
    Section::Recorded { content }
}

/// Plans the undo of a request from its events.
pub(in crate::pack) fn plan(events: &[PackEvent], set_aside: &[SetAsideEvent]) -> UndoPlan {
    let effects = effects(events);
    let compensations = compensations(events, &effects);
    let acts = acts(events, &effects, &compensations);
    let steps = Record::of(events, &acts, &compensations).steps();
    let undos = typed::<UndoStarted>(events).map(|typed| UndoStart {
        by: typed.known(typed.input.by.clone()),
        source: typed.source,
        reason: typed.input.reason,
    });
    let why = |event: &SetAsideEvent| format!("event {} is set aside: {}", event.seq, event.reason);
    UndoPlan {
        request_id: events.iter().find_map(|event| event.header.request_id),
        undos: undos.collect(),
        steps,
        not_checkable: set_aside.iter().map(why).collect(),
    }
}

/// Compensations that contradict the record.
pub(super) fn findings(events: &[PackEvent], set_aside: &[SetAsideEvent]) -> Vec<Finding> {
    let effects = effects(events);
    let compensations = compensations(events, &effects);
    if compensations.is_empty() {
        return Vec::new();
    }
    let acts = acts(events, &effects, &compensations);
    contradictions::findings(&acts, &compensations, set_aside)
}
