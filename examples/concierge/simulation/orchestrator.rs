//! The orchestrator: recognises a webhook that is delivered twice, and finds the request of a message.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use moltbot_audit::auditor::Clock;
use moltbot_audit::event::payload::{InboundInput, InboundOutput, WhatsappInboundReceived};
use moltbot_audit::undo::{StepEnd, StepReport, UndoError};
use moltbot_audit::{
    Actor, AuditEvent, Auditor, ControlError, ConversationId, EventType, Identity, RecordError,
    RequestId, Switch,
};
use uuid::Uuid;

use super::case::Case;
use super::scenario::{
    CallEvent, CallEventType, ClientInbound, ConsentReply, InitialState, MessageType, Operator,
    VendorInbound,
};
use super::trail::Trail;
use super::undo::Desk;
use super::world::World;

/// A message this long after the end of a request opens a new one.
const SAME_REQUEST_FOR: TimeDelta = TimeDelta::minutes(5);

#[derive(Debug)]
pub(crate) struct Orchestrator {
    auditor: Auditor,
    world: Arc<World>,
    scene: Arc<InitialState>,
    conversation: ConversationId,
    /// Different in each play, so that one scenario can be played twice into one database.
    run: Uuid,
    seen: HashSet<String>,
    /// When each message was sent, by the provider's id. Each delivery of its webhook says the same.
    sent: HashMap<String, DateTime<Utc>>,
    received: u32,
    /// The provider's id of the client's last message.
    last_of_client: Option<String>,
    cases: Vec<Case>,
}

impl Orchestrator {
    pub(crate) fn new(
        auditor: Auditor,
        world: Arc<World>,
        scene: InitialState,
    ) -> Result<Self, RecordError> {
        let run = auditor.event_id()?.uuid();
        let conversation = auditor.conversation_id(&scene.conversation.id)?;
        Ok(Self {
            auditor,
            world,
            scene: Arc::new(scene),
            conversation,
            run,
            seen: HashSet::new(),
            sent: HashMap::new(),
            received: 0,
            last_of_client: None,
            cases: Vec::new(),
        })
    }

    /// The requests so far, oldest first.
    pub(crate) fn cases(&self) -> &[Case] {
        &self.cases
    }

    /// A host that starts again does not know which webhooks it has seen.
    pub(crate) fn restart(&mut self) {
        self.seen.clear();
    }

    /// An operator sets a kill switch.
    pub(crate) async fn operate(&self, operator: &Operator) -> Result<(), ControlError> {
        let switch = Switch::new(operator.switch.clone())?;
        let kill_switch = self.auditor.kill_switch();
        let reason = operator.reason.as_str();
        let set = if operator.engaged {
            kill_switch.engage(&switch, signed_in(), reason).await
        } else {
            kill_switch.reset(&switch, signed_in(), reason).await
        };
        set.map(drop)
    }

    /// A person takes the conversation over from the AI.
    pub(crate) async fn take_over(&self, reason: &str) -> Result<(), ControlError> {
        self.auditor.takeover(&self.conversation, signed_in(), reason, None).await.map(drop)
    }

    /// A person gives the conversation back to the AI.
    pub(crate) async fn release(&self, reason: &str) -> Result<(), ControlError> {
        self.auditor.release(&self.conversation, signed_in(), reason).await.map(drop)
    }

    /// An operator undoes the current request.
    pub(crate) async fn undo(&mut self, reason: &str) -> Result<(), UndoError> {
        let Some(case) = self.cases.last_mut() else { return Ok(()) };
        let desk = Desk { world: self.world.clone(), scene: self.scene.clone() };
        let plan = self.auditor.undo_plan(case.trail().request()).await?;
        let report = self.auditor.undo(&plan, signed_in(), reason, &desk).await?;
        let is_closed = |step: &StepReport<_>| {
            step.event_type == EventType::REQUEST_STATE_CHANGED.as_str()
                && matches!(step.end, StepEnd::Done { .. })
        };
        if report.steps.iter().any(is_closed) {
            case.undone();
        }
        Ok(())
    }

    /// Opens the request that the scene begins with, if it has one.
    pub(crate) async fn begin(&mut self) -> Result<(), RecordError> {
        if self.scene.request.is_none() {
            return Ok(());
        }
        let trail = self.trail_of_next_message(false)?;
        let (world, scene) = (self.world.clone(), self.scene.clone());
        let mut case = Case::open(trail, world, scene).await?;
        case.go_on_from_before().await?;
        self.cases.push(case);
        Ok(())
    }

