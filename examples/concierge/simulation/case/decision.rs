//! Asks Moltbot for the next action, checks the answer against the contract, and acts on it.

use moltbot_audit::event::payload::{
    MoltbotInput, MoltbotOutputRejected, RejectionInput, RejectionOutput,
};
use moltbot_audit::policy::{Refusal, RefusalReason};
use moltbot_audit::{Actor, AuditEvent, ErrorCode, EventId, EventType, Outcome, RecordError};
use serde_json::{Value, json};

use super::super::contract::{Action, AskClient, CONTRACT_VERSION};
use super::super::replies::unsafe_content;
use super::super::state::RequestState;
use super::super::texts::{BILINGUAL_FALLBACK, Say};
use super::super::world::NotReached;
use super::Case;
use super::budget::{MOLTBOT_CALLS_MAX, VENDORS_MAX};

const MESSAGES_IN_CONTEXT: usize = 20;
const REJECTIONS_MAX: u32 = 3;

impl Case {
    /// Moltbot's turn.
    pub(crate) async fn decide(&mut self) -> Result<(), RecordError> {
        if self.state.is_over() {
            return Ok(());
        }
        if !self.ai {
            return self.carry_on_without_ai().await;
        }
        self.counts.moltbot_calls += 1;
        let attempt = self.counts.moltbot_calls;
        let input = MoltbotInput {
            provider: Some("scripted".into()),
            model: Some("moltbot-scripted-1".into()),
            temperature: Some(0.2),
            seed: Some(7),
            prompt_version: Some("concierge.1".into()),
            policy_version: Some(CONTRACT_VERSION.into()),
            attempt: Some(attempt),
            attempts_max: Some(MOLTBOT_CALLS_MAX),
            context: Some(self.context_pack()),
            ..Default::default()
        };
        let id = self.trail.event_id()?;
        let key = self.trail.key(&format!("moltbot:{attempt}"));
        let answer = self.world.ask_moltbot(&self.trail, id, key, &input).await?;
        let output = match answer {
            Ok(answer) => answer.action,
            Err(NotReached::Refused(refusal)) => return self.moltbot_refused(&refusal).await,
            Err(NotReached::Failed) => None,
        };
        let Some(output) = output else { return self.carry_on_without_ai().await };
        match Action::parse(&output) {
            Ok(action) => self.accept(id, action).await,
            Err(errors) => self.reject(id, output, errors).await,
        }
    }

    /// Moltbot may not be asked. If it is switched off, it may be on again next time. A used budget does not come
    /// back.
    async fn moltbot_refused(&mut self, refusal: &Refusal) -> Result<(), RecordError> {
        self.ai = matches!(refusal.reason, RefusalReason::Switch { .. });
        self.heed(refusal).await?;
        if self.state == RequestState::ShortlistReady {
            return self.close_out(None).await;
        }
        Ok(())
    }

    /// The context from which Moltbot decides. It holds no phone numbers, because Moltbot does not need them.
    fn context_pack(&self) -> Value {
        let from = self.messages.len().saturating_sub(MESSAGES_IN_CONTEXT);
        json!({
            "request_id": self.trail.request().uuid(),
            "language": self.language().as_str(),
            "request_state": self.state.as_str(),
            "requirements": {
                "item_description": self.need,
                "budget_max": self.scene.requirements().budget_max(),
            },
            "last_messages": self.messages[from..],
            "ocr": self.photo.as_ref().and_then(|photo| photo.reading.as_ref()),
            "vendor_outreach_summary": {
                "sent": self.outreach.len(),
                "replied": self.replies.len(),
            },
            "policies": {
                "ai_enabled": true,
                "ocr_enabled": true,
                "calling_enabled": true,
                "max_vendors_per_request": VENDORS_MAX,
            },
        })
    }

    async fn reject(
        &mut self,
        moltbot_event: EventId,
        raw: Value,
        errors: Vec<String>,
    ) -> Result<(), RecordError> {
        self.rejected_in_a_row += 1;
        self.ai = self.rejected_in_a_row < REJECTIONS_MAX;
        let fallback =
            if self.ai { "bilingual_message" } else { "bilingual_message_and_ai_stopped" };
        let input = RejectionInput {
            moltbot_event_id: Some(moltbot_event.to_string()),
            raw: Some(raw),
            ..Default::default()
        };
        let output = RejectionOutput {
            errors,
            consecutive_failures: Some(self.rejected_in_a_row),
            fallback: Some(fallback.into()),
            ..Default::default()
        };
        let event = AuditEvent::typed::<MoltbotOutputRejected>(Actor::System, &input, &output)?
            .ended(Outcome::Failed, ErrorCode::InvalidOutput);
        self.trail.record(event).await?;
        self.tell(BILINGUAL_FALLBACK.into(), Some("bilingual_fallback")).await?;
        if self.state == RequestState::ShortlistReady {
            self.close_out(None).await?;
        }
        Ok(())
    }

    async fn accept(&mut self, moltbot_event: EventId, action: Action) -> Result<(), RecordError> {
        self.rejected_in_a_row = 0;
        let decision = json!({
            "moltbot_event_id": moltbot_event,
            "action_type": action.name(),
        });
        let unsafe_text = action.client_texts().into_iter().find_map(unsafe_content);
        if let Some(found) = unsafe_text {
            let event = AuditEvent::new(EventType::MOLTBOT_OUTPUT_BLOCKED, Actor::System)
                .input(decision)
                .output(json!({ "warnings": [found] }))
                .ended(Outcome::Refused, ErrorCode::InvalidOutput);
            self.trail.record(event).await?;
            return self.carry_on_without_ai().await;
        }
        self.note(EventType::MOLTBOT_OUTPUT_ACCEPTED, Actor::System, decision).await?;
        match action {
            Action::AskClient(ask) => self.ask(ask).await,
            Action::Escalate(escalate) => {
                self.tell(escalate.safe_client_message, None).await?;
                self.move_to(RequestState::Error, &escalate.reason).await.map(drop)
            }
            Action::Shortlist(list) => self.close_out(Some((moltbot_event, list))).await,
            Action::VendorOutreachPlan(plan) => self.plan_outreach(moltbot_event, plan).await,
        }
    }

    async fn ask(&mut self, ask: AskClient) -> Result<(), RecordError> {
        if let Some(suggested) = ask.state_suggestion.filter(|state| *state != self.state) {
            self.move_to(suggested, "Moltbot suggested it").await?;
        }
        let options = ask.options.iter().enumerate();
        let options = options.map(|(index, option)| format!("\n{}. {option}", index + 1));
        let text = ask.question_text + &options.collect::<String>();
        self.tell_with(text, None, &ask.options).await.map(drop)
    }

    /// What the coded rules can still do: make a shortlist if there are replies, or else call a colleague.
    async fn carry_on_without_ai(&mut self) -> Result<(), RecordError> {
        if self.state == RequestState::ShortlistReady {
            self.close_out(None).await
        } else {
            self.say(Say::HumanTakesOver).await.map(drop)
        }
    }
}
