//! One request from its first message to its handoff, by the host's rules.

mod budget;
mod calls;
mod client;
mod closeout;
mod decision;
mod disclosure;
mod outreach;
mod statuses;

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use moltbot_audit::auditor::Clock;
use moltbot_audit::event::payload::{
    DisclosureInput, Nothing, OutboundInput, RequestCreated, RequestInput, RequestStateChanged,
    StateChange,
};
use moltbot_audit::{Actor, AuditEvent, ErrorCode, EventId, EventType, Outcome, RecordError};
use serde_json::{Value, json};

use self::{budget::Counts, calls::Calls, outreach::Plan};
use super::ranking::Reply;
use super::scenario::{InitialState, Language};
use super::state::RequestState;
use super::texts::Say;
use super::trail::Trail;
use super::world::World;

#[derive(Debug)]
pub(crate) struct Case {
    trail: Trail,
    world: Arc<World>,
    scene: Arc<InitialState>,
    state: RequestState,
    counts: Counts,
    began: DateTime<Utc>,
    last_active: DateTime<Utc>,
    /// True while Moltbot may be asked. After that, the coded rules go on alone.
    ai: bool,
    rejected_in_a_row: u32,
    /// What the client and the concierge wrote, oldest first, for the context pack.
    messages: Vec<Value>,
    messages_sent: u32,
    /// Messages that the provider accepted.
    accepted: Vec<statuses::Accepted>,
    /// On how many of them, from the first on, the provider has reported as usual.
    reported: usize,
    /// How the client was told of the AI.
    disclosed: Option<DisclosureInput>,
    need: Option<String>,
    photo: Option<client::Photo>,
    plan: Option<Plan>,
    contacted: BTreeSet<String>,
    outreach: Vec<outreach::Outreach>,
    replies: Vec<Reply>,
    shortlist: Vec<String>,
    calls: Calls,
}

impl Case {
    /// Opens a request. The message that caused it is recorded already.
    pub(crate) async fn open(
        trail: Trail,
        world: Arc<World>,
        scene: Arc<InitialState>,
    ) -> Result<Self, RecordError> {
        let requirements = scene.requirements().0.clone();
        let input = RequestInput {
            channel: Some("whatsapp".into()),
            language: Some(scene.conversation.language.get().as_str().into()),
            requirements: (!requirements.is_empty()).then(|| requirements.into()),
            ..Default::default()
        };
        let nothing = Nothing::default();
        trail.record_typed::<RequestCreated>(Actor::System, &input, &nothing).await?;
        let state = RequestState::CollectingRequirements;
        let first = StateChange {
            from_state: None,
            to_state: state.to_string(),
            reason: Some("the client wrote".into()),
            ..Default::default()
        };
        trail.record_typed::<RequestStateChanged>(Actor::System, &first, &nothing).await?;
        let now = world.clock().now();
        Ok(Self {
            trail,
            world,
            scene,
            state,
            counts: Counts::default(),
            began: now,
            last_active: now,
            ai: true,
            rejected_in_a_row: 0,
            messages: Vec::new(),
            messages_sent: 0,
            accepted: Vec::new(),
            reported: 0,
            disclosed: None,
            need: None,
            photo: None,
            plan: None,
            contacted: BTreeSet::new(),
            outreach: Vec::new(),
            replies: Vec::new(),
            shortlist: Vec::new(),
            calls: Calls::default(),
        })
    }

    pub(crate) fn trail(&self) -> &Trail {
        &self.trail
    }

    pub(crate) fn state(&self) -> RequestState {
        self.state
    }

    /// An undo has closed it, one state after the other.
    pub(crate) fn undone(&mut self) {
        self.state = RequestState::Closed;
    }

    pub(crate) fn last_active(&self) -> DateTime<Utc> {
        self.last_active
    }

    /// The vendors that were messaged, with one entry for each message.
    pub(crate) fn messaged(&self) -> Vec<&str> {
        self.outreach.iter().map(|outreach| outreach.vendor_id.as_str()).collect()
    }

    /// The shops handed to the client, in order.
    pub(crate) fn shortlist(&self) -> &[String] {
        &self.shortlist
    }

    fn language(&self) -> Language {
        self.scene.conversation.language.get()
    }

