//! How the concierge undoes a request: what it writes to whom.

use std::sync::Arc;

use moltbot_audit::event::payload::{
    OutboundInput, OutboundOutput, StateChange, WithdrawalInput, WithdrawnInput,
};
use moltbot_audit::undo::{Compensation, UndoHandler};
use moltbot_audit::{Effect, EventType};
use serde_json::{Value, json};

use super::scenario::InitialState;
use super::texts::Say;
use super::world::{ProviderError, World};

/// The host's side of an undo.
pub(crate) struct Desk {
    pub(crate) world: Arc<World>,
    pub(crate) scene: Arc<InitialState>,
}

impl Desk {
    /// A shortlist or a handoff names no number, and the host knows its client.
    fn correction(&self) -> OutboundInput {
        let language = self.scene.conversation.language.get();
        OutboundInput {
            to_phone: Some(self.scene.conversation.client_phone.clone()),
            message_type: Some("text".into()),
            text: Some(Say::RequestUndone.text(language).into()),
            template_id: Some(Say::RequestUndone.template_id().into()),
            language: Some(language.as_str().into()),
            ..Default::default()
        }
    }

    fn withdrawal(&self, compensation: &Compensation<'_>) -> WithdrawalInput {
        let language = self.scene.conversation.language.get();
        let text = Some(Say::NoLongerNeeded.text(language).into());
        WithdrawalInput { text, ..compensation.withdrawal() }
    }
}

impl UndoHandler for Desk {
    type Error = ProviderError;

    fn declare(&self, compensation: &Compensation<'_>) -> Effect {
        let reason = || Some("the request is undone".to_owned());
        if compensation.is(&EventType::WHATSAPP_OUTBOUND_SENT) {
            Effect::message(&self.correction())
        } else if compensation.is(&EventType::VENDOR_OUTREACH_WITHDRAWN) {
            Effect::vendor_withdrawal(&self.withdrawal(compensation))
        } else if compensation.is(&EventType::REQUEST_STATE_CHANGED) {
            Effect::state_change(&StateChange { reason: reason(), ..compensation.state_change() })
        } else if compensation.is(&EventType::SHORTLIST_WITHDRAWN) {
            Effect::shortlist_withdrawal(&WithdrawnInput { reason: reason(), ..Default::default() })
        } else {
            compensation.effect()
        }
    }

    async fn perform(&self, compensation: &Compensation<'_>) -> Result<Value, ProviderError> {
        let reference = if compensation.is(&EventType::WHATSAPP_OUTBOUND_SENT) {
            self.world.correct(&self.correction())?
        } else if compensation.is(&EventType::VENDOR_OUTREACH_WITHDRAWN) {
            self.world.withdraw(&self.withdrawal(compensation))?
        } else {
            // A row of the host's own.
            return Ok(json!({}));
        };
        let output = OutboundOutput { provider_message_id: Some(reference), ..Default::default() };
        Ok(serde_json::to_value(output).unwrap_or_default())
    }
}
