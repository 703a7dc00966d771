//! Messages in and out.

use chrono::{DateTime, Utc};

use super::{event, payload};

event! {
    /// A message from a client or a vendor arrived.
    WhatsappInboundReceived = WHATSAPP_INBOUND_RECEIVED(InboundInput, InboundOutput);
    /// A message to a client went out.
    WhatsappOutboundSent = WHATSAPP_OUTBOUND_SENT(OutboundInput, OutboundOutput);
    /// The provider reported how far a message to a client or a vendor came.
    WhatsappStatusUpdated = WHATSAPP_STATUS_UPDATED(MessageStatusInput, MessageStatusOutput);
}

payload! {
    /// What the webhook delivered.
    InboundInput {
        /// The provider's id of the message; also the idempotency key.
        provider_message_id: Option<String>,
        /// The sender's number.
        from_phone: Option<String>,
        /// The sender's WhatsApp profile name.
        profile_name: Option<String>,
        /// `text`, `image`, `document`, `audio`, `video`, `location`, `interactive`, `template`.
        message_type: Option<String>,
        /// What was written.
        text: Option<String>,
        /// The button that was pressed, for `interactive`.
        button_id: Option<String>,
        /// The provider's id of the media; never its URL.
        media_id: Option<String>,
        /// The media's type.
        media_mime_type: Option<String>,
    }

    /// What the host made of it.
    InboundOutput {
        /// The host's row for the message.
        message_id: Option<String>,
        /// The provider had delivered it before.
        duplicate: bool,
    }

    /// What was to be sent.
    OutboundInput {
        /// The receiver's number.
        to_phone: Option<String>,
        /// `text`, `interactive`, `template`.
        message_type: Option<String>,
        /// What was written.
        text: Option<String>,
        /// The template used.
        template_id: Option<String>,
        /// `en`, `fr`, `rw`.
        language: Option<String>,
    }

    /// What the provider answered.
    OutboundOutput {
        /// The provider's id of the message.
        provider_message_id: Option<String>,
        /// The host's row for the message.
        message_id: Option<String>,
    }

    /// What the provider reported.
    MessageStatusInput {
        /// The provider's id of the message.
        provider_message_id: Option<String>,
        /// The receiver's number.
        to_phone: Option<String>,
        /// The provider's own word for it.
        original_status: Option<String>,
        /// The provider's time of it.
        reported_at: Option<DateTime<Utc>>,
    }

    /// What the host understood.
    MessageStatusOutput {
        /// `sent`, `delivered`, `read`, `failed`.
        status: Option<String>,
        /// The provider's error.
        error_message: Option<String>,
    }
}
