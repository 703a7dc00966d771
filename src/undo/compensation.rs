//! What the host does to compensate a step.

use std::fmt;
use std::future::Future;

use serde_json::{Value, json};

use crate::auditor::Effect;
use crate::event::payload::{OutboundInput, StateChange, WithdrawalInput, WithdrawnInput};
use crate::event::{Actor, ConversationId, EventId, EventType, RequestId};
use crate::pack::sections::UndoStep;
use crate::record::StoredRecord;

/// Performs compensations: the host's side of an undo.
///
/// ```
/// use moltbot_audit::event::payload::WithdrawalInput;
/// use moltbot_audit::undo::{Compensation, UndoHandler};
/// use moltbot_audit::{Effect, EventType};
/// use serde_json::{Value, json};
///
/// struct Concierge;
///
/// impl UndoHandler for Concierge {
///     type Error = std::io::Error;
///
///     fn declare(&self, compensation: &Compensation<'_>) -> Effect {
///         if !compensation.is(&EventType::VENDOR_OUTREACH_WITHDRAWN) {
///             return compensation.effect();
///         }
///         let text = Some("Murakoze, ntibikiri ngombwa.".to_owned());
///         Effect::vendor_withdrawal(&WithdrawalInput { text, ..compensation.withdrawal() })
///     }
///
///     async fn perform(&self, compensation: &Compensation<'_>) -> Result<Value, std::io::Error> {
///         // … sends the message, or changes the row …
///         Ok(json!({ "provider_message_id": "wamid.1" }))
///     }
/// }
/// ```
pub trait UndoHandler: Sync {
    /// Why a compensation failed.
    type Error: fmt::Display + Send;

    /// Declares the effect that compensates a step: what will be written, to whom. It should be the same each time,
    /// because an effect with one key and another input is a conflict. Request, conversation, idempotency key, cause
    /// and what it reverses are set afterwards. Default: [`Compensation::effect`].
    fn declare(&self, compensation: &Compensation<'_>) -> Effect {
        compensation.effect()
    }

    /// Performs what was declared, and returns its output. It is called once the effect is admitted.
    fn perform(
        &self,
        compensation: &Compensation<'_>,
    ) -> impl Future<Output = Result<Value, Self::Error>> + Send;
}

/// A step that is to be compensated, and what the record has of it.
#[derive(Clone, Copy)]
pub struct Compensation<'a> {
    step: &'a UndoStep,
    act: &'a StoredRecord,
}

impl<'a> Compensation<'a> {
    pub(super) fn new(step: &'a UndoStep, act: &'a StoredRecord) -> Self {
        Self { step, act }
    }

    /// The step of the plan.
    #[must_use]
    pub fn step(&self) -> &'a UndoStep {
        self.step
    }

    /// The event that records what is undone, with its input and output as they were recorded. Of an effect without
    /// an outcome, its admission.
    #[must_use]
    pub fn act(&self) -> &'a StoredRecord {
        self.act
    }

    /// True if the plan compensates the step by an effect of this type.
    #[must_use]
    pub fn is(&self, event_type: &EventType) -> bool {
        self.step.compensation.as_deref() == Some(event_type.as_str())
    }

    /// A message to the person whom the act reached, without a text.
    #[must_use]
    pub fn correction(&self) -> OutboundInput {
        OutboundInput {
            to_phone: self.text("to_phone").or_else(|| self.text("client_phone")),
            message_type: Some("text".to_owned()),
            language: self.text("language"),
            ..Default::default()
        }
    }

    /// A message to the vendor whom the act reached, without a text.
    #[must_use]
    pub fn withdrawal(&self) -> WithdrawalInput {
        WithdrawalInput {
            outreach_id: self.text("outreach_id"),
            vendor_id: self.text("vendor_id").unwrap_or_default(),
            vendor_phone: self.text("vendor_phone"),
            ..Default::default()
        }
    }

    /// The next change of the state on the way to the end of the request, without a reason.
    #[must_use]
    pub fn state_change(&self) -> StateChange {
        StateChange {
            from_state: self.text("to_state"),
            to_state: self.step.way.first().cloned().unwrap_or_default(),
            ..Default::default()
        }
    }

    /// A member of the act's input. An admission has an input of its own.
    fn text(&self, name: &str) -> Option<String> {
        let input = self.act.input.as_ref().filter(|_| self.act.header.id == self.step.act_id);
        input?.get(name)?.as_str().map(str::to_owned)
    }

    /// The effect that the plan names, without a text.
    #[must_use]
    pub fn effect(&self) -> Effect {
        if self.is(&EventType::WHATSAPP_OUTBOUND_SENT) {
            Effect::message(&self.correction())
        } else if self.is(&EventType::VENDOR_OUTREACH_WITHDRAWN) {
            Effect::vendor_withdrawal(&self.withdrawal())
        } else if self.is(&EventType::SHORTLIST_WITHDRAWN) {
            Effect::shortlist_withdrawal(&WithdrawnInput::default())
        } else if self.is(&EventType::REQUEST_STATE_CHANGED) {
            Effect::state_change(&self.state_change())
        } else {
            let event_type = EventType::new(self.step.compensation.clone().unwrap_or_default());
            event_type
                .map_or_else(Effect::invalid, |of| Effect::custom(of, Actor::Admin, json!({})))
        }
    }

    /// Sets what ties the effect to the step. The key is the same in every process and every try.
    pub(super) fn complete(&self, effect: Effect, request: &RequestId, started: EventId) -> Effect {
        let header = &self.act.header;
        let conversation = header.conversation_id.map(ConversationId::from_uuid);
        let effect = match conversation {
            Some(Ok(conversation)) => effect.conversation(&conversation),
            _ => effect,
        };
        let effect = match EventId::from_uuid(self.step.act_id) {
            Ok(act) => effect.reverses(act),
            Err(error) => Effect::invalid(error),
        };
        let key = format!("undo:{}", self.step.act_id);
        let effect = effect.actor(Actor::Admin).request(request).idempotency_key(key);
        effect.caused_by(started).decided_by_store()
    }
}

// The record holds what people wrote.
impl fmt::Debug for Compensation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compensation").field("act_id", &self.step.act_id).finish_non_exhaustive()
    }
}
