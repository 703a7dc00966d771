//! One request's way to the auditor: every event and effect carries its ids.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

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
}

impl Trail {
    pub(crate) fn new(auditor: Auditor, request: RequestId, conversation: ConversationId) -> Self {
        Self { auditor, request, conversation }
    }

    pub(crate) fn request(&self) -> &RequestId {
        &self.request
    }

    /// The id of an event about to be recorded, so that others can point at it.
    pub(crate) fn event_id(&self) -> Result<EventId, RecordError> {
        self.auditor.event_id()
    }

    pub(crate) async fn record(&self, event: AuditEvent) -> Result<Recorded, RecordError> {
        let event = event.request(&self.request).conversation(&self.conversation);
        self.auditor.record(event).await
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

    /// Keys are unique to the request: `request:<id>:<what>`. A key has a longest length, and a script's names have
    /// none: of a long one the key holds the beginning and a hash.
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
        self.auditor.effect(effect.request(&self.request).conversation(&self.conversation))
    }
}
