//! The path of one request to the auditor. Every event and effect carries the request's ids.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};

use moltbot_audit::auditor::PendingEffect;
use moltbot_audit::record::Recorded;
use moltbot_audit::{
    Actor, AuditEvent, Auditor, ConversationId, Effect, EventError, EventId, Payload, RecordError,
    RequestId,
};

const KEY_CHARS_MAX: usize = 100;

#[derive(Clone, Debug)]
pub(crate) struct Trail {
    auditor: Auditor,
    request: RequestId,
    conversation: ConversationId,
    /// What the host acts on: what came in last, or what Moltbot decided about it.
    cause: Arc<Mutex<Option<EventId>>>,
}

impl Trail {
    pub(crate) fn new(auditor: Auditor, request: RequestId, conversation: ConversationId) -> Self {
        Self { auditor, request, conversation, cause: Arc::default() }
    }

    /// What happens from here on follows from this event; or from none, if only time has passed.
    pub(crate) fn act_on(&self, cause: Option<EventId>) {
        *self.cause.lock().unwrap_or_else(PoisonError::into_inner) = cause;
    }

    fn cause(&self) -> Option<EventId> {
        *self.cause.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn request(&self) -> &RequestId {
        &self.request
    }

    /// The id of an event about to be recorded, so that others can point at it.
    pub(crate) fn event_id(&self) -> Result<EventId, RecordError> {
        self.auditor.event_id()
    }

    pub(crate) async fn record(&self, event: AuditEvent) -> Result<Recorded, RecordError> {
        let mut event = event.request(&self.request).conversation(&self.conversation);
        // What a person does follows from nothing here, and the host acts on it.
        let is_persons = matches!(event.actor, Actor::Client | Actor::Vendor);
        if !is_persons {
            event.caused_by = self.cause();
        }
        let recorded = self.auditor.record(event).await?;
        if is_persons {
            self.act_on(EventId::from_uuid(recorded.event_id()).ok());
        }
        Ok(recorded)
    }

    pub(crate) async fn record_typed<P: Payload>(
        &self,
        actor: Actor,
        input: &P::Input,
        output: &P::Output,
    ) -> Result<Recorded, RecordError> {
        let event: Result<_, EventError> = AuditEvent::typed::<P>(actor, input, output);
        self.record(event?).await
    }

    /// Keys are unique to the request: `request:<id>:<what>`. Keys have a maximum length, but names in a script do
    /// not: of a long name, the key holds the beginning and a hash.
    pub(crate) fn key(&self, what: &str) -> String {
        let begin: String = what.chars().take(KEY_CHARS_MAX).collect();
        if begin.len() == what.len() {
            return format!("request:{}:{what}", self.request);
        }
        let mut hasher = DefaultHasher::new();
        what.hash(&mut hasher);
        format!("request:{}:{begin}:{:016x}", self.request, hasher.finish())
    }

    pub(super) fn effect(&self, effect: Effect) -> PendingEffect {
        let effect = effect.request(&self.request).conversation(&self.conversation);
        self.auditor.effect(match self.cause() {
            Some(cause) => effect.caused_by(cause),
            None => effect,
        })
    }
}
