//! Runs an effect and records how it ended, whichever way it ends.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::runtime::Handle;

use super::{Auditor, Effect, EffectError, RecordError};
use crate::event::{AuditEvent, ErrorCode, EventError, EventType, Outcome};
use crate::record::Receipt;

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
        let ended = CatchUnwind(Box::pin(async move { call().await })).await;
        let written = match &ended {
            Ok(Ok(value)) => running.succeeded(value).await,
            Ok(Err(error)) => running.failed(error).await,
            Err(_) => running.panicked().await,
        };
        match (ended, written) {
            (Err(panic), written) => {
                if let Err(error) = written {
                    tracing::error!(%error, "a panicked effect could not be recorded");
                }
                resume_unwind(panic)
            }
            (Ok(result), Err(source)) => Err(EffectError::Unrecorded { result, source }),
            (Ok(result), Ok(_)) => result.map_err(EffectError::Failed),
        }
    }
}

impl fmt::Debug for PendingEffect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingEffect").field("effect", &self.effect).finish_non_exhaustive()
    }
}

/// An effect under way. Dropped before its end is written, it records that it was cancelled.
struct Running {
    auditor: Auditor,
    runtime: Handle,
    /// Taken when the end is known.
    event: Option<AuditEvent>,
    failed_as: Option<EventType>,
    error_code: ErrorCode,
    started: Duration,
}

impl Running {
    fn start(PendingEffect { auditor, effect }: PendingEffect) -> Result<Self, RecordError> {
        let Effect { event, failed_as, error_code } = effect;
        let mut event = event?;
        if event.id.is_none() {
            event.id = Some(auditor.event_id()?);
        }
        // What cannot be sealed cannot be recorded, and what cannot be recorded must not run.
        auditor.seal(event.clone())?;
        let started = auditor.shared.clock.monotonic();
        let runtime = Handle::try_current().map_err(|_| RecordError::Interrupted)?;
        Ok(Self { auditor, runtime, event: Some(event), failed_as, error_code, started })
    }

    async fn succeeded<T: Serialize>(&mut self, value: &T) -> Result<Receipt, RecordError> {
        let output = serde_json::to_value(value)
            .unwrap_or_else(|_| json!({ "omitted": "the result is not representable as JSON" }));
        let event = self.end(Outcome::Succeeded, None).map(|event| event.output(output));
        self.write(event).await
    }

    async fn failed(&mut self, error: &impl fmt::Display) -> Result<Receipt, RecordError> {
        let code = self.error_code;
        let output = json!({ "error_message": error.to_string() });
        let event = self.end(Outcome::Failed, Some(code)).map(|event| event.output(output));
        self.write(event).await
    }

    async fn panicked(&mut self) -> Result<Receipt, RecordError> {
        // The panic's message is left out: it may quote anything the host had in hand.
        let event = self.end(Outcome::Panicked, Some(ErrorCode::Panicked));
        self.write(event).await
    }

    /// Takes the event, so that from here on a drop records nothing a second time.
    fn end(&mut self, outcome: Outcome, error_code: Option<ErrorCode>) -> Option<AuditEvent> {
        let mut event = self.event.take()?;
        event.duration = Some(self.auditor.shared.clock.monotonic().saturating_sub(self.started));
        event.outcome = outcome;
        event.error_code = error_code;
        if let (Outcome::Failed, Some(event_type)) = (outcome, self.failed_as.take()) {
            event.event_type = event_type;
        }
        Some(event)
    }

    async fn write(&self, event: Option<AuditEvent>) -> Result<Receipt, RecordError> {
        let event = event.ok_or(RecordError::Interrupted)?;
        match self.auditor.record(event.clone()).await {
            // An output over the limit must not lose the outcome: its size is recorded instead.
            Err(RecordError::Event(EventError::TooLarge { len, .. })) => {
                let output = json!({ "omitted": "too large", "length_bytes": len });
                self.auditor.record(event.output(output)).await
            }
            written => written,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(event) = self.end(Outcome::Cancelled, Some(ErrorCode::Cancelled)) else { return };
        let auditor = self.auditor.clone();
        // Drop cannot wait. Where the runtime is stopping too, the task never runs.
        self.runtime.spawn(async move {
            if let Err(error) = auditor.record(event).await {
                tracing::error!(%error, "a cancelled effect could not be recorded");
            }
        });
    }
}

/// A future whose panic is its result.
struct CatchUnwind<F>(Pin<Box<F>>);

impl<F: Future> Future for CatchUnwind<F> {
    type Output = std::thread::Result<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // After a panic the future is never polled again, so nobody sees what it left half done.
        match catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    }
}
