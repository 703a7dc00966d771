//! What is known of one effect, from its declaration to its outcome.

use std::sync::Arc;

use super::current_effect::{CurrentEffect, current_cause};
use super::lifecycle::OutcomePending;
use super::{Auditor, RecordError};
use crate::event::payload::AdmissionInput;
use crate::event::{AuditEvent, ErrorCode, EventError, EventId, EventType, Switch};
use crate::observe::EffectSpan;

/// What is known of one effect. Its admission and then its permit carry it.
pub(super) struct EffectContext {
    pub(super) auditor: Auditor,
    /// The outcome's event, as far as it is known before the end. Its id is the effect's.
    pub(super) event: AuditEvent,
    pub(super) effect_id: EventId,
    /// The event type of a failure, if it differs.
    pub(super) failed_as: Option<EventType>,
    /// The error code for the call's own error.
    pub(super) error_code: ErrorCode,
    /// What it passes on to what happens inside it.
    pub(super) inside: Arc<CurrentEffect>,
    pub(super) span: EffectSpan,
    /// Until the outcome is recorded, a shutdown waits for the effect, and its lease is renewed. None if
    /// a shutdown had begun before.
    pub(super) pending: Option<OutcomePending>,
}

impl EffectContext {
    /// Gives the effect an id, unless it has one, and opens its span.
    pub(super) fn open(
        auditor: Auditor,
        mut event: AuditEvent,
        failed_as: Option<EventType>,
        error_code: ErrorCode,
        own_switch: Option<&Switch>,
    ) -> Result<Self, RecordError> {
        let effect_id = event.id.map_or_else(|| auditor.event_id(), Ok)?;
        event.id = Some(effect_id);
        event.caused_by = event.caused_by.or_else(current_cause);
        let inside = CurrentEffect::here(
            auditor.event_id()?,
            own_switch,
            event.request_id.as_ref(),
            event.conversation_id.as_ref(),
        );
        let span = EffectSpan::open(&event, effect_id, inside.switches(), &auditor.shared.key);
        event.trace = Some(span.trace());
        event.is_outcome = true;
        Ok(Self {
            pending: auditor.shared.lifecycle.begin_effect(),
            auditor,
            event,
            effect_id,
            failed_as,
            error_code,
            inside: Arc::new(inside),
            span,
        })
    }

    /// An event about the effect, of the same request, conversation and actor.
    pub(super) fn about(
        &self,
        event_type: EventType,
        input: &AdmissionInput,
    ) -> Result<AuditEvent, EventError> {
        let not_json = |_| EventError::NotJson { part: "input" };
        let input = serde_json::to_value(input).map_err(not_json)?;
        let mut event = AuditEvent::new(event_type, self.event.actor).input(input);
        event.request_id.clone_from(&self.event.request_id);
        event.conversation_id.clone_from(&self.event.conversation_id);
        event.idempotency_key.clone_from(&self.event.idempotency_key);
        event.trace = self.event.trace;
        event.caused_by = self.event.caused_by;
        Ok(event)
    }
}
