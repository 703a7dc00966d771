//! A human answers in a conversation instead of the AI, until the conversation is given back.

use chrono::{DateTime, Utc};

use super::{Auditor, ControlError};
use crate::event::{ConversationId, Identity, Switch};
use crate::store::admission::Flip;

impl Auditor {
    /// Takes a conversation over: from now on, a human answers in it, and no effect of the AI runs there. `by` is the
    /// human who answers, and `reason` says why. With `until`, the takeover ends by itself at that time, by the
    /// database's clock.
    ///
    /// It [engages](crate::auditor::KillSwitch::engage) the switch of the AI for this conversation, so once it has returned, no
    /// effect of the AI is admitted there, in any process. An effect is in the conversation that it
    /// [names](crate::Effect::conversation), or else in those that its request's events name. Other conversations go
    /// on. Inbound messages are recorded as ever, and what the human sends
    /// ([`Actor::Admin`](crate::Actor::Admin)) runs, because the AI's switch does not govern it.
    ///
    /// The event, a `switch.engaged`, is in the conversation's stream, and packs of its requests show it. A takeover of
    /// a conversation that is taken over already replaces who, why and until when.
    ///
    /// # Errors
    /// [`ControlError`], also if `until` has passed. If the store failed, it may have been taken over all the same.
    /// Trying again is safe.
    pub async fn takeover(
        &self,
        conversation: &ConversationId,
        by: impl Into<Identity>,
        reason: &str,
        until: Option<DateTime<Utc>>,
    ) -> Result<Flip, ControlError> {
        let kill_switch = self.kill_switch().of_conversation(conversation);
        kill_switch.engage_until(&Switch::AI, by.into(), reason, until).await
    }

    /// Gives a conversation back to the AI, which answers in it again.
    ///
    /// # Errors
    /// [`ControlError`]; also if the conversation was taken over again in the meantime.
    pub async fn release(
        &self,
        conversation: &ConversationId,
        by: impl Into<Identity>,
        reason: &str,
    ) -> Result<Flip, ControlError> {
        self.kill_switch().of_conversation(conversation).reset(&Switch::AI, by, reason).await
    }
}
