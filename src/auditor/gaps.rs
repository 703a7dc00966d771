//! The recorder's own failures, as events with counts: gaps are stated, never hidden.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use tokio::sync::OwnedMutexGuard;

use super::{Auditor, Clock, RecordError, observing};
use crate::delivery::{DrainReport, Failures, WriteError};
use crate::event::{Actor, AuditEvent, EventType};
use crate::record::Recorded;
use crate::store::log_line::log_line;

/// A change of the clock against the monotonic clock, between two events, that counts as a step.
/// Clocks that are slewed into place move by less than a thousandth.
const STEP_MS: i64 = 5_000;

/// What is still to be stated.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    state: Mutex<State>,
    /// Held while failures are stated: under overload, one event about them is enough at a time.
    turn: Arc<Turn>,
}

type Turn = tokio::sync::Mutex<()>;

#[derive(Debug, Default)]
struct State {
    failed: Failures,
    /// The time of day less the monotonic time, when last looked at.
    offset_ms: Option<i64>,
    /// The largest step of the clock since the last event about one.
    step_ms: Option<i64>,
}

impl State {
    fn keep_step(&mut self, step_ms: i64) {
        let largest = self.step_ms.filter(|kept| kept.abs() > step_ms.abs());
        self.step_ms = Some(largest.unwrap_or(step_ms));
    }
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
            state.keep_step(step);
        }
    }

    /// Notes how recording an event ended.
    pub(super) fn note(&self, written: &Result<Recorded, WriteError>) {
        if let Err(error) = written {
            let mut failed = Failures::default();
            failed.count(error);
            observing::failed(failed);
            self.lock().failed.add(failed);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Auditor {
    /// States what is due in the background. Inside a runtime.
    pub(super) fn state_gaps(&self) {
        let step = self.shared.gaps.lock().step_ms.take();
        if let Some(step_ms) = step {
            let auditor = self.clone();
            tokio::spawn(async move { auditor.state_step(step_ms).await });
        }
        if self.has_failures()
            && let Ok(turn) = Arc::clone(&self.shared.gaps.turn).try_lock_owned()
        {
            let auditor = self.clone();
            tokio::spawn(async move { auditor.state_failures(turn).await });
        }
    }

    /// States the failures that are left, unless another caller does.
    pub(super) async fn state_last_failures(&self) {
        let turn = Arc::clone(&self.shared.gaps.turn).lock_owned().await;
        if self.has_failures() {
            self.state_failures(turn).await;
        }
    }

    fn has_failures(&self) -> bool {
        let unheard = self.shared.batcher.take_unheard();
        observing::failed(unheard);
        let mut state = self.shared.gaps.lock();
        state.failed.add(unheard);
        !state.failed.is_empty()
    }

    /// Records what was in the spool that was emptied.
    pub(super) async fn state_drained(&self, report: &DrainReport) {
        self.record_own(spool_drained(report)).await;
    }

    async fn state_step(&self, step_ms: i64) {
        let stepped = system(EventType::AUDIT_CLOCK_STEPPED, json!({ "step_ms": step_ms }));
        if !self.record_own(stepped).await {
            self.shared.gaps.lock().keep_step(step_ms);
        }
    }

    async fn state_failures(&self, _turn: OwnedMutexGuard<()>) {
        let mut stating = Stating::of(self);
        let Failures { overloaded, spool, store, .. } = stating.failed;
        let output = json!({
            "overloaded_events": overloaded,
            "spool_failed_events": spool,
            "store_failed_events": store,
        });
        if self.record_own(system(EventType::AUDIT_NOT_RECORDED, output)).await {
            stating.failed = Failures::default();
        }
    }

    /// Records an event about recording itself; returns whether that went well.
    async fn record_own(&self, event: AuditEvent) -> bool {
        let recorded: Result<_, RecordError> = async {
            let record = self.seal(event)?;
            Ok(self.shared.batcher.submit(record).await?)
        }
        .await;
        match recorded {
            Ok(_) => true,
            Err(error) => {
                log_line!(error, %error, "an event about recording itself could not be recorded");
                false
            }
        }
    }
}

/// Failures that are being stated. What of them is not, because it fails or time is up, is counted
/// again.
struct Stating<'a> {
    auditor: &'a Auditor,
    failed: Failures,
}

impl<'a> Stating<'a> {
    fn of(auditor: &'a Auditor) -> Self {
        let failed = mem::take(&mut auditor.shared.gaps.lock().failed);
        Self { auditor, failed }
    }
}

impl Drop for Stating<'_> {
    fn drop(&mut self) {
        self.auditor.shared.gaps.lock().failed.add(self.failed);
    }
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