    /// Brings a request to where the scene begins: to its state, with its vendors asked if it waits for them, and
    /// with what the client said about calls.
    pub(crate) async fn go_on_from_before(&mut self) -> Result<(), RecordError> {
        let state = self.scene.request.as_ref().map(|request| request.state.get());
        for next in state.unwrap_or_default().way() {
            if *next == RequestState::AwaitingVendorReplies {
                self.ask_vendors_of_the_scene().await?;
            }
            self.move_to(*next, "before this scenario").await?;
        }
        self.recall_consent().await
    }

    /// Moves to a state if the state machine allows it. A move that it does not allow is refused and recorded.
    async fn move_to(&mut self, next: RequestState, reason: &str) -> Result<bool, RecordError> {
        let allowed = self.state.allows(next);
        let change = StateChange {
            from_state: Some(self.state.to_string()),
            to_state: next.to_string(),
            reason: Some(reason.into()),
            ..Default::default()
        };
        let mut event =
            AuditEvent::typed::<RequestStateChanged>(Actor::System, &change, &Nothing::default())?;
        if !allowed {
            event = event.ended(Outcome::Refused, ErrorCode::InvalidState);
        }
        self.trail.record(event).await?;
        if allowed {
            self.state = next;
        }
        Ok(allowed)
    }

    async fn say(&mut self, say: Say) -> Result<Option<EventId>, RecordError> {
        let text = say.text(self.language()).to_owned();
        self.tell(text, Some(say.template_id())).await
    }

    /// Messages the client. Returns the event that recorded the message, or `None` if it did not go out.
    async fn tell(
        &mut self,
        text: String,
        template_id: Option<&str>,
    ) -> Result<Option<EventId>, RecordError> {
        self.tell_with(text, template_id, &[]).await
    }

    async fn tell_with(
        &mut self,
        text: String,
        template_id: Option<&str>,
        options: &[String],
    ) -> Result<Option<EventId>, RecordError> {
        let input = OutboundInput {
            message_type: Some(if options.is_empty() { "text" } else { "interactive" }.into()),
            text: Some(self.with_disclosure(text)),
            template_id: template_id.map(str::to_owned),
            extra: options_member(options),
            ..Default::default()
        };
        let Some((id, message_id)) = self.send_to_client(Actor::System, input).await? else {
            return Ok(None);
        };
        self.note_disclosure(id, message_id).await?;
        Ok(Some(id))
    }

    /// A person of the operator's writes to the client.
    pub(crate) async fn person_wrote(&mut self, text: &str) -> Result<(), RecordError> {
        let input = OutboundInput {
            message_type: Some("text".into()),
            text: Some(text.into()),
            ..Default::default()
        };
        self.send_to_client(Actor::Admin, input).await.map(drop)
    }

    /// Sends a message to the client. Returns the event that recorded it, and the provider's id; `None` if it did not go
    /// out.
    async fn send_to_client(
        &mut self,
        actor: Actor,
        input: OutboundInput,
    ) -> Result<Option<(EventId, Option<String>)>, RecordError> {
        self.messages_sent += 1;
        let phone = &self.scene.conversation.client_phone;
        let key = self.trail.key(&format!("to:{phone}:message:{}", self.messages_sent));
        let input = OutboundInput {
            to_phone: Some(phone.clone()),
            language: Some(self.language().as_str().into()),
            ..input
        };
        let id = self.trail.event_id()?;
        let sent = self.world.message_client(&self.trail, id, key, actor, &input).await?;
        let from = if actor == Actor::Admin { "a person" } else { "concierge" };
        self.messages.push(json!({ "from": from, "text": input.text }));
        let Ok(sent) = sent else { return Ok(None) };
        self.accepted(id, sent.provider_message_id.clone(), "client", input.to_phone);
        Ok(Some((id, sent.provider_message_id)))
    }

    /// Records an event that has no typed payload.
    async fn note(
        &self,
        event_type: EventType,
        actor: Actor,
        input: Value,
    ) -> Result<(), RecordError> {
        self.trail.record(AuditEvent::new(event_type, actor).input(input)).await.map(drop)
    }
}

/// The member of a message with the options of the client.
fn options_member(options: &[String]) -> serde_json::Map<String, Value> {
    let member = (!options.is_empty()).then(|| ("options".to_owned(), json!(options)));
    member.into_iter().collect()
}
