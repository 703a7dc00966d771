//! How far the undoing of each act is.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::act::{Act, Standing, Subject};
use super::compensation::Compensation;
use super::step::{UndoProgress, UndoStep, UndoTry};
use crate::event::EventType;
use crate::pack::PackEvent;
use crate::pack::sections::budgets::EffectState;
use crate::pack::sections::typed_events::Source;

/// What the progress of each act follows from.
pub(super) struct Record<'a> {
    acts: &'a [Act],
    compensations: &'a [Compensation],
    /// The newest act that happened, of each subject.
    newest: HashMap<&'a Subject, &'a Act>,
    /// Events by which a host told a vendor, or took a shortlist back, on its own: what they concern, and where.
    withdrawals: Vec<(Subject, i64, Uuid)>,
    /// The database's time of the last event.
    last_at: Option<DateTime<Utc>>,
}

/// How far one act is, and why.
struct Found {
    progress: UndoProgress,
    why: &'static str,
    undone_by: Option<Uuid>,
    covered_by: Option<Uuid>,
}

impl Found {
    fn new(progress: UndoProgress, why: &'static str) -> Self {
        Self { progress, why, undone_by: None, covered_by: None }
    }
}

impl<'a> Record<'a> {
    pub(super) fn of(
        events: &[PackEvent],
        acts: &'a [Act],
        compensations: &'a [Compensation],
    ) -> Self {
        let is_undoable =
            |act: &&Act| act.undoing.compensation.is_some() || act.subject == Subject::State;
        let happened = acts.iter().filter(|act| act.standing == Standing::Happened);
        Self {
            acts,
            compensations,
            // A later one replaces an earlier one.
            newest: happened.filter(is_undoable).map(|act| (&act.subject, act)).collect(),
            withdrawals: events.iter().filter_map(withdrawal).collect(),
            last_at: events.iter().map(|event| event.recorded_at).max(),
        }
    }

    /// The steps, newest first.
    pub(super) fn steps(&self) -> Vec<UndoStep> {
        self.acts.iter().rev().map(|act| self.step(act)).collect()
    }

    fn step(&self, act: &Act) -> UndoStep {
        let Found { progress, why, undone_by, covered_by } = self.found(act);
        let tries = self.tries(act).map(|one| UndoTry {
            source: one.intent.clone(),
            effect_id: one.effect_id,
            state: one.state,
        });
        UndoStep {
            source: act.source.clone(),
            act_id: act.id,
            event_type: act.event_type.clone(),
            vendor_id: act.vendor_id.clone(),
            reversal: act.undoing.reversal.clone(),
            compensation: act.undoing.compensation.clone(),
            until: act.undoing.until,
            way: act.way.clone(),
            progress,
            why,
            undone_by,
            covered_by,
            tries: tries.collect(),
        }
    }

