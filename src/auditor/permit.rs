//! Permission to run an effect, and its outcome.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tracing::{Instrument, Span};

use super::current_effect::inside;
use super::effect_context::EffectContext;
use super::{RecordError, Unrecorded};
use crate::event::{AuditEvent, ErrorCode, EventError, EventId, Outcome, TraceContext};
use crate::observe::{self, Label, table, within};
use crate::record::{Recorded, Role};
use crate::store::admission::Lease;
use crate::store::log_line::log_line;

/// Permission to perform one effect, once. Its charges are held, and its intent is recorded.
///
/// Afterwards, tell the permit how the effect ended. If you drop it instead, it records that the
/// effect was cancelled: no one knows what it did, so it is in doubt, and its charges stay held.
#[must_use = "dropped, it leaves the effect in doubt"]
pub struct Permit {
    context: EffectContext,
    intent: Recorded,
    runtime: Handle,
    started: Duration,
    /// The caller has it, and may have begun.
    is_claimed: bool,
    /// The outcome is recorded: a drop must not record another.
    has_ended: bool,
}

impl Permit {
    /// Inside a runtime.
    pub(super) fn new(mut context: EffectContext, lease: Lease, intent: Recorded) -> Self {
        let shared = &context.auditor.shared;
        context.pending =
            context.pending.map(|pending| pending.with_lease(shared.leases.hold(lease)));
        shared.running.add(context.effect_id.uuid(), &context.inside);
        let (runtime, started) = (Handle::current(), shared.clock.monotonic());
        Self { context, intent, runtime, started, is_claimed: false, has_ended: false }
    }

    /// Notes that the caller has the permit: the effect may begin now.
    pub(super) fn claimed(mut self) -> Self {
        self.is_claimed = true;
        self.started = self.context.auditor.shared.clock.monotonic();
        self
    }

    /// The effect's id, which is that of its outcome's event.
    #[must_use]
    pub fn effect_id(&self) -> EventId {
        self.context.effect_id
    }

    /// Where its `effect.admitted` event was recorded.
    #[must_use]
    pub fn intent(&self) -> &Recorded {
        &self.intent
    }

    /// The effect's span, open until the permit ends. Enter it, or instrument a future with it,
    /// when you perform the effect. [`run`](crate::PendingEffect::run) does this by itself.
    #[must_use]
    pub fn span(&self) -> &Span {
        self.context.span.span()
    }

    /// The effect's place in its trace, as recorded in its events.
    #[must_use]
    pub fn trace(&self) -> TraceContext {
        self.context.span.trace()
    }

    /// The `traceparent` header for requests that perform the effect.
    #[must_use]
    pub fn traceparent(&self) -> String {
        self.trace().traceparent()
    }

