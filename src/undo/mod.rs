//! Undoes a request: runs the open steps of its undo plan as ordinary effects.
//!
//! Three things keep a step from being compensated twice. The plan is computed from the record again before each step.
//! The key of each compensation is derived from what it reverses, and the store decides about it: while the database
//! is away, nothing is undone. And a compensation in doubt is left alone until an operator resolves it.
//!
//! Deadlines are compared with the database's time of the admission, never with this machine's clock.

mod compensation;
mod error;
mod report;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;

pub use self::{
    compensation::{Compensation, UndoHandler},
    error::UndoError,
    report::{RehearsedStep, StepEnd, StepReport, UndoReport},
};
use crate::auditor::{AdmitError, Auditor, ControlError, EffectError, Permit, said, said_by};
use crate::event::payload::{Nothing, UndoInput, UndoStarted};
use crate::event::{Actor, AuditEvent, ConversationId, EventId, Identity, RequestId, StreamId};
use crate::pack::read_undo_plan;
use crate::pack::sections::{UndoPlan, UndoStep};
use crate::record::{Receipt, Recorded, StoredRecord};

/// A request as the store has it now.
struct Reading {
    plan: UndoPlan,
    records: HashMap<Uuid, StoredRecord>,
    /// The last conversation that an event names.
    conversation: Option<ConversationId>,
}

impl Reading {
    async fn of(auditor: &Auditor, request_id: Uuid) -> Result<Self, UndoError> {
        let store = auditor.deciding_store().ok_or(ControlError::Unsupported)?;
        let stream = StreamId::of(Some(request_id), None);
        let snapshot = store.read_stream(stream).await?;
        let snapshot = snapshot.ok_or(UndoError::UnknownRequest { request_id })?;
        let plan = read_undo_plan(&snapshot);
        let named = snapshot.records.iter().rev().find_map(|record| record.header.conversation_id);
        let records = snapshot.records.into_iter().map(|record| (record.header.id, record));
        let conversation = named.and_then(|id| ConversationId::from_uuid(id).ok());
        Ok(Self { plan, records: records.collect(), conversation })
    }

    /// The first open step, newest first, of those that are wanted.
    fn next(&self, is_wanted: impl Fn(&UndoStep) -> bool) -> Option<(UndoStep, StoredRecord)> {
        let step = self.plan.open().find(|step| is_wanted(step))?;
        Some((step.clone(), self.records.get(&step.source.event_id)?.clone()))
    }
}

impl Auditor {
    /// Plans the undo of a request: what can be undone, by what and until when, what was undone already, and what is
    /// final. It is computed from the request's events, and nothing is written.
    ///
    /// # Errors
    /// [`UndoError::UnknownRequest`] if no event of the request was ever recorded, else [`UndoError::Control`], also if
    /// the sink cannot be read or does not decide what may run.
    pub async fn undo_plan(&self, request: &RequestId) -> Result<UndoPlan, UndoError> {
        Ok(Reading::of(self, request.uuid()).await?.plan)
    }

    /// Says what [`undo`](Self::undo) would do now: the open steps of the plan, newest first, and the effect that
    /// the handler declares for each. Nothing is written, and nothing is performed.
    ///
    /// # Errors
    /// As [`undo_plan`](Self::undo_plan).
    pub async fn rehearse_undo<H: UndoHandler>(
        &self,
        plan: &UndoPlan,
        handler: &H,
    ) -> Result<Vec<RehearsedStep>, UndoError> {
        let reading = Reading::of(self, plan.request_id.ok_or(UndoError::NoRequest)?).await?;
        let mut planned: HashSet<_> = plan.open().map(|step| step.act_id).collect();
        let mut rehearsed = Vec::new();
        while let Some((step, act)) = reading.next(|step| planned.contains(&step.act_id)) {
            planned.remove(&step.act_id);
            let effect = handler.declare(&Compensation::new(&step, &act));
            rehearsed.push(RehearsedStep::of(step, &effect));
        }
        Ok(rehearsed)
    }

