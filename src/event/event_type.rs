//! The vocabulary: what an event can be about.

use std::borrow::Cow;
use std::fmt;

use super::EventError;

/// What happened: `domain.action`, for example `vendor.outreach_sent`.
///
/// The host may use names of its own. A name has two or three segments of `[a-z][a-z0-9_]*`, at
/// most [`EventType::MAX_LEN`] bytes and four digits. The constants are the types that the library
/// itself understands; packs show events of other types with their payload as it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventType(Cow<'static, str>);

impl EventType {
    /// Longest name, in bytes. It is a metric label and an index key, not a place for data.
    pub const MAX_LEN: usize = 64;

    /// The domains of the library's own events. A host's event in one of them is an error, because
    /// packs compute limits and switches from them.
    pub const RESERVED_DOMAINS: &[&str] = &["audit", "budget", "effect", "pack", "switch"];

    /// Checks a name.
    ///
    /// # Errors
    /// [`EventError::MalformedEventType`] if it does not have the form `domain.action`.
    ///
    /// ```
    /// use moltbot_audit::EventType;
    /// assert!(EventType::new("admin.vendor.approved").is_ok());
    /// assert!(EventType::new("MOLTBOT_REQUEST_DETECTED").is_err());
    /// ```
    pub fn new(name: impl Into<Cow<'static, str>>) -> Result<Self, EventError> {
        let name = name.into();
        let segments = name.split('.').count();
        if name.len() <= Self::MAX_LEN
            && (2..=3).contains(&segments)
            && name.split('.').all(is_segment)
            // A type stands in every header: no phone number may hide in it.
            && name.bytes().filter(u8::is_ascii_digit).count() <= 4
        {
            Ok(Self(name))
        } else {
            // If something else was passed by mistake, the error must not print a phone number.
            let shown = |c: char| if c.is_numeric() { '#' } else { c };
            let event_type = name.chars().take(80).map(shown).collect();
            Err(EventError::MalformedEventType { event_type })
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the first dot.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }

    /// Returns true if only the library writes events of this type.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        Self::RESERVED_DOMAINS.contains(&self.domain())
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

crate::json::schema_of!(EventType, {
    "type": "string",
    "maxLength": Self::MAX_LEN,
    "pattern": r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){1,2}$",
});

fn is_segment(segment: &str) -> bool {
    segment.starts_with(|c: char| c.is_ascii_lowercase())
        && segment.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Declares the constants, and the list of them.
macro_rules! vocabulary {
    ($($(#[$doc:meta])* $constant:ident = $name:literal;)*) => {
        impl EventType {
            $($(#[$doc])* pub const $constant: Self = Self(Cow::Borrowed($name));)*

            /// Every type that has a constant.
            pub const KNOWN: &[Self] = &[$(Self::$constant),*];
        }
    };
}

vocabulary! {
    // The twelve of workflow 09, step 1.
    /// A message from a client or a vendor arrived.
    WHATSAPP_INBOUND_RECEIVED = "whatsapp.inbound_received";
    /// A message to a client went out.
    WHATSAPP_OUTBOUND_SENT = "whatsapp.outbound_sent";
    /// Moltbot was asked for the next action.
    MOLTBOT_CALLED = "moltbot.called";
    /// Moltbot's answer broke the output contract.
    MOLTBOT_OUTPUT_REJECTED = "moltbot.output_rejected";
    /// A photo was queued for OCR.
    OCR_JOB_CREATED = "ocr.job_created";
    /// OCR ended with a reading.
    OCR_JOB_DONE = "ocr.job_done";
    /// A vendor was messaged.
    VENDOR_OUTREACH_SENT = "vendor.outreach_sent";
    /// A vendor's reply was parsed.
    VENDOR_REPLY_RECORDED = "vendor.reply_recorded";
    /// The client was asked whether a call is welcome.
    CALL_CONSENT_REQUESTED = "call.consent_requested";
    /// A call was placed.
    CALL_STARTED = "call.started";
    /// The provider reported on a call.
    CALL_STATUS_UPDATED = "call.status_updated";
    /// A request moved through its state machine.
    REQUEST_STATE_CHANGED = "request.state_changed";

    // Further names of the host's rules 51, 70, 71, 97, 98, 102 and its threat model.
    /// A provider delivered a message a second time.
    WHATSAPP_DUPLICATE_MESSAGE = "whatsapp.duplicate_message";
    /// An inbound payload was over the size limit.
    WHATSAPP_PAYLOAD_TOO_LARGE = "whatsapp.payload_too_large";
    /// An outbound message failed.
    WHATSAPP_SEND_FAILED = "whatsapp.send_failed";
    /// A provider reported how far an outbound message came.
    WHATSAPP_STATUS_UPDATED = "whatsapp.status_updated";
    /// A webhook's signature did not match.
    WHATSAPP_WEBHOOK_SIGNATURE_INVALID = "whatsapp.webhook_signature_invalid";
    /// A Moltbot call was checked against its budget.
    MOLTBOT_BUDGET_CHECK = "moltbot.budget_check";
    /// A Moltbot call was over its budget.
    MOLTBOT_BUDGET_EXCEEDED = "moltbot.budget_exceeded";
    /// A prompt injection was seen.
    MOLTBOT_INJECTION_DETECTED = "moltbot.injection_detected";
    /// Moltbot's answer kept the output contract.
    MOLTBOT_OUTPUT_ACCEPTED = "moltbot.output_accepted";
    /// Moltbot's answer was well-formed but unsafe.
    MOLTBOT_OUTPUT_BLOCKED = "moltbot.output_blocked";
    /// Moltbot was called too often.
    MOLTBOT_RATE_LIMIT_EXCEEDED = "moltbot.rate_limit_exceeded";
    /// An OCR job was over its budget.
    OCR_BUDGET_EXCEEDED = "ocr.budget_exceeded";
    /// OCR ended without a reading.
    OCR_JOB_FAILED = "ocr.job_failed";
    /// A worker took an OCR job.
    OCR_JOB_PROCESSING = "ocr.job_processing";
    /// A batch of vendors was messaged (each vendor has its own `vendor.outreach_sent`).
    VENDOR_BATCH_SENT = "vendor.batch_sent";
    /// No further batch is allowed.
    VENDOR_BATCH_LIMIT_REACHED = "vendor.batch_limit_reached";
    /// Vendors were filtered and scored for a need: who could be asked, who not, and why.
    VENDOR_CANDIDATES_SELECTED = "vendor.candidates_selected";
    /// A vendor did not reply in time.
    VENDOR_NO_RESPONSE = "vendor.no_response";
    /// A vendor was told that its offer is no longer needed.
    VENDOR_OUTREACH_WITHDRAWN = "vendor.outreach_withdrawn";
    /// A vendor is about to be messaged.
    VENDOR_OUTREACH_QUEUED = "vendor.outreach_queued";
    /// The client declined calls.
    CALL_CONSENT_DENIED = "call.consent_denied";
    /// A consent lapsed.
    CALL_CONSENT_EXPIRED = "call.consent_expired";
    /// The client allowed calls.
    CALL_CONSENT_GRANTED = "call.consent_granted";
    /// A call could not be placed.
    CALL_FAILED = "call.failed";
    /// A request was opened.
    REQUEST_CREATED = "request.created";
    /// A request ended well.
    REQUEST_COMPLETED = "request.completed";
    /// A request ended in an error.
    REQUEST_ERROR = "request.error";
    /// The request is nearing its time limit.
    REQUEST_TIME_BUDGET_WARNING = "request.time_budget_warning";
    /// The request is over its time limit.
    REQUEST_TIME_BUDGET_EXCEEDED = "request.time_budget_exceeded";
    /// Replies were scored into a shortlist.
    SHORTLIST_GENERATED = "shortlist.generated";
    /// The client was handed off to the vendors.
    SHORTLIST_HANDOFF = "shortlist.handoff";
    /// Outreach still open was cancelled at closeout.
    SHORTLIST_OUTREACH_CANCELLED = "shortlist.outreach_cancelled";
    /// The shortlist went to the client.
    SHORTLIST_SENT = "shortlist.sent";
    /// A shortlist was taken back: its vendors are no longer offered.
    SHORTLIST_WITHDRAWN = "shortlist.withdrawn";
    /// A client wrote too often.
    CLIENT_RATE_LIMIT_EXCEEDED = "client.rate_limit_exceeded";
    /// A person was told that they deal with an AI.
    AI_DISCLOSED = "ai.disclosed";
    /// An external discovery tool was called.
    DISCOVERY_CALL = "discovery.call";

    // The library's own.
    /// The host's clock jumped. Durations are right, but times of day around it may be wrong.
    AUDIT_CLOCK_STEPPED = "audit.clock_stepped";
    /// What a process works by changed: its events name this one as their writer from here on.
    AUDIT_CONFIGURATION_CHANGED = "audit.configuration_changed";
    /// An operator removed the entries of effects that ended long ago: how many, and from before when.
    AUDIT_EFFECTS_PRUNED = "audit.effects_pruned";
    /// The deployment's redaction key was replaced: which fingerprint, and by which.
    AUDIT_KEY_ROTATED = "audit.key_rotated";
    /// An operator set a ceiling on the limits that hosts pass.
    AUDIT_LIMIT_SET = "audit.limit_set";
    /// Calls that failed to record an event: how many, by why.
    AUDIT_NOT_RECORDED = "audit.not_recorded";
    /// The trail was compared with the host's tables: what was found.
    AUDIT_RECONCILED = "audit.reconciled";
    /// The probe of an [`Auditor::self_test`](crate::Auditor::self_test).
    AUDIT_SELF_TEST = "audit.self_test";
    /// Packs are signed with another key from now on: which one, and by which it was replaced.
    AUDIT_SIGNING_KEY_ROTATED = "audit.signing_key_rotated";
    /// Events that were kept in the spool while the database was away are stored: how many, and
    /// which could not be.
    AUDIT_SPOOL_DRAINED = "audit.spool_drained";
    /// A process began to write: its program, and what is in force in it.
    AUDIT_WRITER_STARTED = "audit.writer_started";
    /// A process ended in order. One that died has none.
    AUDIT_WRITER_STOPPED = "audit.writer_stopped";
    /// A budget of the request, or of the day, is nearly used up.
    BUDGET_WARNED = "budget.warned";
    /// An effect may run: what it is charged, under which limits. Its outcome follows.
    EFFECT_ADMITTED = "effect.admitted";
    /// An effect's lease ended without an outcome: it is in doubt.
    EFFECT_EXPIRED = "effect.expired";
    /// An effect may not run, and why.
    EFFECT_REFUSED = "effect.refused";
    /// An effect was answered from the record of its first run.
    EFFECT_REPLAYED = "effect.replayed";
    /// An operator found out whether an effect in doubt was performed.
    EFFECT_RESOLVED = "effect.resolved";
    /// A person began to undo a request: who, and why. The compensations follow.
    EFFECT_UNDO_STARTED = "effect.undo_started";
    /// A request pack was exported: who may have read it.
    PACK_EXPORTED = "pack.exported";
    /// A kill switch was engaged: the effects that it governs stop.
    SWITCH_ENGAGED = "switch.engaged";
    /// The time limit of a kill switch ended: the effects that it governed may run again.
    SWITCH_LAPSED = "switch.lapsed";
    /// A kill switch was reset: the effects that it governs may run again.
    SWITCH_RESET = "switch.reset";
}
