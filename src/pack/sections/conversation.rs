//! Messages with the client.

use serde::Serialize;

use super::delivery::{Deliveries, Delivery};
use super::typed_events::{OtherShape, Source, read};
use crate::event::EventType;
use crate::event::payload::{CallConsentRequested, WhatsappInboundReceived, WhatsappOutboundSent};
use crate::pack::PackEvent;

const INBOUND: &str = "inbound";
pub(super) const OUTBOUND: &str = "outbound";

/// One message.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Message {
    /// The event that records it.
    #[serde(flatten)]
    pub source: Source,
    /// `inbound` or `outbound`.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["inbound", "outbound"])))]
    pub direction: &'static str,
    /// Who wrote, or acted.
    #[cfg_attr(feature = "schema", schemars(with = "crate::event::Actor"))]
    pub actor: String,
    /// The other side's number.
    pub phone: Option<String>,
    /// `text`, `image`, …
    pub message_type: Option<String>,
    /// What was written.
    pub text: Option<String>,
    /// The button that was pressed.
    pub button_id: Option<String>,
    /// The provider's id of the media.
    pub media_id: Option<String>,
    /// The template used.
    pub template_id: Option<String>,
    /// `en`, `fr`, `rw`.
    pub language: Option<String>,
    /// The provider's id of the message.
    pub provider_message_id: Option<String>,
    /// How far an outbound message came; none if the provider reported nothing.
    pub delivery: Option<Delivery>,
    /// The provider had delivered it before, and it was not acted on.
    pub duplicate: bool,
    /// The payload as it is, if it does not have the shape of its event type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_shape: Option<OtherShape>,
}

pub(super) fn messages(events: &[PackEvent], deliveries: &Deliveries) -> Vec<Message> {
    let with_delivery = |mut message: Message| {
        if message.direction == OUTBOUND {
            message.delivery = deliveries
                .delivery(message.source.event_id, message.provider_message_id.as_deref());
        }
        message
    };
    events.iter().filter_map(message).map(with_delivery).collect()
}

fn message(event: &PackEvent) -> Option<Message> {
    let has = |member: &str| event.input.value.get(member).is_some();
    let is_failed = event.is(&EventType::WHATSAPP_SEND_FAILED);
    if event.is(&EventType::WHATSAPP_INBOUND_RECEIVED) {
        Some(inbound(event, false))
    } else if event.is(&EventType::WHATSAPP_DUPLICATE_MESSAGE) {
        Some(inbound(event, true))
    } else if event.is(&EventType::CALL_CONSENT_REQUESTED) || (is_failed && has("consent_id")) {
        Some(question(event))
    } else if event.is(&EventType::WHATSAPP_OUTBOUND_SENT) || (is_failed && !has("vendor_id")) {
        Some(outbound(event))
    } else {
        None
    }
}

fn inbound(event: &PackEvent, duplicate: bool) -> Message {
    let typed = read::<WhatsappInboundReceived>(event);
    Message {
        source: typed.source,
        direction: INBOUND,
        actor: event.header.actor.clone(),
        phone: typed.input.from_phone,
        message_type: typed.input.message_type,
        text: typed.input.text,
        button_id: typed.input.button_id,
        media_id: typed.input.media_id,
        template_id: None,
        language: None,
        provider_message_id: typed.input.provider_message_id,
        delivery: None,
        duplicate: duplicate || typed.output.duplicate,
        other_shape: typed.other_shape,
    }
}

/// A question for consent is a message to the client too.
fn question(event: &PackEvent) -> Message {
    let typed = read::<CallConsentRequested>(event);
    Message {
        source: typed.source,
        direction: OUTBOUND,
        actor: event.header.actor.clone(),
        phone: typed.input.client_phone,
        message_type: None,
        text: typed.input.text,
        button_id: None,
        media_id: None,
        template_id: None,
        language: typed.input.language,
        provider_message_id: typed.output.provider_message_id,
        delivery: None,
        duplicate: false,
        other_shape: typed.other_shape,
    }
}

fn outbound(event: &PackEvent) -> Message {
    let typed = read::<WhatsappOutboundSent>(event);
    Message {
        source: typed.source,
        direction: OUTBOUND,
        actor: event.header.actor.clone(),
        phone: typed.input.to_phone,
        message_type: typed.input.message_type,
        text: typed.input.text,
        button_id: None,
        media_id: None,
        template_id: typed.input.template_id,
        language: typed.input.language,
        provider_message_id: typed.output.provider_message_id,
        delivery: None,
        duplicate: false,
        other_shape: typed.other_shape,
    }
}
