//! Runs an effect, if it may run, and records the outcome, however it ends.

use std::fmt;
use std::panic::resume_unwind;
use std::pin::pin;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tracing::Instrument;

use super::admission_request::AdmissionRequest;
use super::permit::{STOPPED_BY, is_omitted};
use super::{AdmitError, Auditor, Effect, EffectError, Permit, Replay};
use crate::delivery::WriteError;
use crate::json;
use crate::proof::sanitise;
use crate::store::catch_unwind::CatchUnwind;
use crate::store::log_line::log_line;

/// An effect that is declared and has not run yet.
#[must_use = "an effect does nothing until it is run"]
pub struct PendingEffect {
    pub(super) auditor: Auditor,
    pub(super) effect: Effect,
}

impl Auditor {
    /// Prepares an effect, which [`run`](PendingEffect::run) then performs and records.
    pub fn effect(&self, effect: Effect) -> PendingEffect {
        PendingEffect { auditor: self.clone(), effect }
    }
}

impl PendingEffect {
    /// Asks whether the effect may run, makes the host's call, and records its input, output,
    /// duration and outcome. Returns what the call returned, once the outcome is durable.
    ///
    /// The call runs inside the effect's span: [`current_trace`](crate::observe::current_trace)
    /// returns it there, for the `traceparent` of outgoing requests.
    ///
    /// Effects that run inside the call are governed by this effect's kill switches too.
    /// [`in_current_effect`](crate::auditor::in_current_effect) carries that to other tasks.
    ///
    /// A call that returns an error, panics or is cancelled is recorded as such; a panic then goes
    /// on to the caller. If an effect with this idempotency key and input has succeeded before, its
    /// recorded output is returned, and the call is not made.
    ///
    /// # Errors
    /// [`EffectError`]: [`Failed`](EffectError::Failed) with the call's own error, or
    /// [`Unrecorded`](EffectError::Unrecorded) with the call's result if it ran and the store then
    /// failed. With all others, the call was not made.
    ///
    /// # Panics
    /// If the call panics.
    ///
    /// # Cancel safety
    /// Dropping the future drops the call and records that it was cancelled: the effect is in
    /// doubt. If the future is dropped before the call, the effect is taken back.
    ///
    /// ```
    /// # async fn host(auditor: moltbot_audit::Auditor) -> Result<(), moltbot_audit::EventError> {
    /// use moltbot_audit::policy::Language;
    /// use moltbot_audit::event::payload::{MoltbotInput, MoltbotOutput};
    /// use moltbot_audit::{Effect, EffectError};
    ///
    /// let effect = Effect::moltbot_call(&MoltbotInput::default())
    ///     .request(&auditor.request_id("req-7")?)
    ///     .idempotency_key("req-7:moltbot:1");
    /// let call = async || Ok::<_, std::io::Error>(MoltbotOutput::default());
    /// match auditor.effect(effect).run(call).await {
    ///     Ok(output) => assert_eq!(output.action, None),
    ///     Err(EffectError::Refused(refusal)) => {
    ///         println!("instead: {}", refusal.fallback.message(Language::Rw));
    ///     }
    ///     Err(EffectError::Failed(error)) => eprintln!("no answer: {error}"),
    ///     Err(error) => eprintln!("audit: {error}"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn run<T, E, F>(self, call: F) -> Result<T, EffectError<T, E>>
    where
        T: Serialize + DeserializeOwned,
        E: fmt::Display,
        F: AsyncFnOnce() -> Result<T, E>,
    {
        let permit = match self.admit().await {
            Ok(permit) => permit,
            Err(AdmitError::Replayed(replay)) => return read_back(replay),
            Err(AdmitError::Refused(refusal)) => return Err(EffectError::Refused(refusal)),
            Err(error) => return Err(EffectError::NotAdmitted(error)),
        };
        permit.perform(call).await
    }