    /// Runs a future inside the effect, as [`run`](crate::PendingEffect::run) does with its call:
    /// effects that run there are governed by this effect's kill switches too, and what is
    /// recorded there is caused by it.
    pub fn inside<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        let (effect, trace) = (Arc::clone(&self.context.inside), self.trace());
        within(trace, inside(effect, future)).instrument(self.span().clone())
    }

    /// Returns when a kill switch that governs the effect is engaged, at most some seconds later,
    /// so that work in flight can stop. Never returns if no switch governs it.
    ///
    /// The outcome then names the switch in the member `stopped_by` of its output, and a failure
    /// has the error code [`SwitchedOff`](ErrorCode::SwitchedOff).
    ///
    /// A database that does not answer stops no effect that has begun.
    pub async fn stopped(&self) {
        let switches = self.context.inside.switches();
        if switches.is_empty() {
            return std::future::pending().await;
        }
        let scopes = self.context.inside.scopes();
        let (switch, scope) = self.context.auditor.kill_switch().engaged_of(switches, scopes).await;
        self.context.inside.found_engaged(&switch, scope);
    }

    /// Records that the effect succeeded, with its output.
    ///
    /// # Errors
    /// [`Unrecorded`].
    pub async fn succeeded<T: Serialize>(mut self, value: &T) -> Result<Recorded, Unrecorded> {
        let event = self.success(value);
        self.record(event).await
    }

    /// Records that the effect was tried and failed. Its charges are settled, not given back.
    ///
    /// # Errors
    /// [`Unrecorded`].
    pub async fn failed(mut self, error: &impl fmt::Display) -> Result<Recorded, Unrecorded> {
        let event = self.failure(error);
        self.record(event).await
    }

    /// Records that the effect certainly did not happen. Its charges are given back, and its key is
    /// free.
    ///
    /// # Errors
    /// [`Unrecorded`].
    pub async fn not_performed(mut self, reason: &str) -> Result<Recorded, Unrecorded> {
        let event = self.nothing(reason);
        self.record(event).await
    }

    pub(super) fn success<T: Serialize>(&mut self, value: &T) -> AuditEvent {
        let output = crate::json::of(value)
            .unwrap_or_else(|| json!({ "omitted": "the result is not representable as JSON" }));
        self.context.span.answer(&self.context.event.event_type, &output);
        self.end(Outcome::Succeeded, None, Some(output))
    }

    pub(super) fn failure(&mut self, error: &impl fmt::Display) -> AuditEvent {
        let output = json!({ "error_message": error.to_string() });
        let is_stopped = self.context.inside.engaged().is_some();
        let error_code = if is_stopped { ErrorCode::SwitchedOff } else { self.context.error_code };
        self.end(Outcome::Failed, Some(error_code), Some(output))
    }

    pub(super) fn panicked(&mut self) -> AuditEvent {
        // Without the panic's message, which may quote any of the host's data.
        self.end(Outcome::Panicked, Some(ErrorCode::Panicked), None)
    }

    fn nothing(&mut self, reason: &str) -> AuditEvent {
        let output = json!({ "error_message": reason });
        self.end(Outcome::Failed, Some(ErrorCode::NotPerformed), Some(output))
    }

    fn end(
        &mut self,
        outcome: Outcome,
        error_code: Option<ErrorCode>,
        output: Option<Value>,
    ) -> AuditEvent {
        self.has_ended = true;
        let EffectContext { auditor, effect_id, inside, span, .. } = &self.context;
        auditor.shared.running.remove(effect_id.uuid(), inside);
        // Before it is recorded: a caller that gives up must not leave a span without an end.
        span.ended(outcome, error_code);
        let mut event = self.context.event.clone();
        let took = auditor.shared.clock.monotonic().saturating_sub(self.started);
        let effect = Label::Effect.value(event.event_type.as_str());
        observe::measure(&table::EFFECT_SECONDS, &[effect], took.as_secs_f64());
        event.duration = Some(took);
        event.outcome = outcome;
        event.error_code = error_code;
        if let (Outcome::Failed, Some(event_type)) = (outcome, &self.context.failed_as) {
            event.event_type = event_type.clone();
        }
        match self.and_stopped_by(outcome, output) {
            Some(output) => event.output(output),
            None => event,
        }
    }

    /// The output, and which switch was engaged while the effect ran.
    fn and_stopped_by(&self, outcome: Outcome, output: Option<Value>) -> Option<Value> {
        let Some(switch) = self.context.inside.engaged() else { return output };
        match output {
            Some(Value::Object(mut members)) => {
                members.insert(STOPPED_BY.to_owned(), json!(switch));
                Some(Value::Object(members))
            }
            // A replay returns the host's own value, and only an object can take another member.
            output if outcome == Outcome::Succeeded => output,
            _ => Some(json!({ STOPPED_BY: switch })),
        }
    }

    async fn record(&self, event: AuditEvent) -> Result<Recorded, Unrecorded> {
        let written = self.write(&event).await;
        written.map_err(|source| Unrecorded { event: Box::new(event), source })
    }

    pub(super) async fn write(&self, event: &AuditEvent) -> Result<Recorded, RecordError> {
        let written = self.write_whole_or_less(event).instrument(self.span().clone()).await;
        written.inspect_err(|_| self.context.span.unrecorded())
    }

    async fn write_whole_or_less(&self, event: &AuditEvent) -> Result<Recorded, RecordError> {
        let written = self.context.auditor.record_as(Role::Outcome, event.clone()).await;
        // If the output cannot be recorded, the outcome still is, with the reason in place of the output.
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
        self.context.auditor.record_as(Role::Outcome, event.clone().output(instead)).await
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        let event = if self.is_claimed {
            self.end(Outcome::Cancelled, Some(ErrorCode::Cancelled), None)
        } else {
            self.nothing("whoever asked for it had gone before it began")
        };
        let EffectContext { auditor, span, pending, .. } = &mut self.context;
        let (auditor, span, pending) = (auditor.clone(), span.clone(), pending.take());
        let entered = span.span().clone();
        // Drop cannot wait. If the runtime is stopping too, the task never runs, and the effect is in
        // doubt once its lease is over.
        let recording = async move {
            if let Err(error) = auditor.record_as(Role::Outcome, event).await {
                span.unrecorded();
                log_line!(error, %error, "a cancelled effect could not be recorded");
            }
            drop(pending);
        };
        self.runtime.spawn(recording.instrument(entered));
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("effect_id", &self.context.effect_id).finish_non_exhaustive()
    }
}

/// The member of an outcome's output that names the kill switch that was engaged while the effect ran.
pub(super) const STOPPED_BY: &str = "stopped_by";

/// The placeholder for an output over the size limit.
pub(super) fn too_large(length_bytes: usize) -> Value {
    json!({ "omitted": "too large", "length_bytes": length_bytes })
}

/// True if the output is a placeholder that explains why there is no value.
pub(super) fn is_omitted(output: &Value) -> bool {
    let is_said = output.get("omitted").is_some_and(Value::is_string);
    let is_all = |members: &serde_json::Map<_, _>| {
        members.keys().all(|name: &String| ["omitted", "length_bytes"].contains(&name.as_str()))
    };
    is_said && output.as_object().is_some_and(is_all)
}
