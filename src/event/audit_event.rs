//! An event as the host reports it.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use super::{
    Actor, ConversationId, ErrorCode, EventError, EventId, EventType, Outcome, Payload, RequestId,
    TraceContext,
};

/// One thing that happened, as the host reports it.
///
/// Only the type and the actor are required. The auditor fills in `id` and `created_at` if the host
/// leaves them out. A setter replaces the earlier value.
///
/// ```
/// # fn main() -> Result<(), moltbot_audit::EventError> {
/// use moltbot_audit::redact::RedactionKey;
/// use moltbot_audit::{Actor, AuditEvent, EventType};
/// use serde_json::json;
///
/// let key = RedactionKey::from_bytes([7; 32]); // 32 secret random bytes of the deployment
/// let event = AuditEvent::new(EventType::WHATSAPP_INBOUND_RECEIVED, Actor::Client)
///     .request(&key.request_id("7f0c9f6e-3a5c-4b2e-8f60-0f4a1f0f2b11")?)
///     .input(json!({ "message_type": "text", "text": "Muraho" }))
///     .idempotency_key("wamid.1");
/// # assert_eq!(event.actor, Actor::Client);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct AuditEvent {
    /// Identifies the event; the same id again is a no-op. Default: made from `created_at`.
    pub id: Option<EventId>,
    /// What happened.
    pub event_type: EventType,
    /// Who acted.
    pub actor: Actor,
    /// The request it belongs to.
    pub request_id: Option<RequestId>,
    /// The conversation it belongs to.
    pub conversation_id: Option<ConversationId>,
    /// What went in.
    pub input: Option<Value>,
    /// What came out.
    pub output: Option<Value>,
    /// The host's idempotency key for the effect. On an event that is not an effect it is only
    /// recorded; there the [id](Self::id) deduplicates.
    pub idempotency_key: Option<String>,
    /// How it ended. Default: [`Outcome::Succeeded`].
    pub outcome: Outcome,
    /// Why it did not succeed.
    pub error_code: Option<ErrorCode>,
    /// How long it took; recorded in whole milliseconds.
    pub duration: Option<Duration>,
    /// The host's time. Default: when the auditor received it.
    pub created_at: Option<DateTime<Utc>>,
    /// Where in a distributed trace it happened.
    pub trace: Option<TraceContext>,
    /// The event that led to this one. Default: inside an effect, its `effect.admitted`.
    pub caused_by: Option<EventId>,
    /// The `audit.writer_started` of the process that records it, which the auditor fills in.
    pub(crate) writer_id: Option<EventId>,
    /// True if it is the outcome of an effect, and so settles it.
    #[cfg(feature = "recorder")]
    pub(crate) is_outcome: bool,
}

impl AuditEvent {
    /// Starts an event that succeeded.
    #[must_use]
    pub fn new(event_type: EventType, actor: Actor) -> Self {
        Self {
            id: None,
            event_type,
            actor,
            request_id: None,
            conversation_id: None,
            input: None,
            output: None,
            idempotency_key: None,
            outcome: Outcome::Succeeded,
            error_code: None,
            duration: None,
            created_at: None,
            trace: None,
            caused_by: None,
            writer_id: None,
            #[cfg(feature = "recorder")]
            is_outcome: false,
        }
    }

    /// Starts an event with a typed payload, which packs and explanations can compute from.
    ///
    /// # Errors
    /// [`EventError::NotJson`] if a map has a key that is not a string.
    pub fn typed<P: Payload>(
        actor: Actor,
        input: &P::Input,
        output: &P::Output,
    ) -> Result<Self, EventError> {
        Ok(Self::new(P::EVENT_TYPE, actor)
            .input(json("input", input)?)
            .output(json("output", output)?))
    }

    /// Sets the event's id, so that recording it again is a no-op.
    #[must_use]
    pub fn id(mut self, id: EventId) -> Self {
        self.id = Some(id);
        self
    }

    /// Sets the request it belongs to.
    #[must_use]
    pub fn request(mut self, request: &RequestId) -> Self {
        self.request_id = Some(request.clone());
        self
    }

    /// Sets the conversation it belongs to.
    #[must_use]
    pub fn conversation(mut self, conversation: &ConversationId) -> Self {
        self.conversation_id = Some(conversation.clone());
        self
    }

    /// Sets what went in.
    #[must_use]
    pub fn input(mut self, input: Value) -> Self {
        self.input = Some(input);
        self
    }

    /// Sets what came out.
    #[must_use]
    pub fn output(mut self, output: Value) -> Self {
        self.output = Some(output);
        self
    }

    /// Sets the idempotency key under which the host did it, of at most 512 bytes. It does not
    /// prevent an event from being recorded twice: give the event an [id](Self::id) for that.
    #[must_use]
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }

    /// Sets an outcome other than success, and why.
    #[must_use]
    pub fn ended(mut self, outcome: Outcome, error_code: ErrorCode) -> Self {
        self.outcome = outcome;
        self.error_code = Some(error_code);
        self
    }

    /// Sets how long it took.
    #[must_use]
    pub fn duration(mut self, duration: Duration) -> Self {
        self.duration = Some(duration);
        self
    }

    /// Sets when it happened, by the host's clock, truncated to microseconds.
    #[must_use]
    pub fn at(mut self, created_at: DateTime<Utc>) -> Self {
        self.created_at = Some(created_at);
        self
    }

    /// Sets its place in a distributed trace.
    #[must_use]
    pub fn trace(mut self, trace: TraceContext) -> Self {
        self.trace = Some(trace);
        self
    }

    /// Sets the event that led to this one: the message that a model answered, the decision that a message
    /// carries out.
    #[must_use]
    pub fn caused_by(mut self, cause: EventId) -> Self {
        self.caused_by = Some(cause);
        self
    }
}

impl AuditEvent {
    /// Refuses an event of a type that only the library writes.
    #[cfg(feature = "recorder")]
    pub(crate) fn of_host(self) -> Result<Self, EventError> {
        if self.event_type.is_reserved() {
            let event_type = self.event_type.to_string();
            return Err(EventError::ReservedEventType { event_type });
        }
        Ok(self)
    }
}

// Payload and key may hold personal data: Debug says only that they are there.
impl fmt::Debug for AuditEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditEvent")
            .field("id", &self.id)
            .field("event_type", &self.event_type.as_str())
            .field("actor", &self.actor)
            .field("request_id", &self.request_id)
            .field("conversation_id", &self.conversation_id)
            .field("outcome", &self.outcome)
            .field("error_code", &self.error_code)
            .field("has_input", &self.input.is_some())
            .field("has_output", &self.output.is_some())
            .finish_non_exhaustive()
    }
}

fn json<T: Serialize>(part: &'static str, value: &T) -> Result<Value, EventError> {
    crate::json::of(value).ok_or(EventError::NotJson { part })
}