    /// The provider reports on what was sent since it last did.
    pub(crate) async fn report_as_usual(&mut self) -> Result<(), RecordError> {
        for case in &mut self.cases {
            case.report_as_usual().await?;
        }
        Ok(())
    }

    /// The current request.
    pub(crate) fn current(&mut self) -> Option<&mut Case> {
        self.cases.last_mut()
    }

    pub(crate) async fn client_wrote(
        &mut self,
        inbound: &ClientInbound,
    ) -> Result<(), RecordError> {
        let again = self.last_of_client.clone().filter(|_| inbound.duplicate);
        let given = inbound.provider_message_id.clone().or(again);
        let provider_message_id = self.message_id(given.as_deref());
        self.last_of_client = Some(provider_message_id.clone());
        let duplicate = !self.seen.insert(provider_message_id.clone());
        let trail = self.trail_of_next_message(duplicate)?;
        let now = self.world.clock().now();
        let sent_at = *self.sent.entry(provider_message_id.clone()).or_insert(now);
        let message_id = format!("message-{}", self.seen.len());
        let message_type = inbound.message_type.get();
        let input = InboundInput {
            provider_message_id: Some(provider_message_id.clone()),
            from_phone: Some(self.scene.conversation.client_phone.clone()),
            message_type: Some(message_type.as_str().into()),
            text: inbound.text.clone(),
            button_id: inbound.button_id.clone().or_else(|| inbound.list_id.clone()),
            media_id: inbound.media_fixture.clone(),
            media_mime_type: message_type.mime_type().map(Into::into),
            ..Default::default()
        };
        let output = InboundOutput {
            message_id: (!duplicate).then(|| message_id.clone()),
            duplicate,
            ..Default::default()
        };
        let mut event =
            AuditEvent::typed::<WhatsappInboundReceived>(Actor::Client, &input, &output)?
                .idempotency_key(provider_message_id.clone());
        if duplicate {
            event.event_type = EventType::WHATSAPP_DUPLICATE_MESSAGE;
        } else {
            // Two plays may give their messages the same ids.
            let name = format!("{provider_message_id}/{}", self.run);
            event = event.id(self.auditor.message_event_id(&name, sent_at)?);
        }
        // A restarted host goes on where it was, because effects that it performed before are
        // answered from the record.
        trail.record(event).await?;
        if duplicate {
            return Ok(());
        }
        let known = self.cases.last().is_some_and(|c| c.trail().request() == trail.request());
        if !known {
            let (world, scene) = (self.world.clone(), self.scene.clone());
            let told = self.cases.last().map(Case::disclosed);
            let mut case = Case::open(trail, world, scene).await?;
            match told {
                Some(told) => case.recall_disclosure(told).await?,
                None => case.recall_consent().await?,
            }
            self.cases.push(case);
        }
        match self.cases.last_mut() {
            Some(case) => case.client_wrote(inbound, &message_id).await,
            None => Ok(()),
        }
    }

    /// The client answered the question about a call. The answer is an ordinary message, and then a decision.
    pub(crate) async fn consent_answered(
        &mut self,
        reply: &ConsentReply,
    ) -> Result<(), RecordError> {
        let provider_message_id = self.message_id(None);
        self.seen.insert(provider_message_id.clone());
        let input = InboundInput {
            provider_message_id: Some(provider_message_id.clone()),
            from_phone: Some(self.scene.conversation.client_phone.clone()),
            message_type: Some(MessageType::Text.as_str().into()),
            text: Some(reply.text.clone()),
            ..Default::default()
        };
        let message_id = Some(format!("message-{}", self.seen.len()));
        let output = InboundOutput { message_id, ..Default::default() };
        let Some(case) = self.cases.last_mut() else { return Ok(()) };
        let event = AuditEvent::typed::<WhatsappInboundReceived>(Actor::Client, &input, &output)?
            .idempotency_key(provider_message_id);
        case.trail().record(event).await?;
        case.consent_answered(&reply.text, true).await
    }