    fn tries(&self, act: &Act) -> impl Iterator<Item = &'a Compensation> {
        let (id, seq) = (act.id, act.source.seq);
        self.compensations
            .iter()
            .filter(move |one| one.reverses == Some(id) && one.intent.seq > seq)
    }

    fn found(&self, act: &Act) -> Found {
        if act.has_parts {
            return Found::new(
                UndoProgress::Covered,
                "its messages to vendors have steps of their own",
            );
        }
        match act.standing {
            Standing::InDoubt => {
                return Found::new(
                    UndoProgress::ActInDoubt,
                    "whether it happened is not known: an operator resolves it first",
                );
            }
            Standing::Running => {
                return Found::new(
                    UndoProgress::ActRunning,
                    "it has not ended: plan again when it has",
                );
            }
            Standing::Happened => {}
        }
        if let Some(found) = self.undone(act) {
            return found;
        }
        if act.undoing.compensation.is_none() {
            return Found::new(UndoProgress::Final, final_because(act));
        }
        if let Some(newest) = self.newest.get(&act.subject).filter(|newest| newest.id != act.id) {
            let found = Found::new(UndoProgress::Covered, covered_because(act));
            return Found { covered_by: Some(newest.id), ..found };
        }
        if act.subject == Subject::State && act.way.is_empty() {
            return Found::new(
                UndoProgress::Final,
                "the state machine does not lead from this state to the end of the request",
            );
        }
        if act.undoing.until.zip(self.last_at).is_some_and(|(until, last_at)| until < last_at) {
            return Found::new(UndoProgress::Late, "its deadline passed before it was undone");
        }
        Found::new(UndoProgress::Open, open_because(act))
    }

    /// What compensations of the act, or of another that concerns the same, make of it.
    fn undone(&self, act: &Act) -> Option<Found> {
        let done_by = |effect| Found {
            undone_by: Some(effect),
            ..Found::new(UndoProgress::Done, done_because(act))
        };
        let of_state = |state| self.tries(act).find(move |one| one.state == state);
        if let Some(done) = of_state(EffectState::Done) {
            return Some(done_by(done.effect_id));
        }
        if of_state(EffectState::InDoubt).is_some() {
            return Some(Found::new(
                UndoProgress::InDoubt,
                "whether its compensation happened is not known: an operator resolves that first",
            ));
        }
        if of_state(EffectState::Running).is_some() {
            return Some(Found::new(
                UndoProgress::UnderWay,
                "its compensation was admitted, and has not ended",
            ));
        }
        let withdrawn = self
            .withdrawals
            .iter()
            .find(|(subject, seq, _)| *subject == act.subject && *seq > act.source.seq);
        withdrawn.map(|(_, _, by)| done_by(*by)).or_else(|| {
            // A change of the state leads from one state only.
            let concerns = |one: &&Compensation| {
                act.subject != Subject::State
                    && one.state == EffectState::Done
                    && one.intent.seq > act.source.seq
                    && self.subject_of(one) == Some(&act.subject)
            };
            self.compensations.iter().find(concerns).map(|one| done_by(one.effect_id))
        })
    }

    fn subject_of(&self, one: &Compensation) -> Option<&'a Subject> {
        self.acts.iter().find(|act| Some(act.id) == one.reverses).map(|act| &act.subject)
    }
}

/// What an event withdraws, where it stands, and its id.
fn withdrawal(event: &PackEvent) -> Option<(Subject, i64, Uuid)> {
    let subject = if event.is(&EventType::SHORTLIST_WITHDRAWN) {
        Subject::Shortlist
    } else if event.is(&EventType::VENDOR_OUTREACH_WITHDRAWN) {
        Subject::Vendor(event.input.value.get("vendor_id").and_then(Value::as_str)?.to_owned())
    } else {
        return None;
    };
    Source::of(event).succeeded().then_some((subject, event.seq, event.header.id))
}

fn final_because(act: &Act) -> &'static str {
    let is = |of: &EventType| of.as_str() == act.event_type;
    if is(&EventType::CALL_STARTED) {
        "a call that was placed cannot be taken back"
    } else if is(&EventType::REQUEST_STATE_CHANGED) {
        "the state machine leads nowhere from this state"
    } else if is(&EventType::MOLTBOT_CALLED) || is(&EventType::OCR_JOB_DONE) {
        "it gave an answer and changed nothing else; what it cost is spent"
    } else {
        "it was declared final"
    }
}

fn covered_because(act: &Act) -> &'static str {
    match act.subject {
        Subject::Client => "one correction reaches the client for all messages",
        Subject::Itself(_) => "a later act stands for it",
        Subject::Shortlist => "a later shortlist replaced it",
        Subject::State => "a later change of the state followed it",
        Subject::Vendor(_) => "one message reaches the vendor for all that were sent to it",
    }
}

fn done_because(act: &Act) -> &'static str {
    match act.undoing.reversal.as_str() {
        "compensable" => "it was compensated",
        "reversible" => "it was taken back",
        _ => "it was corrected",
    }
}

fn open_because(act: &Act) -> &'static str {
    match (&act.subject, act.undoing.reversal.as_str()) {
        (Subject::Client, _) => {
            "a message that was read cannot be unread; another one can correct it"
        }
        (Subject::Shortlist, _) => "the client can be told that its vendors are no longer offered",
        (Subject::State, _) => "the state machine leads from this state to the end of the request",
        (Subject::Vendor(_), _) => "the vendor can be told that its offer is no longer needed",
        (Subject::Itself(_), "reversible") => "it can be taken back",
        (Subject::Itself(_), _) => "another effect makes up for it",
    }
}
