//! What an undo did, or would do.

use std::fmt;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::auditor::{AdmitError, Effect, RecordError};
use crate::event::{EventError, EventId};
use crate::pack::sections::{UndoPlan, UndoStep};

/// What an undo did. `E` is the error of the host's handler.
#[derive(Debug)]
#[non_exhaustive]
pub struct UndoReport<E> {
    /// The event that says who undoes the request, and why. None if no step was open.
    pub started: Option<EventId>,
    /// The steps that were tried, in the order in which they ran.
    pub steps: Vec<StepReport<E>>,
    /// The plan as it is afterwards: what is in doubt, too late, or has come since.
    pub plan: UndoPlan,
}

impl<E> UndoReport<E> {
    /// True if nothing is left to undo. What is final, and what is too late to compensate, stays.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.plan.is_done()
    }
}

/// How one step ended.
#[derive(Debug)]
#[non_exhaustive]
pub struct StepReport<E> {
    /// What was to be undone.
    pub act_id: Uuid,
    /// What it was.
    pub event_type: String,
    /// How it ended.
    pub end: StepEnd<E>,
}

/// How a step ended.
#[non_exhaustive]
pub enum StepEnd<E> {
    /// Another undo compensated it in the meantime.
    AlreadyDone {
        /// The compensation.
        effect_id: Uuid,
    },
    /// It was compensated.
    Done {
        /// The compensation.
        effect_id: Uuid,
    },
    /// The handler failed. The step is open, and the next undo tries it again.
    Failed {
        /// The compensation that was tried.
        effect_id: Uuid,
        /// The handler's own error.
        error: E,
    },
    /// Its deadline had passed when the database decided about it. Nothing was performed.
    Late {
        /// The deadline.
        until: DateTime<Utc>,
    },
    /// It was not admitted, and nothing was performed: it is refused, another undo is at it, or an earlier try is in
    /// doubt.
    NotAdmitted(AdmitError),
    /// How it ended could not be recorded: it is in doubt.
    Unrecorded {
        /// The compensation.
        effect_id: Uuid,
        /// What the handler returned.
        result: Result<(), E>,
        /// Why it was not recorded.
        source: RecordError,
    },
}

// The host's own error may hold personal data.
impl<E> fmt::Debug for StepEnd<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyDone { effect_id } => write!(f, "AlreadyDone({effect_id})"),
            Self::Done { effect_id } => write!(f, "Done({effect_id})"),
            Self::Failed { effect_id, .. } => write!(f, "Failed({effect_id})"),
            Self::Late { until } => write!(f, "Late({until})"),
            Self::NotAdmitted(error) => write!(f, "NotAdmitted({error:?})"),
            Self::Unrecorded { effect_id, source, .. } => {
                write!(f, "Unrecorded({effect_id}, {source:?})")
            }
        }
    }
}

/// A step that an undo would run, and the effect that the handler declares for it.
#[derive(Clone)]
#[non_exhaustive]
pub struct RehearsedStep {
    /// The step.
    pub step: UndoStep,
    /// The event type under which its success would be recorded, and what would go in, before anything is hidden. An
    /// error if the effect is declared wrongly.
    pub effect: Result<(String, Option<Value>), EventError>,
}

impl RehearsedStep {
    pub(super) fn of(step: UndoStep, effect: &Effect) -> Self {
        let effect =
            effect.declared().map(|event| (event.event_type.to_string(), event.input.clone()));
        Self { step, effect }
    }
}

// What would be written to a person is not printed.
impl fmt::Debug for RehearsedStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RehearsedStep").field("step", &self.step).finish_non_exhaustive()
    }
}
