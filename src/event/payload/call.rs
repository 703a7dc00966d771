//! Consents and calls.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Nothing, event, payload};

/// How long a grant holds that does not say when it lapses, if the deployment sets no other lifetime.
pub const CONSENT_LIFETIME: Duration = Duration::from_hours(24);

event! {
    /// The client was asked whether a call is welcome.
    CallConsentRequested = CALL_CONSENT_REQUESTED(CallConsentInput, CallConsentOutput);
    /// The client allowed calls.
    CallConsentGranted = CALL_CONSENT_GRANTED(CallConsentDecision, Nothing);
    /// The client declined calls.
    CallConsentDenied = CALL_CONSENT_DENIED(CallConsentDecision, Nothing);
    /// A call was placed.
    CallStarted = CALL_STARTED(CallInput, CallOutput);
    /// The provider reported on a call.
    CallStatusUpdated = CALL_STATUS_UPDATED(CallStatusInput, CallStatusOutput);
}

payload! {
    /// What was asked.
    CallConsentInput {
        /// The host's row for the consent.
        consent_id: Option<String>,
        /// What the call would be about.
        scope: Option<String>,
        /// Who was asked.
        client_phone: Option<String>,
        /// `en`, `fr`, `rw`.
        language: Option<String>,
        /// What was written.
        text: Option<String>,
    }

    /// Whether the question went out.
    CallConsentOutput {
        /// The provider's id of the message.
        provider_message_id: Option<String>,
    }

    /// What the client answered.
    CallConsentDecision {
        /// The host's row for the consent.
        consent_id: Option<String>,
        /// What the client wrote.
        text: Option<String>,
        /// When a grant lapses.
        expires_at: Option<DateTime<Utc>>,
    }

    /// The call.
    CallInput {
        /// The host's row for the attempt.
        attempt_id: Option<String>,
        /// The consent it rests on.
        consent_id: Option<String>,
        /// Who is called.
        to_phone: Option<String>,
        /// `client` or `vendor`.
        target_role: Option<String>,
        /// What for.
        purpose: Option<String>,
    }

    /// What the provider answered.
    CallOutput {
        /// The provider's id of the call.
        provider_call_id: Option<String>,
    }

    /// What the provider reported.
    CallStatusInput {
        /// The host's row for the attempt.
        attempt_id: Option<String>,
        /// The provider's id of the call.
        provider_call_id: Option<String>,
        /// The provider's own word for it.
        original_status: Option<String>,
    }

    /// What the host understood.
    CallStatusOutput {
        /// `ringing`, `answered`, `completed`, `failed`, `no_answer`, `busy`, `rejected`.
        status: Option<String>,
        /// How long it lasted.
        duration_seconds: Option<u32>,
        /// The provider's error.
        error_message: Option<String>,
    }
}
