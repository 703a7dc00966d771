//! Runs an effect and records how it ended, whichever way it ends.

use std::fmt;
use std::panic::resume_unwind;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::{Auditor, Effect, EffectError, RecordError};
use crate::event::{AuditEvent, ErrorCode, EventError, EventType, Outcome};
use crate::record::Recorded;
use crate::store::WriteError;
use crate::store::catch_unwind::CatchUnwind;

/// An effect that is declared and not yet run.
#[must_use = "an effect does nothing until it is run"]
pub struct PendingEffect {
    auditor: Auditor,
    effect: Effect,
}

impl PendingEffect {
    pub(super) fn new(auditor: Auditor, effect: Effect) -> Self {
        Self { auditor, effect }
    }

    /// Makes the host's call, times it, records input, output, duration and outcome, and returns what
    /// the call returned, once that is durable.
    ///
    /// A call that returns an error, panics or is cancelled is recorded as such; a panic goes on to
    /// the caller afterwards. The value must be (de)serialisable, so that an idempotent effect can be
    /// answered from its record.
    ///
    /// # Errors
    /// [`EffectError::Failed`] with the call's own error, [`EffectError::NotRun`] where the effect
    /// could not have been recorded, [`EffectError::Unrecorded`] with the call's result where it ran
    /// and the store then failed.
    ///
    /// # Panics
    /// Where the call panics.
    ///
    /// # Cancel safety
    /// Dropping the future drops the call, and records that it was cancelled.
    ///
    /// ```
    /// # async fn host(auditor: moltbot_audit::Auditor) {
    /// use moltbot_audit::event::payload::{OutboundInput, OutboundOutput};
    /// use moltbot_audit::{Effect, EffectError};
    ///
    /// let input = OutboundInput { text: Some("Muraho!".into()), ..Default::default() };
    /// let sent = auditor
    ///     .effect(Effect::message(&input).idempotency_key("message-1"))
    ///     .run(async || Ok::<_, std::io::Error>(OutboundOutput::default()))
    ///     .await;
    /// match sent {
    ///     Ok(output) => assert_eq!(output.provider_message_id, None),
    ///     Err(EffectError::Failed(error)) => eprintln!("not sent: {error}"),
    ///     Err(error) => eprintln!("audit: {error}"),
    /// }
    /// # }
    /// ```
    pub async fn run<T, E, F>(self, call: F) -> Result<T, EffectError<T, E>>
    where
        T: Serialize + DeserializeOwned,
        E: fmt::Display,
        F: AsyncFnOnce() -> Result<T, E>,
    {
        let mut running = Running::start(self).map_err(EffectError::NotRun)?;
        let ended = CatchUnwind::new(async move { call().await }).await;
        let event = match &ended {
            Ok(Ok(value)) => running.succeeded(value),
            Ok(Err(error)) => running.failed(error),
            Err(_) => running.panicked(),
        };
        let written = running.write(&event).await;
        match (ended, written) {
            (Err(panic), written) => {
                if let Err(error) = written {
                    tracing::error!(%error, "a panicked effect could not be recorded");
                }
                resume_unwind(panic)
            }
            (Ok(result), Err(source)) => {
                Err(EffectError::Unrecorded { result, event: Box::new(event), source })
            }
            (Ok(result), Ok(_)) => result.map_err(EffectError::Failed),
        }
    }
}

impl fmt::Debug for PendingEffect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingEffect").field("effect", &self.effect).finish_non_exhaustive()
    }
}

/// An effect under way. Dropped before its end is known, it records that it was cancelled.
struct Running {
    auditor: Auditor,
    runtime: Handle,
    /// What is known before the end.
    event: AuditEvent,
    failed_as: Option<EventType>,
    error_code: ErrorCode,
    started: Duration,
    /// From here on a drop records nothing a second time.
    has_ended: bool,
}

impl Running {
    fn start(PendingEffect { auditor, effect }: PendingEffect) -> Result<Self, RecordError> {
        let Effect { event, failed_as, error_code } = effect;
        let mut event = event?;
        let runtime = Handle::try_current().map_err(|_| WriteError::NoRuntime)?;
        if event.id.is_none() {
            event.id = Some(auditor.event_id()?);
        }
        // What cannot be sealed cannot be recorded, and what cannot be recorded must not run. An output
        // that is too large is replaced by its size, so there must be room for that.
        auditor.seal(event.clone().output(too_large(usize::MAX)))?;
        let started = auditor.shared.clock.monotonic();
        Ok(Self { auditor, runtime, event, failed_as, error_code, started, has_ended: false })
    }

    fn succeeded<T: Serialize>(&mut self, value: &T) -> AuditEvent {
        let output = serde_json::to_value(value)
            .unwrap_or_else(|_| json!({ "omitted": "the result is not representable as JSON" }));
        self.end(Outcome::Succeeded, None).output(output)
    }

    fn failed(&mut self, error: &impl fmt::Display) -> AuditEvent {
        let output = json!({ "error_message": error.to_string() });
        self.end(Outcome::Failed, Some(self.error_code)).output(output)
    }

    fn panicked(&mut self) -> AuditEvent {
        // The panic's message is left out: it may quote anything the host had in hand.
        self.end(Outcome::Panicked, Some(ErrorCode::Panicked))
    }

    fn end(&mut self, outcome: Outcome, error_code: Option<ErrorCode>) -> AuditEvent {
        self.has_ended = true;
        let mut event = self.event.clone();
        event.duration = Some(self.auditor.shared.clock.monotonic().saturating_sub(self.started));
        event.outcome = outcome;
        event.error_code = error_code;
        if let (Outcome::Failed, Some(event_type)) = (outcome, &self.failed_as) {
            event.event_type = event_type.clone();
        }
        event
    }

    async fn write(&self, event: &AuditEvent) -> Result<Recorded, RecordError> {
        let written = self.auditor.record(event.clone()).await;
        // An output that cannot be recorded must not lose the outcome: why it cannot stands in its place.
        let instead = match &written {
            Err(RecordError::Event(EventError::TooLarge { len, .. })) => too_large(*len),
            Err(RecordError::Event(EventError::TooDeep { .. })) => {
                json!({ "omitted": "nested too deeply" })
            }
            Err(RecordError::Event(EventError::TooIntricate { .. })) => {
                json!({ "omitted": "too intricate" })
            }
            _ => return written,
        };
        self.auditor.record(event.clone().output(instead)).await
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        let event = self.end(Outcome::Cancelled, Some(ErrorCode::Cancelled));
        let auditor = self.auditor.clone();
        // Drop cannot wait. Where the runtime is stopping too, the task never runs.
        self.runtime.spawn(async move {
            if let Err(error) = auditor.record(event).await {
                tracing::error!(%error, "a cancelled effect could not be recorded");
            }
        });
    }
}

/// What stands in the place of an output over the size limit.
fn too_large(length_bytes: usize) -> Value {
    json!({ "omitted": "too large", "length_bytes": length_bytes })
}