    /// Undoes a request: runs the steps that are open in the plan, newest first, as effects of
    /// [`Actor::Admin`]. `by` says who does it, and `reason` why; both are recorded first, in an
    /// `effect.undo_started`. A text is a merely claimed identity.
    ///
    /// Each compensation is admitted and recorded as any effect is: its budgets, its consent and its own kill switch
    /// hold. The switch of the AI does not govern it, because a person undoes, unless the handler declares an effect
    /// of the AI, or an effect of the AI calls this.
    ///
    /// A step that fails does not keep the others from running. If the undo ends early, run it again: what is done is
    /// not done again. Steps that came after the plan was made are left alone, and stand as open in the report's plan.
    ///
    /// # Errors
    /// [`UndoError`]. If it happens after the first step, the steps so far are in the record.
    ///
    /// # Panics
    /// If the handler panics. The step is in doubt then.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the step that is under way in doubt, and later ones open. That is also what to do
    /// about a handler that hangs: put a time limit around it.
    pub async fn undo<H: UndoHandler>(
        &self,
        plan: &UndoPlan,
        by: impl Into<Identity>,
        reason: &str,
        handler: &H,
    ) -> Result<UndoReport<H::Error>, UndoError> {
        let request_id = plan.request_id.ok_or(UndoError::NoRequest)?;
        let (by, reason) = (said_by(by.into())?, said("reason", reason)?);
        let request = RequestId::from_uuid(request_id)?;
        let mut planned: HashSet<_> = plan.open().map(|step| step.act_id).collect();
        let mut report = UndoReport { started: None, steps: Vec::new(), plan: plan.clone() };
        loop {
            let reading = Reading::of(self, request_id).await?;
            let next = reading.next(|step| planned.contains(&step.act_id));
            report.plan = reading.plan;
            let Some((step, act)) = next else { return Ok(report) };
            let Some(started) = report.started else {
                // The plan is read again after it: the database's time of this event says which deadlines passed.
                report.started = Some(
                    self.start_undo(&request, reading.conversation.as_ref(), &by, &reason).await?,
                );
                continue;
            };
            planned.remove(&step.act_id);
            let compensation = Compensation::new(&step, &act);
            let end = self.compensate(&request, started, &compensation, handler).await;
            // The request is closed state by state: the next state is left by a step of its own.
            if let StepEnd::Done { effect_id } | StepEnd::AlreadyDone { effect_id } = &end {
                planned.insert(*effect_id);
            }
            report.steps.push(StepReport { act_id: step.act_id, event_type: step.event_type, end });
        }
    }

    async fn start_undo(
        &self,
        request: &RequestId,
        conversation: Option<&ConversationId>,
        by: &Identity,
        reason: &str,
    ) -> Result<EventId, UndoError> {
        let input = UndoInput {
            by: Some(by.clone()),
            reason: Some(reason.to_owned()),
            ..Default::default()
        };
        let event = AuditEvent::typed::<UndoStarted>(Actor::Admin, &input, &Nothing::default());
        let mut event = event?.request(request);
        event.conversation_id = conversation.cloned();
        match self.record_reserved(event).await? {
            Recorded::Chained(receipt) => Ok(EventId::from_uuid(receipt.event_id)?),
            Recorded::Spooled { .. } => Err(UndoError::Away),
        }
    }

    async fn compensate<H: UndoHandler>(
        &self,
        request: &RequestId,
        started: EventId,
        compensation: &Compensation<'_>,
        handler: &H,
    ) -> StepEnd<H::Error> {
        let step = compensation.step();
        let effect = compensation.complete(handler.declare(compensation), request, started);
        let permit = match self.effect(effect).admit().await {
            Ok(permit) => permit,
            Err(AdmitError::Replayed(replay)) => {
                return StepEnd::AlreadyDone { effect_id: replay.effect_id };
            }
            Err(error) => return StepEnd::NotAdmitted(error),
        };
        // Another clock than the one that set the deadline would let a step run too late.
        let late = |receipt: &Receipt| step.until.filter(|until| *until < receipt.recorded_at);
        if let Some(until) = permit.intent().receipt().and_then(late) {
            return too_late(permit, until).await;
        }
        let effect_id = permit.effect_id().uuid();
        let performed = permit.perform(async || handler.perform(compensation).await).await;
        match performed {
            Ok(_) => StepEnd::Done { effect_id },
            Err(EffectError::Failed(error)) => StepEnd::Failed { effect_id, error },
            Err(EffectError::Unrecorded { result, source, .. }) => {
                StepEnd::Unrecorded { effect_id, result: result.map(drop), source }
            }
            // These come before a permit.
            Err(EffectError::NotAdmitted(error)) => StepEnd::NotAdmitted(error),
            Err(EffectError::Refused(refusal)) => {
                StepEnd::NotAdmitted(AdmitError::Refused(refusal))
            }
            Err(EffectError::ReplayUnreadable(replay)) => {
                StepEnd::AlreadyDone { effect_id: replay.effect_id }
            }
        }
    }
}

async fn too_late<E>(permit: Permit, until: DateTime<Utc>) -> StepEnd<E> {
    let effect_id = permit.effect_id().uuid();
    match permit.not_performed("the deadline of what it compensates had passed").await {
        Ok(_) => StepEnd::Late { until },
        Err(unrecorded) => {
            StepEnd::Unrecorded { effect_id, result: Ok(()), source: unrecorded.source }
        }
    }
}
