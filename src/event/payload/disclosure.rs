//! Tells a person that they deal with an AI.

use sha2::{Digest as _, Sha256};

use super::{Nothing, event, payload};

event! {
    /// A person was told that they deal with an AI.
    AiDisclosed = AI_DISCLOSED(DisclosureInput, Nothing);
}

payload! {
    /// What the person was told, and by which message.
    ///
    /// Name the message by the event that records it, by the provider's id, or by both. If it belongs to an earlier
    /// request of the conversation, say who was told as well, because this request's pack cannot show the message.
    DisclosureInput {
        /// SHA-256 of the text in UTF-8, 64 hex digits. The text is the whole message or one line of it.
        text_digest: Option<String>,
        /// `en`, `fr`, `rw`.
        language: Option<String>,
        /// The event that records the message.
        outbound_event_id: Option<String>,
        /// The provider's id of the message.
        provider_message_id: Option<String>,
        /// Who was told: `client` or `vendor`. Default: a vendor if `vendor_id` is set, else the client.
        target_role: Option<String>,
        /// The host's row for the vendor who was told.
        vendor_id: Option<String>,
    }
}

impl DisclosureInput {
    /// The disclosure of a text, with the digest of the text. It does not name the message yet.
    ///
    /// ```
    /// use moltbot_audit::event::payload::DisclosureInput;
    ///
    /// let told = DisclosureInput::of("You are chatting with an AI assistant.", "en");
    /// assert_eq!(told.text_digest.map(|digest| digest.len()), Some(64));
    /// ```
    #[must_use]
    pub fn of(text: &str, language: &str) -> Self {
        Self {
            text_digest: Some(text_digest(text)),
            language: Some(language.to_owned()),
            ..Self::default()
        }
    }
}

/// SHA-256 of a text, as 64 hex digits.
pub(crate) fn text_digest(text: &str) -> String {
    let nibbles = Sha256::digest(text).into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.filter_map(|nibble| char::from_digit(nibble.into(), 16)).collect()
}
