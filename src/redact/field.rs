//! What an external reader may learn from a field, by its name. A field on no list is hidden.

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
    /// No list says.
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

    /// The class of a field, or of a root pointer, in events of any type.
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

/// Every field from which an external reader learns something, by class, in alphabetical order.
#[rustfmt::skip]
pub(super) const FIELDS: [(Class, &[&str]); 7] = [
    (Class::Container, &[
        "/input", "/output", "action", "candidates", "charges", "excluded", "factors",
        "field_confidence", "findings", "handoff", "items", "limits", "said_by_tables", "said_by_trail", "stop_conditions",
    ]),
    (Class::Id, &[
        "attempt_id", "consent_id", "job_id", "media_id", "message_id", "outreach_id",
        "provider_call_id", "provider_message_id", "row_id", "vendor_id", "vendor_ids",
    ]),
    (Class::Name, &[
        "business_name", "profile_name", "vendor_name",
    ]),
    (Class::Note, &[
        "description", "errors", "fallback", "reason", "warnings",
    ]),
    (Class::Open, &[
        "action_type", "amount", "aspect", "attempt", "attempts_max", "availability", "batch_number",
        "batch_size", "batches_max", "budget", "budget_max", "button_id", "calling_allowed",
        "cache_creation_input_tokens", "cache_read_input_tokens", "cancelled_count", "category", "channel", "code", "compensable_until", "compensable_within_ms", "compensation", "confidence", "consecutive_failures",
        "consent_lifetime_ms",
        "cost_microusd", "decided_by", "duplicate", "duration_seconds", "effect", "effect_id",
        "elapsed_max_ms", "elapsed_ms", "errors_found", "expires_at", "failed", "finding", "finding_code", "findings_left_out", "finish_reason", "from_state",
        "handed_off_at", "handoff_type", "input_tokens", "items_max", "language", "latency_seconds",
        "lease_ms", "lease_until", "length_bytes", "limit", "max_vendors", "measured", "media_mime_type",
        "message_type", "min_rating", "min_replies", "mode", "model", "moltbot_event_id",
        "moltbot_rank", "needs_clarification", "not_checkable", "ocr_type", "omitted", "original_status",
        "other_effect_id", "outbound_event_id", "output_tokens", "parser_version", "period", "period_before", "period_from",
        "policy_version", "pool_size", "post_handoff", "price", "price_max", "price_min", "profile_version",
        "price_list_version", "prompt_version", "provider", "purpose", "reasoning_output_tokens", "reply_event_id", "reported_at", "requests_compared", "reversal", "reverses", "rows_matched", "rule_rank", "rule_version",
        "scope", "score_delta", "sent", "severity", "side_number", "side_time", "side_word", "state_suggestion", "status", "stopped_by", "subject", "switch", "switch_event_id", "switch_scope", "switched_by", "switches",
        "target_role", "template_id", "threshold", "text_digest", "tie_breaks", "timeout_hours", "to", "to_state",
        "total", "trail_event_id", "type", "until", "used", "warnings_found",
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

/// Listed fields that are hidden in events of these types. What an operator wrote about an
/// operator's act does not concern outsiders.
pub(super) const UNLISTED_IN: [(&str, &[&str]); 4] = [
    ("effect.resolved", &["reason"]),
    ("effect.undo_started", &["reason"]),
    ("switch.engaged", &["reason"]),
    ("switch.reset", &["reason"]),
];

/// What a field that the sections compute from holds. A value of its kind is always shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// A number from which limits are added up, even if it looks like a phone number.
    Count,
    /// The id of an event.
    EventId,
    /// True or false.
    Flag,
    /// Members or elements.
    Members,
    /// A number that is not a phone number.
    Number,
    /// A time.
    Time,
    /// A word from a closed set, or a version.
    Word,
}

impl Holds {
    /// What a field holds in events of a type; `None` if no section computes from it.
    pub(super) fn of(event_type: &str, key: &str) -> Option<Self> {
        let is_here = |(types, names): &&(&[&str], &[&str])| {
            names.contains(&key) && (types.is_empty() || types.contains(&event_type))
        };
        NEEDED.iter().any(|needed| is_here(&needed)).then(|| {
            let kind = KINDS.iter().find(|(_, names)| names.contains(&key));
            kind.map_or(Self::Word, |(kind, _)| *kind)
        })
    }
}

/// The fields that the sections compute from, by event type. Without a type, they are fields of every event.
#[rustfmt::skip]
pub(super) const NEEDED: [(&[&str], &[&str]); 19] = [
    (&[], &[
        "/input", "/output", "cache_creation_input_tokens", "cache_read_input_tokens", "cost_microusd", "input_tokens",
        "output_tokens", "reasoning_output_tokens", "stopped_by",
    ]),
    (&["ai.disclosed"], &["outbound_event_id", "target_role", "text_digest"]),
    (&["budget.warned", "request.time_budget_warning"], &["budget", "limit", "period", "used"]),
    (&["call.consent_denied", "call.consent_expired", "call.consent_granted"], &["expires_at"]),
    (&["call.failed", "call.started"], &["target_role"]),
    (&["call.status_updated"], &["duration_seconds", "status"]),
    (&["effect.admitted", "effect.expired", "effect.refused", "effect.replayed", "effect.resolved"], &[
        "amount", "budget", "charges", "compensable_until", "compensable_within_ms", "compensation", "consent_lifetime_ms", "effect", "effect_id", "elapsed_max_ms", "elapsed_ms",
        "finding", "lease_ms", "lease_until", "limit", "other_effect_id", "period", "reversal", "reverses", "switch",
        "switch_event_id", "switch_scope", "switched_by", "switches", "used",
    ]),
    (&["audit.reconciled", "effect.resolved", "effect.undo_started", "pack.exported", "switch.engaged", "switch.reset"], &["by", "how"]),
    (&["moltbot.called"], &["action", "attempt", "attempts_max"]),
    (&["moltbot.output_accepted", "moltbot.output_blocked", "moltbot.output_rejected"], &[
        "consecutive_failures", "moltbot_event_id",
    ]),
    (&["ocr.job_done", "ocr.job_failed"], &[
        "confidence", "needs_clarification", "status", "threshold",
    ]),
    (&["request.state_changed"], &["from_state", "to_state"]),
    (&["shortlist.generated"], &[
        "budget_max", "code", "decided_by", "excluded", "factors", "items", "items_max", "measured", "mode",
        "moltbot_event_id", "moltbot_rank", "price", "reply_event_id", "rule_rank", "rule_version",
        "score_delta", "tie_breaks", "total",
    ]),
    (&["shortlist.handoff"], &["cancelled_count", "handed_off_at", "handoff_type"]),
    (&["switch.engaged", "switch.lapsed", "switch.reset"], &["scope", "switch", "until"]),
    (&["vendor.candidates_selected"], &[
        "candidates", "code", "excluded", "factors", "measured", "mode", "moltbot_event_id", "pool_size",
        "rule_version", "score_delta", "total",
    ]),
    (&["vendor.outreach_sent"], &["batch_number"]),
    (&["vendor.reply_recorded"], &[
        "availability", "confidence", "latency_seconds", "parser_version", "post_handoff",
        "price_max", "price_min",
    ]),
    (&["whatsapp.status_updated"], &["reported_at", "status"]),
];

/// What the fields above hold. All others hold words.
#[rustfmt::skip]
pub(super) const KINDS: [(Holds, &[&str]); 6] = [
    (Holds::Count, &[
        "amount", "cache_creation_input_tokens", "cache_read_input_tokens", "compensable_within_ms", "consent_lifetime_ms", "cost_microusd",
        "elapsed_max_ms", "elapsed_ms", "input_tokens", "lease_ms", "limit", "output_tokens", "reasoning_output_tokens",
        "used",
    ]),
    (Holds::EventId, &[
        "effect_id", "moltbot_event_id", "other_effect_id", "outbound_event_id", "reply_event_id",
        "reverses", "switch_event_id",
    ]),
    (Holds::Flag, &["needs_clarification", "post_handoff"]),
    (Holds::Members, &[
        "/input", "/output", "action", "by", "candidates", "charges", "excluded", "factors", "items",
    ]),
    (Holds::Number, &[
        "attempt", "attempts_max", "batch_number", "budget_max", "cancelled_count", "confidence",
        "consecutive_failures", "duration_seconds", "items_max", "latency_seconds", "measured", "moltbot_rank",
        "pool_size", "price", "price_max", "price_min", "rule_rank", "score_delta", "threshold",
        "total",
    ]),
    (Holds::Time, &["compensable_until", "expires_at", "handed_off_at", "lease_until", "reported_at", "until"]),
];
