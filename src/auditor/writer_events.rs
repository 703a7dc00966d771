//! The events in which this process says who writes, in the system's stream. Every event of the process names the last.
//!
//! The id's random bits are those of the commitment to what the event says. So the chains of all requests prove what
//! their writers said of themselves, although that stands in another stream.

use tokio::task::JoinHandle;

use super::time::millis;
use super::{Auditor, Host, RecordError};
use crate::event::payload::{
    ConfigurationChanged, LimitInForce, Nothing, WriterInput, WriterStarted,
};
use crate::event::{Actor, AuditEvent, EventId, EventType, Period};
use crate::policy::Limits;
use crate::record::{Record, Recorded};
use crate::redact::Profile;
use crate::store::log_line::log_line;

impl Auditor {
    /// The id of this process's writer event, which is made with the first event.
    pub(super) fn writer_id(&self) -> Result<Option<EventId>, RecordError> {
        let writer = &self.shared.writer;
        let mut state = writer.lock();
        if state.id.is_none()
            && let Some(host) = &writer.host
        {
            let record = self.writer_event(host, None)?;
            (state.id, state.unrecorded) = (Some(record.id()), Some(record));
        }
        Ok(state.id)
    }

    /// Begins to record the writer's event, unless that is done or under way. Inside a runtime, once an event that names
    /// the writer is sealed.
    pub(super) fn announce_writer(&self) -> Option<JoinHandle<()>> {
        let mut state = self.shared.writer.lock();
        if state.is_being_recorded {
            return None;
        }
        let record = state.unrecorded.clone()?;
        state.is_being_recorded = true;
        drop(state);
        let auditor = self.clone();
        Some(tokio::spawn(async move {
            let recorded = auditor.shared.batcher.submit(record).await;
            let mut state = auditor.shared.writer.lock();
            state.is_being_recorded = false;
            match recorded {
                Ok(_) => state.unrecorded = None,
                // The next event tries again.
                Err(error) => log_line!(warn, %error, "the writer's event could not be recorded"),
            }
        }))
    }

    /// Records that the program works by something else from now on, such as another prompt. Events that are recorded
    /// after that name this change as their writer. If no [host](super::AuditorBuilder::host) was set, it is the writer's
    /// start.
    ///
    /// # Errors
    /// As [`record`](Self::record). Events name the configuration of before then.
    pub async fn configuration_changed(&self, host: &Host) -> Result<Recorded, RecordError> {
        let previous = self.writer_id()?;
        let record = self.writer_event(host, previous)?;
        let id = record.id();
        let recorded = self.shared.batcher.submit(record).await?;
        self.shared.writer.lock().id = Some(id);
        Ok(recorded)
    }

    /// Records that this process writes no more, if it said who it is.
    pub(super) async fn record_writer_stopped(&self) {
        let has_started = {
            let state = self.shared.writer.lock();
            state.id.is_some() && state.unrecorded.is_none()
        };
        if has_started {
            let stopped = AuditEvent::new(EventType::AUDIT_WRITER_STOPPED, Actor::System);
            if let Err(error) = self.record_reserved(stopped).await {
                log_line!(warn, %error, "the end of the writer could not be recorded");
            }
        }
    }

    fn writer_event(&self, host: &Host, previous: Option<EventId>) -> Result<Record, RecordError> {
        let input = input(host, &self.shared.limits, previous);
        let (actor, output) = (Actor::System, Nothing::default());
        let mut event = match previous {
            None => AuditEvent::typed::<WriterStarted>(actor, &input, &output)?,
            Some(_) => AuditEvent::typed::<ConfigurationChanged>(actor, &input, &output)?,
        };
        event.caused_by = previous;
        self.seal_by_input(event)
    }
}

fn input(host: &Host, limits: &Limits, previous: Option<EventId>) -> WriterInput {
    let digests = host.digests.iter().map(|(what, digest)| (what.clone(), digest.to_hex()));
    WriterInput {
        program: Some(host.program.clone()),
        program_version: Some(host.version.clone()),
        commit: host.commit.clone(),
        crate_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        profile_version: Some(Profile::VERSION),
        previous_writer_id: previous.map(|id| id.to_string()),
        policy_version: limits.policy_version.clone(),
        rejected_outputs_max: Some(limits.rejected_outputs_max),
        limits: limits_in_force(limits),
        elapsed_max_ms: Some(millis(limits.elapsed_max)),
        lease_ms: Some(millis(limits.lease)),
        consent_lifetime_ms: Some(millis(limits.consent_lifetime)),
        digests: digests.collect(),
        ..Default::default()
    }
}

fn limits_in_force(limits: &Limits) -> Vec<LimitInForce> {
    let of = |period: Period| {
        limits.all(period).iter().map(move |(budget, limit)| LimitInForce {
            budget: Some(budget.to_string()),
            period: Some(period.to_string()),
            limit: Some(*limit),
            ..Default::default()
        })
    };
    of(Period::Request).chain(of(Period::Day)).collect()
}