    pub(crate) async fn vendor_wrote(
        &mut self,
        inbound: &VendorInbound,
    ) -> Result<(), RecordError> {
        let provider_message_id = self.message_id(inbound.provider_message_id.as_deref());
        let duplicate = !self.seen.insert(provider_message_id.clone());
        let Some(case) = self.cases.last_mut() else { return Ok(()) };
        if !duplicate {
            return case.vendor_wrote(inbound, provider_message_id).await;
        }
        let input = InboundInput {
            provider_message_id: Some(provider_message_id.clone()),
            message_type: Some(MessageType::Text.as_str().into()),
            text: Some(inbound.text.clone()),
            ..Default::default()
        };
        let output = InboundOutput { duplicate, ..Default::default() };
        let mut event =
            AuditEvent::typed::<WhatsappInboundReceived>(Actor::Vendor, &input, &output)?
                .idempotency_key(provider_message_id);
        event.event_type = EventType::WHATSAPP_DUPLICATE_MESSAGE;
        case.trail().record(event).await.map(drop)
    }

    /// Something happened around a call. The client's answer is an ordinary message.
    pub(crate) async fn call_happened(&mut self, event: &CallEvent) -> Result<(), RecordError> {
        let consent_id = event.consent_id.as_deref();
        let answer = match event.event_type.get() {
            CallEventType::ConsentGranted => Some("yes"),
            CallEventType::ConsentDenied => Some("no"),
            _ => None,
        };
        if let (Some(text), false) = (answer, self.cases.is_empty()) {
            return self.answered_by_event(text, consent_id).await;
        }
        let Some(case) = self.cases.last_mut() else { return Ok(()) };
        case.name_consent(consent_id);
        let call_id = event.call_id.as_deref();
        match event.event_type.get() {
            CallEventType::ConsentRequest => case.ask_for_consent("concierge").await,
            CallEventType::CallInitiated => case.call_as(call_id, consent_id).await,
            CallEventType::CallCompleted => case.call_ended("completed", call_id).await,
            CallEventType::CallFailed => case.call_ended("failed", call_id).await,
            CallEventType::ConsentDenied
            | CallEventType::ConsentGranted
            | CallEventType::Unknown => Ok(()),
        }
    }

    async fn answered_by_event(
        &mut self,
        text: &str,
        consent_id: Option<&str>,
    ) -> Result<(), RecordError> {
        let provider_message_id = self.message_id(None);
        self.seen.insert(provider_message_id.clone());
        let Some(case) = self.cases.last_mut() else { return Ok(()) };
        case.name_consent(consent_id);
        let input = InboundInput {
            provider_message_id: Some(provider_message_id.clone()),
            from_phone: Some(self.scene.conversation.client_phone.clone()),
            message_type: Some(MessageType::Text.as_str().into()),
            text: Some(text.into()),
            ..Default::default()
        };
        let output = InboundOutput::default();
        let event = AuditEvent::typed::<WhatsappInboundReceived>(Actor::Client, &input, &output)?
            .idempotency_key(provider_message_id);
        case.trail().record(event).await?;
        case.consent_answered(text, false).await
    }

    /// The trail of the current request, or of a new one if the current one ended long ago.
    fn trail_of_next_message(&self, duplicate: bool) -> Result<Trail, RecordError> {
        let now = self.world.clock().now();
        let goes_on = |case: &&Case| {
            duplicate || !case.state().is_over() || now - case.last_active() <= SAME_REQUEST_FOR
        };
        if let Some(case) = self.cases.last().filter(goes_on) {
            return Ok(case.trail().clone());
        }
        let request = RequestId::from_uuid(self.auditor.event_id()?.uuid())?;
        Ok(Trail::new(self.auditor.clone(), request, self.conversation.clone()))
    }

    fn message_id(&mut self, given: Option<&str>) -> String {
        self.received += 1;
        // The last digits of the run's id are random. They are written as letters, because digits would sometimes
        // look like a phone number.
        let run = self.run.simple().to_string();
        let letter = |digit: char| digit.to_digit(16).and_then(|n| char::from_u32(103 + n));
        let run: String = run[24..].chars().filter_map(letter).collect();
        let generated = || format!("wamid.in.{run}.{}", self.received);
        given.map_or_else(generated, str::to_owned)
    }
}

/// Who operates. A real console names the account that is signed in.
fn signed_in() -> Identity {
    Identity::host("an operator", "console session")
}
