//! Tells people that they deal with an AI: the client with the first message of the conversation, and each vendor with
//! the first message of a request.

use moltbot_audit::event::payload::{AiDisclosed, DisclosureInput, Nothing};
use moltbot_audit::{Actor, EventId, RecordError};

use super::super::texts::Say;
use super::super::world::VendorMessaged;
use super::Case;

impl Case {
    /// The text with the disclosure as its first line, if the client was not told yet.
    pub(super) fn with_disclosure(&self, text: String) -> String {
        if self.disclosed.is_some() {
            return text;
        }
        format!("{}\n{text}", Say::AiDisclosure.text(self.language()))
    }

    /// The client got a message. If it is the first, the client was told.
    pub(super) async fn note_disclosure(
        &mut self,
        message: EventId,
        provider_message_id: Option<String>,
    ) -> Result<(), RecordError> {
        if self.disclosed.is_some() {
            return Ok(());
        }
        let text = Say::AiDisclosure.text(self.language());
        let told = DisclosureInput {
            outbound_event_id: Some(message.to_string()),
            provider_message_id,
            target_role: Some("client".into()),
            ..DisclosureInput::of(text, self.language().as_str())
        };
        self.recall_disclosure(Some(told)).await
    }

    /// How the client was told, in this request or an earlier one of the conversation.
    pub(crate) fn disclosed(&self) -> Option<DisclosureInput> {
        self.disclosed.clone()
    }

    /// Records how the client was told. The pack of this request cannot show a message of an earlier one.
    pub(crate) async fn recall_disclosure(
        &mut self,
        told: Option<DisclosureInput>,
    ) -> Result<(), RecordError> {
        if let Some(told) = &told {
            self.trail.record_typed::<AiDisclosed>(Actor::System, told, &Nothing {}).await?;
        }
        self.disclosed = told;
        Ok(())
    }

    /// A message to the client did not arrive. If it told of the AI, the next one has to.
    pub(super) fn not_disclosed_by(&mut self, provider_message_id: &str) {
        self.disclosed
            .take_if(|told| told.provider_message_id.as_deref() == Some(provider_message_id));
    }

    /// The text for vendors, with the disclosure as its first line.
    pub(super) fn with_vendor_disclosure(&self, text: &str) -> String {
        format!("{}\n{text}", Say::AiDisclosureToVendor.text(self.language()))
    }

    /// Vendors got their messages, and were told by them.
    pub(super) async fn note_vendor_disclosures(
        &self,
        reached: &[VendorMessaged],
    ) -> Result<(), RecordError> {
        let text = Say::AiDisclosureToVendor.text(self.language());
        for vendor in reached {
            let told = DisclosureInput {
                outbound_event_id: Some(vendor.event_id.to_string()),
                provider_message_id: vendor.provider_message_id.clone(),
                target_role: Some("vendor".into()),
                vendor_id: Some(vendor.vendor_id.clone()),
                ..DisclosureInput::of(text, self.language().as_str())
            };
            self.trail.record_typed::<AiDisclosed>(Actor::System, &told, &Nothing {}).await?;
        }
        Ok(())
    }
}
