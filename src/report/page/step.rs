//! A step of the story: an event, and whose act it is.

use super::Page;
use crate::pack::PackEvent;

/// Whose act a step is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum Lane {
    Client,
    Ai,
    Sent,
    Vendors,
    People,
}

impl Lane {
    pub(in crate::report) const ALL: [Self; 5] =
        [Self::Client, Self::Ai, Self::Sent, Self::Vendors, Self::People];

    pub(in crate::report) fn class(self) -> &'static str {
        match self {
            Self::Ai => "ai",
            Self::Client => "client",
            Self::People => "people",
            Self::Sent => "sent",
            Self::Vendors => "vendors",
        }
    }

    pub(in crate::report) fn name(self, page: &Page<'_>) -> &'static str {
        page.words.lanes[self as usize]
    }

    /// The lane of an event; none if it is machinery, which stands among the raw events.
    pub(in crate::report) fn of(event: &PackEvent) -> Option<Self> {
        let header = &event.header;
        Some(match header.event_type.as_str() {
            "effect.admitted"
            | "effect.replayed"
            | "whatsapp.status_updated"
            | "ai.disclosed"
            | "pack.exported"
            | "moltbot.output_accepted"
            | "vendor.outreach_queued"
            | "moltbot.budget_check"
            | "vendor.batch_sent"
            | "request.created" => return None,
            "whatsapp.inbound_received"
            | "whatsapp.duplicate_message"
            | "call.consent_granted"
            | "call.consent_denied" => Self::Client,
            "whatsapp.outbound_sent"
            | "whatsapp.send_failed"
            | "vendor.outreach_sent"
            | "shortlist.sent"
            | "call.consent_requested"
            | "call.started" => Self::Sent,
            "vendor.reply_recorded" | "vendor.no_response" => Self::Vendors,
            kind if kind.starts_with("moltbot.") || kind.starts_with("ocr.") => Self::Ai,
            "vendor.candidates_selected" | "shortlist.generated" => Self::Ai,
            _ if header.actor == "admin" => Self::People,
            _ => Self::People,
        })
    }
}

/// One step of the story.
pub(in crate::report) struct Step<'a> {
    pub(in crate::report) event: &'a PackEvent,
    pub(in crate::report) lane: Lane,
    pub(in crate::report) detail: Option<String>,
}
