//! Events about recording itself: drained spools, events that were not recorded, steps of the clock. What is
//! missing from the trail stands in the trail, with a count.

use std::mem;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use tokio::sync::OwnedMutexGuard;

use super::unreported::count_failures;
use super::{Auditor, RecordError};
use crate::delivery::{DrainReport, Failures};
use crate::event::{Actor, AuditEvent, EventType};
use crate::store::log_line::log_line;

impl Auditor {
    /// Records what has no event yet, in the background. Inside a runtime.
    pub(super) fn record_self_events(&self) {
        let step = self.shared.self_events.lock().step_ms.take();
        if let Some(step_ms) = step {
            let auditor = self.clone();
            tokio::spawn(async move { auditor.record_clock_step(step_ms).await });
        }
        if self.has_failures()
            && let Ok(recording) = Arc::clone(&self.shared.self_events.recording).try_lock_owned()
        {
            let auditor = self.clone();
            tokio::spawn(async move { auditor.record_failures(recording).await });
        }
    }

    /// Records the failures that are left, unless another caller does.
    pub(super) async fn record_last_failures(&self) {
        let recording = Arc::clone(&self.shared.self_events.recording).lock_owned().await;
        if self.has_failures() {
            self.record_failures(recording).await;
        }
    }

    fn has_failures(&self) -> bool {
        let unheard = self.shared.batcher.take_unheard();
        count_failures(unheard);
        let mut state = self.shared.self_events.lock();
        state.failed.add(unheard);
        !state.failed.is_empty()
    }

    /// Records what was in the spool that was emptied.
    pub(super) async fn record_drained(&self, report: &DrainReport) {
        self.record_self_event(spool_drained(report)).await;
    }

    async fn record_clock_step(&self, step_ms: i64) {
        let stepped = system(EventType::AUDIT_CLOCK_STEPPED, json!({ "step_ms": step_ms }));
        if !self.record_self_event(stepped).await {
            self.shared.self_events.lock().keep_step(step_ms);
        }
    }

    async fn record_failures(&self, _recording: OwnedMutexGuard<()>) {
        let mut taken = TakenFailures::of(self);
        let Failures { overloaded, spool, store, .. } = taken.failed;
        let output = json!({
            "overloaded_events": overloaded,
            "spool_failed_events": spool,
            "store_failed_events": store,
        });
        if self.record_self_event(system(EventType::AUDIT_NOT_RECORDED, output)).await {
            taken.failed = Failures::default();
        }
    }

    /// Records an event about recording itself. True if it was recorded.
    async fn record_self_event(&self, event: AuditEvent) -> bool {
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

/// Failures that are being recorded. If that fails or is cancelled, they are counted again.
struct TakenFailures<'a> {
    auditor: &'a Auditor,
    failed: Failures,
}

impl<'a> TakenFailures<'a> {
    fn of(auditor: &'a Auditor) -> Self {
        let failed = mem::take(&mut auditor.shared.self_events.lock().failed);
        Self { auditor, failed }
    }
}

impl Drop for TakenFailures<'_> {
    fn drop(&mut self) {
        self.auditor.shared.self_events.lock().failed.add(self.failed);
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
