//! What the section shows.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::super::typed_events::{OtherShape, Source};
use super::verdict::DisclosureVerdict;

/// Whether each person was told of the AI in time.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct AiDisclosure {
    /// The worst of the verdicts.
    pub verdict: DisclosureVerdict,
    /// Everyone who got a message or a disclosure: the client first, then vendors.
    pub recipients: Vec<Recipient>,
    /// Disclosures that do not say who was told.
    pub unmatched: Vec<Disclosure>,
}

/// A person, or the people of a shop.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Recipient {
    /// `client` or `vendor`.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["client", "vendor"])))]
    pub role: &'static str,
    /// The host's row for the vendor.
    pub vendor_id: Option<String>,
    /// Whether they were told in time.
    pub verdict: DisclosureVerdict,
    /// The same in words, with the events that show it.
    pub why: String,
    /// The first message of the AI that may have reached them.
    pub first_ai_message: Option<AiMessage>,
    /// What they were told, and when.
    pub disclosures: Vec<Disclosure>,
}

/// A message of the AI.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct AiMessage {
    /// The event that records it.
    #[serde(flatten)]
    pub source: Source,
    /// The place of the event that shows that the AI led to it. None if the record does not say what led to it, and
    /// the AI may have.
    pub shown_by: Option<i64>,
    /// How far it came, as the provider reported.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["sent", "failed", "delivered", "read", null])))]
    pub delivery_status: Option<&'static str>,
}

/// One disclosure.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Disclosure {
    /// The event that records it.
    #[serde(flatten)]
    pub source: Source,
    /// Its language.
    pub language: Option<String>,
    /// SHA-256 of its text.
    pub text_digest: Option<String>,
    /// The event of the message that carried it, as the host names it.
    pub outbound_event_id: Option<String>,
    /// The provider's id of that message, as the host names it.
    pub provider_message_id: Option<String>,
    /// The message, if it belongs to this request.
    pub message: Option<CarryingMessage>,
    /// The payload as it is, if it does not have the shape of its event type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_shape: Option<OtherShape>,
}

/// The message that carried a disclosure.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct CarryingMessage {
    /// The event that records it.
    #[serde(flatten)]
    pub source: Source,
    /// What was written. None if an earlier entry shows it.
    pub text: Option<String>,
    /// Whether that has the digest: `matches`, `differs`, or `not_shown` if the pack does not show both.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["matches", "differs", "not_shown"])))]
    pub text_check: &'static str,
    /// How far it came, as the provider reported.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["sent", "failed", "delivered", "read", null])))]
    pub delivery_status: Option<&'static str>,
    /// The provider's time by which it had arrived.
    pub delivered_at: Option<DateTime<Utc>>,
}