    /// Asks whether the effect may run, and gives leave to perform it: for a host that performs it
    /// elsewhere than in a closure given to [`run`](Self::run).
    ///
    /// The store decides, in the transaction in which it records that the effect is about to run. If
    /// the store is away, what has a switch, a budget or a consent is refused; anything else may run, once
    /// its intent is in the spool. If the database answers but does not decide, an effect with a key does
    /// not run.
    ///
    /// # Errors
    /// [`AdmitError`]. What was done about an effect of the same key, or stands in the way of this one,
    /// is recorded.
    ///
    /// # Cancel safety
    /// Dropping the future takes back what was admitted: charges are returned, and the key is free.
    pub async fn admit(self) -> Result<Permit, AdmitError> {
        let not_run = |error: WriteError| AdmitError::NotRun(error.into());
        let runtime = Handle::try_current().map_err(|_| not_run(WriteError::NoRuntime))?;
        let request = AdmissionRequest::of(self.auditor, self.effect)?;
        let span = request.context.span.span().clone();
        let (reply, answer) = oneshot::channel();
        // In a task of its own: a caller that gives up must not leave charges behind. A permit that no
        // caller takes records that nothing was performed.
        let admission = async move { reply.send(request.admit().await).ok() };
        runtime.spawn(admission.instrument(span));
        let answer = answer.await.map_err(|_| not_run(WriteError::Interrupted))?;
        answer.map(Permit::claimed)
    }
}

impl Permit {
    /// Makes the host's call, and records its output, duration and outcome, as [`run`](PendingEffect::run) does.
    ///
    /// # Errors
    /// [`EffectError::Failed`] with the call's own error, or [`EffectError::Unrecorded`].
    ///
    /// # Panics
    /// If the call panics.
    ///
    /// # Cancel safety
    /// Dropping the future drops the call and leaves the effect in doubt.
    pub async fn perform<T, E, F>(mut self, call: F) -> Result<T, EffectError<T, E>>
    where
        T: Serialize,
        E: fmt::Display,
        F: AsyncFnOnce() -> Result<T, E>,
    {
        let inside = self.inside(async move { call().await });
        let ended = {
            let mut call = pin!(CatchUnwind::new(inside));
            tokio::select! {
                biased;
                ended = &mut call => ended,
                // Only the host can stop its call. The outcome records that a switch was engaged.
                () = stopped(&self) => call.await,
            }
        };
        let event = match &ended {
            Ok(Ok(value)) => self.success(value),
            Ok(Err(error)) => self.failure(error),
            Err(_) => self.panicked(),
        };
        let written = self.write(&event).await;
        match (ended, written) {
            (Err(panic), written) => {
                if let Err(error) = written {
                    log_line!(error, %error, "a panicked effect could not be recorded");
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

/// How long an effect runs before its switches are watched. Most effects have ended by then.
const WATCH_AFTER: Duration = Duration::from_secs(1);

async fn stopped(permit: &Permit) {
    tokio::time::sleep(WATCH_AFTER).await;
    permit.stopped().await;
}

fn read_back<T, E>(replay: Replay) -> Result<T, EffectError<T, E>>
where
    T: Serialize + DeserializeOwned,
{
    // A placeholder must not be taken for an output.
    let output = replay.output.as_ref().filter(|output| !is_omitted(output));
    let value = output.and_then(|output| {
        // If a switch was engaged meanwhile, the library added a member to the output.
        unstopped(output).and_then(|output| exact(&output)).or_else(|| exact(output))
    });
    // JSON null is recorded as no output.
    let value = value.or_else(|| match replay.output {
        None => serde_json::from_value(serde_json::Value::Null).ok(),
        Some(_) => None,
    });
    value.ok_or(EffectError::ReplayUnreadable(replay))
}

fn exact<T: Serialize + DeserializeOwned>(output: &Value) -> Option<T> {
    let value = T::deserialize(output).ok()?;
    // With a reserved name in it, the host's `serde_json::Value` may be read as another value.
    let is_exact = || json::of(&value).map(sanitise).as_ref() == Some(output);
    (!json::has_reserved_name(output) || is_exact()).then_some(value)
}

/// An output without the member that the library added.
fn unstopped(output: &Value) -> Option<Value> {
    let mut members = output.as_object()?.clone();
    members.remove(STOPPED_BY)?;
    Some(Value::Object(members))
}

impl fmt::Debug for PendingEffect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingEffect").field("effect", &self.effect).finish_non_exhaustive()
    }
}
