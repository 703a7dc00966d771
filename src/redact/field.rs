//! What an external reader may learn from a field, by its name. What is not listed is hidden.

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Members that are decided on their own.
    Container,
    /// The host's own id.
    Id,
    /// A person's or a shop's name.
    Name,
    /// A remark of the host's own code.
    Note,
    /// A number, a flag, a time, or a word from a closed set.
    Open,
    /// A phone number.
    Phone,
    /// What a client, a vendor or Moltbot wrote.
    Text,
    /// Nobody said.
    Unlisted,
}

impl Class {
    /// The class's name in the rules.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Id => "id",
            Self::Name => "name",
            Self::Note => "note",
            Self::Open => "open",
            Self::Phone => "phone",
            Self::Text => "text",
            Self::Unlisted => "unlisted",
        }
    }

    /// The class of a field, or of a root pointer, wherever it stands.
    pub(super) fn of(key: &str) -> Self {
        let listed = FIELDS.iter().find(|(_, names)| names.contains(&key));
        listed.map_or(Self::Unlisted, |(class, _)| *class)
    }

    /// The class of a field in events of a type.
    pub(super) fn of_in(event_type: &str, key: &str) -> Self {
        let is_here =
            |(here, names): &&(&str, &[&str])| *here == event_type && names.contains(&key);
        if UNLISTED_IN.iter().any(|listed| is_here(&listed)) {
            Self::Unlisted
        } else {
            Self::of(key)
        }
    }
}

/// Every field an external reader learns something from, by class, in alphabetical order.
#[rustfmt::skip]
pub(super) const FIELDS: [(Class, &[&str]); 7] = [
    (Class::Container, &[
        "/input", "/output", "action", "candidates", "charges", "excluded", "factors",
        "field_confidence", "handoff", "items", "stop_conditions",
    ]),
    (Class::Id, &[
        "attempt_id", "consent_id", "job_id", "media_id", "message_id", "outreach_id",
        "provider_call_id", "provider_message_id", "vendor_id", "vendor_ids",
    ]),
    (Class::Name, &[
        "business_name", "profile_name", "vendor_name",
    ]),
    (Class::Note, &[
        "description", "errors", "fallback", "reason", "warnings",
    ]),
    (Class::Open, &[
        "action_type", "amount", "attempt", "attempts_max", "availability", "batch_number",
        "batch_size", "batches_max", "budget", "budget_max", "button_id", "calling_allowed",
        "cancelled_count", "category", "channel", "code", "confidence", "consecutive_failures",
        "consent_lifetime_ms",
        "cost_microusd", "decided_by", "duplicate", "duration_seconds", "effect", "effect_id",
        "elapsed_max_ms", "elapsed_ms", "expires_at", "failed", "finding", "from_state",
        "handed_off_at", "handoff_type", "input_tokens", "items_max", "language", "latency_seconds",
        "lease_ms", "lease_until", "length_bytes", "limit", "max_vendors", "media_mime_type",
        "message_type", "min_rating", "min_replies", "mode", "model", "moltbot_event_id",
        "moltbot_rank", "needs_clarification", "ocr_type", "omitted", "original_status",
        "other_effect_id", "outbound_event_id", "output_tokens", "parser_version", "period",
        "policy_version", "pool_size", "post_handoff", "price", "price_max", "price_min",
        "prompt_version", "provider", "purpose", "reply_event_id", "rule_rank", "rule_version",
        "scope", "score_delta", "sent", "state_suggestion", "status", "stopped_by", "switch", "switched_by", "switches",
        "target_role", "template_id", "threshold", "tie_breaks", "timeout_hours", "to", "to_state",
        "total", "type", "used",
    ]),
    (Class::Phone, &[
        "client_phone", "from_phone", "to_phone", "vendor_phone",
    ]),
    (Class::Text, &[
        "location_note", "message_template", "normalized_need", "options", "question_text",
        "response_summary", "safe_client_message", "summary_text", "text", "vendor_questions",
        "why",
    ]),
];

/// Fields that are listed, and hidden all the same in events of these types: what an operator wrote
/// about an operator's act is nobody's outside.
pub(super) const UNLISTED_IN: [(&str, &[&str]); 3] = [
    ("effect.resolved", &["reason"]),
    ("switch.engaged", &["reason"]),
    ("switch.reset", &["reason"]),
];

/// Events of the library's own, and the fields of them that hold counts: a limit of 720,000,000 is not
/// somebody's number, and must be seen to be checked.
pub(super) const COUNTS: (&[&str], &[&str]) =
    (&["budget.warned", "effect.admitted", "effect.refused"], &["amount", "limit", "used"]);

/// Whether a number is a count, whatever it looks like.
pub(super) fn is_count(event_type: &str, key: &str) -> bool {
    COUNTS.0.contains(&event_type) && COUNTS.1.contains(&key)
}
