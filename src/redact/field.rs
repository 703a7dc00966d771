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

    /// The class of a field, or of a root pointer.
    pub(super) fn of(key: &str) -> Self {
        let listed = FIELDS.iter().find(|(_, names)| names.contains(&key));
        listed.map_or(Self::Unlisted, |(class, _)| *class)
    }
}

/// Every field an external reader learns something from, by class, in alphabetical order.
#[rustfmt::skip]
pub(super) const FIELDS: [(Class, &[&str]); 7] = [
    (Class::Container, &[
        "/input", "/output", "action", "candidates", "excluded", "factors", "field_confidence",
        "handoff", "items", "stop_conditions",
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
        "action_type", "attempt", "attempts_max", "availability", "batch_number", "batch_size",
        "batches_max", "budget", "budget_max", "button_id", "calling_allowed", "cancelled_count",
        "category", "channel", "code", "confidence", "consecutive_failures", "cost_microusd",
        "decided_by", "duplicate", "duration_seconds", "expires_at", "failed", "from_state",
        "handed_off_at", "handoff_type", "input_tokens", "items_max", "language", "latency_seconds",
        "length_bytes", "limit", "max_vendors", "media_mime_type", "message_type", "min_rating",
        "min_replies", "mode", "model", "moltbot_event_id", "moltbot_rank", "needs_clarification",
        "ocr_type", "omitted", "original_status", "outbound_event_id", "output_tokens",
        "parser_version", "policy_version", "pool_size", "post_handoff", "price", "price_max",
        "price_min", "prompt_version", "provider", "purpose", "reply_event_id", "rule_rank",
        "rule_version", "scope", "score_delta", "sent", "state_suggestion", "status", "target_role",
        "template_id", "threshold", "tie_breaks", "timeout_hours", "to", "to_state", "total", "type",
        "used",
    ]),
    (Class::Phone, &[
        "client_phone", "from_phone", "to_phone", "vendor_phone",
    ]),
    (Class::Text, &[
        "location_note", "message_template", "normalized_need", "options", "question_text",
        "response_summary", "safe_client_message", "summary_text", "text", "vendor_questions", "why",
    ]),
];
