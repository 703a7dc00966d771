//! Whether what was done can be undone, and by what.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::EventType;
use super::request_state::{leads, way_to_closed};

/// How long after a vendor was messaged it is told that its offer is no longer needed. Later, such a message is only
/// another disturbance.
const OUTREACH_COMPENSABLE: Duration = Duration::from_hours(24);

/// Whether an effect can be undone, and by which other effect. Each effect
/// [declares](crate::Effect::reversal) it, and each kind has a [default](Self::of).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reversal {
    /// It can be taken back, as if it had not been.
    Reversible {
        /// The event type of the effect that takes it back.
        by: EventType,
    },
    /// It cannot be taken back, but another effect makes up for it.
    Compensable {
        /// The event type of the effect that makes up for it.
        by: EventType,
        /// Until when. Later, it is final.
        until: Option<Until>,
    },
    /// Nothing takes it back.
    Final {
        /// The event type of a correction that can follow, for example another message.
        correction: Option<EventType>,
    },
}

/// Until when an effect can be compensated, by the database's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// This long after its outcome was recorded.
    After(Duration),
    /// Until a point in time.
    Time(DateTime<Utc>),
}

impl Reversal {
    /// The default of a kind of effect, or of an event that reports one:
    ///
    /// | | |
    /// |---|---|
    /// | a message to the client, a question for a consent, a shortlist that was sent, a handoff | final; another message can correct it |
    /// | a message to a vendor, a batch of them | compensable for a day, by `vendor.outreach_withdrawn` |
    /// | a shortlist | compensable by `shortlist.withdrawn`; a newer shortlist replaces it, too |
    /// | a change of the request's state | reversible by another change, if the [state machine allows](Self::of_state_change) |
    /// | a call, a reading of a photo, an answer of Moltbot, everything else | final |
    #[must_use]
    pub fn of(event_type: &EventType) -> Self {
        const MESSAGES: [EventType; 4] = [
            EventType::CALL_CONSENT_REQUESTED,
            EventType::SHORTLIST_HANDOFF,
            EventType::SHORTLIST_SENT,
            EventType::WHATSAPP_OUTBOUND_SENT,
        ];
        const OUTREACH: [EventType; 2] =
            [EventType::VENDOR_BATCH_SENT, EventType::VENDOR_OUTREACH_SENT];
        if MESSAGES.contains(event_type) {
            return Self::Final { correction: Some(EventType::WHATSAPP_OUTBOUND_SENT) };
        }
        if OUTREACH.contains(event_type) {
            let until = Some(Until::After(OUTREACH_COMPENSABLE));
            return Self::Compensable { by: EventType::VENDOR_OUTREACH_WITHDRAWN, until };
        }
        if *event_type == EventType::SHORTLIST_GENERATED {
            return Self::Compensable { by: EventType::SHORTLIST_WITHDRAWN, until: None };
        }
        if *event_type == EventType::REQUEST_STATE_CHANGED {
            return Self::Reversible { by: EventType::REQUEST_STATE_CHANGED };
        }
        Self::Final { correction: None }
    }

    /// The default of a change of the request's state, by the host's state machine: reversible if it leads back,
    /// compensable if it leads to the end of the request, and final otherwise.
    ///
    /// ```
    /// use moltbot_audit::event::Reversal;
    ///
    /// let photo = Reversal::of_state_change(Some("collecting_requirements"), "ocr_processing");
    /// assert!(matches!(photo, Reversal::Reversible { .. }));
    /// let handoff = Reversal::of_state_change(Some("shortlist_ready"), "handed_off");
    /// assert!(matches!(handoff, Reversal::Compensable { .. }));
    /// let end = Reversal::of_state_change(Some("handed_off"), "closed");
    /// assert!(matches!(end, Reversal::Final { .. }));
    /// ```
    #[must_use]
    pub fn of_state_change(from: Option<&str>, to: &str) -> Self {
        let by = EventType::REQUEST_STATE_CHANGED;
        if from.is_some_and(|from| leads(Some(to), from)) {
            Self::Reversible { by }
        } else if way_to_closed(from, to).is_empty() {
            Self::Final { correction: None }
        } else {
            Self::Compensable { by, until: None }
        }
    }

    /// The word for it in records: `reversible`, `compensable` or `final`.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Compensable { .. } => "compensable",
            Self::Final { .. } => "final",
            Self::Reversible { .. } => "reversible",
        }
    }

    /// The event type of the effect that reverses, compensates or corrects it.
    #[must_use]
    pub fn compensation(&self) -> Option<&EventType> {
        match self {
            Self::Compensable { by, .. } | Self::Reversible { by } => Some(by),
            Self::Final { correction } => correction.as_ref(),
        }
    }

    /// Until when it can be compensated.
    #[must_use]
    pub fn until(&self) -> Option<Until> {
        match self {
            Self::Compensable { until, .. } => *until,
            Self::Final { .. } | Self::Reversible { .. } => None,
        }
    }
}
