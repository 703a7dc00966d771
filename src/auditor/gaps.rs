//! What befell recording itself, as events with counts: gaps are stated, never hidden.

use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::{Auditor, Clock, RecordError, Shared};
use crate::event::{Actor, AuditEvent, EventType};
use crate::record::Recorded;
use crate::store::{DrainReport, WriteError};

/// A change of the clock against the monotonic clock, between two events, that counts as a step.
/// Clocks that are slewed into place move by less than a thousandth.
const STEP_MS: i64 = 5_000;

/// What is still to be stated.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    state: Mutex<State>,
}

/// What one event states.
#[derive(Clone, Copy, Debug)]
pub(super) enum Gap {
    /// The spool was drained.
    Drained(DrainReport),
    /// So many events were refused because the queue was full.
    Refused(u64),
    /// The clock was set, by so many milliseconds.
    Step(i64),
}

#[derive(Debug, Default)]
struct State {
    /// Events refused because the queue was full.
    refused: u64,
    /// The time of day less the monotonic time, when last looked at.
    offset_ms: Option<i64>,
    /// The largest step of the clock since the last event about one.
    step_ms: Option<i64>,
}

impl Gaps {
    /// Looks whether the clock was set since the last event.
    pub(super) fn look_at(&self, clock: &dyn Clock) {
        let monotonic = i64::try_from(clock.monotonic().as_millis()).unwrap_or(i64::MAX);
        let offset = clock.now().timestamp_millis().saturating_sub(monotonic);
        let mut state = self.lock();
        let before = state.offset_ms.replace(offset).unwrap_or(offset);
        let step = offset.saturating_sub(before);
        if step.abs() >= STEP_MS {
            state.note_step(step);
        }
    }

    /// Notes how recording an event ended, and that others were refused unheard; returns what is to
    /// be stated after it.
    pub(super) fn after(&self, written: &Result<Recorded, WriteError>, unheard: u64) -> Vec<Gap> {
        let mut state = self.lock();
        state.refused = state.refused.saturating_add(unheard);
        match written {
            Ok(_) => {
                let step = state.step_ms.take().map(Gap::Step);
                let refused = mem::take(&mut state.refused);
                let refused = (refused > 0).then_some(Gap::Refused(refused));
                step.into_iter().chain(refused).collect()
            }
            Err(error) => {
                state.refused += u64::from(matches!(error, WriteError::Overloaded { .. }));
                Vec::new()
            }
        }
    }

    /// Takes back what could not be stated: it is, after another event.
    fn take_back(&self, gap: Gap) {
        let mut state = self.lock();
        match gap {
            Gap::Step(step_ms) => state.note_step(step_ms),
            Gap::Refused(refused) => state.refused = state.refused.saturating_add(refused),
            // A drain is not kept: where the database is away it is stated in the spool.
            Gap::Drained(_) => {}
        }
    }

    /// Records, when the spool was drained, what was in it.
    pub(super) fn on_drained(
        auditor: Weak<Shared>,
    ) -> impl Fn(DrainReport) + Send + Sync + 'static {
        move |report| {
            if let Some(shared) = auditor.upgrade() {
                Auditor { shared }.state_gap(Gap::Drained(report));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Auditor {
    /// Records an event about recording itself, without anybody waiting for it.
    pub(super) fn state_gap(self, gap: Gap) {
        let Ok(runtime) = Handle::try_current() else { return };
        runtime.spawn(async move {
            let recorded: Result<_, RecordError> = async {
                let record = self.seal(gap.event())?;
                Ok(self.shared.batcher.submit(record).await?)
            }
            .await;
            if let Err(error) = recorded {
                tracing::error!(%error, "an event about recording itself could not be recorded");
                self.shared.gaps.take_back(gap);
            }
        });
    }
}

impl State {
    fn note_step(&mut self, step_ms: i64) {
        if self.step_ms.is_none_or(|noted| noted.abs() < step_ms.abs()) {
            self.step_ms = Some(step_ms);
        }
    }
}

impl Gap {
    fn event(&self) -> AuditEvent {
        match self {
            Self::Drained(report) => spool_drained(report),
            Self::Refused(refused) => overloaded(*refused),
            Self::Step(step_ms) => clock_stepped(*step_ms),
        }
    }
}

fn overloaded(refused: u64) -> AuditEvent {
    system(EventType::AUDIT_OVERLOADED, json!({ "refused_events": refused }))
}

fn clock_stepped(step_ms: i64) -> AuditEvent {
    system(EventType::AUDIT_CLOCK_STEPPED, json!({ "step_ms": step_ms }))
}

fn spool_drained(report: &DrainReport) -> AuditEvent {
    let time =
        |at: Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339_opts(SecondsFormat::Micros, true));
    let output = json!({
        "stored_events": report.stored,
        "set_aside_events": report.set_aside,
        "oldest_at": time(report.oldest_at),
        "newest_at": time(report.newest_at),
    });
    system(EventType::AUDIT_SPOOL_DRAINED, output)
}

fn system(event_type: EventType, output: Value) -> AuditEvent {
    AuditEvent::new(event_type, Actor::System).output(output)
}
