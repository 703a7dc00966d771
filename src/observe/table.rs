//! The table of metrics: every name, label and label value that the library emits.
//!
//! Alerts, the dashboard and the documentation are checked against it.

use std::sync::LazyLock;

use crate::event::{Budget, ErrorCode, EventType, Outcome, Switch};

/// Replaces a label value that is not in the closed set.
pub const OTHER: &str = "other";

/// The label value of an effect that no switch governs.
pub(crate) const NO_SWITCH: &str = "none";

/// A metric, as it is described to the recorder.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Metric {
    /// Its name, without a prefix.
    pub name: &'static str,
    /// Counter, gauge or histogram.
    pub kind: MetricKind,
    /// What it counts or measures, for the recorder.
    pub description: &'static str,
    /// Its labels, each with a closed set of values. A counter has a series for every combination, from 0
    /// on; a gauge has a series once it has a value.
    pub labels: &'static [Label],
}

/// How a metric behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum MetricKind {
    /// Only ever grows, from 0 at the start of the process.
    Counter,
    /// The current value.
    Gauge,
    /// A distribution.
    Histogram {
        /// Upper bounds that suit it, for a recorder that keeps buckets.
        buckets: &'static [f64],
    },
}

/// A label, and the closed set of its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Label {
    /// `budget`: one of the library's budgets; `other` is never given.
    Budget,
    /// `effect`: the event type of an effect of the library, or `other`.
    Effect,
    /// `event_type`: one of [`EventType::KNOWN`], or `other`.
    EventType,
    /// `kind`: what was limited: one of the library's budgets, `elapsed_ms`, or `other`.
    Limited,
    /// `outcome`: one of [`Outcome::ALL`], or `other`.
    Outcome,
    /// `reason`: one of [`ErrorCode::ALL`], or `other`.
    Reason,
    /// `severity`: one of [`Severity::ALL`](crate::event::Severity::ALL).
    Severity,
    /// `switch`: one of the library's switches; `none` if an effect has no switch; or `other`.
    Switch,
    /// `kind`: a kind of tokens: `input`, `cache_read`, `cache_creation`, `output` or `reasoning`.
    Tokens,
    /// `verdict`: `passed` or `failed`.
    Verdict,
    /// `why`: `overloaded`, `spool` or `store`.
    Why,
}

impl Label {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Budget => "budget",
            Self::Effect => "effect",
            Self::EventType => "event_type",
            Self::Limited | Self::Tokens => "kind",
            Self::Outcome => "outcome",
            Self::Reason => "reason",
            Self::Severity => "severity",
            Self::Switch => "switch",
            Self::Verdict => "verdict",
            Self::Why => "why",
        }
    }

    /// Every value it can have.
    #[must_use]
    pub fn values(self) -> &'static [&'static str] {
        match self {
            Self::Budget => &VALUES.budgets,
            Self::Effect => &VALUES.effects,
            Self::EventType => &VALUES.event_types,
            Self::Limited => &VALUES.limited,
            Self::Outcome => &VALUES.outcomes,
            Self::Reason => &VALUES.reasons,
            Self::Severity => &["error", "warning"],
            Self::Switch => &VALUES.switches,
            Self::Tokens => &["input", "cache_read", "cache_creation", "output", "reasoning"],
            Self::Verdict => &["passed", "failed"],
            Self::Why => &["overloaded", "spool", "store"],
        }
    }

    /// The label value for a text: itself if it is in the set, else [`OTHER`].
    #[cfg(feature = "recorder")]
    pub(crate) fn value(self, text: &str) -> &'static str {
        self.values().iter().find(|value| **value == text).copied().unwrap_or(OTHER)
    }
}

/// The sets that other rooms define, built once because every record needs them.
struct Values {
    budgets: Vec<&'static str>,
    effects: Vec<&'static str>,
    event_types: Vec<&'static str>,
    limited: Vec<&'static str>,
    outcomes: Vec<&'static str>,
    reasons: Vec<&'static str>,
    switches: Vec<&'static str>,
}

static VALUES: LazyLock<Values> = LazyLock::new(|| {
    let budgets = || BUDGETS.iter().map(Budget::as_str);
    Values {
        budgets: budgets().chain([OTHER]).collect(),
        effects: EFFECTS.iter().map(EventType::as_str).chain([OTHER]).collect(),
        event_types: EventType::KNOWN.iter().map(EventType::as_str).chain([OTHER]).collect(),
        limited: budgets().chain(["elapsed_ms", OTHER]).collect(),
        outcomes: Outcome::ALL.iter().map(|one| one.as_str()).chain([OTHER]).collect(),
        reasons: ErrorCode::ALL.iter().map(|one| one.as_str()).chain([OTHER]).collect(),
        switches: SWITCHES.iter().map(Switch::as_str).chain([NO_SWITCH, OTHER]).collect(),
    }
});

const BUDGETS: &[Budget] = &[
    Budget::MOLTBOT_CALLS,
    Budget::OCR_JOBS,
    Budget::VENDOR_BATCHES,
    Budget::VENDORS,
    Budget::TOKENS,
    Budget::COST_MICROUSD,
];

/// By the event type of the outcome. A failed effect counts under the same.
const EFFECTS: &[EventType] = &[
    EventType::CALL_CONSENT_REQUESTED,
    EventType::CALL_STARTED,
    EventType::MOLTBOT_CALLED,
    EventType::OCR_JOB_DONE,
    EventType::VENDOR_BATCH_SENT,
    EventType::VENDOR_OUTREACH_SENT,
    EventType::WHATSAPP_OUTBOUND_SENT,
];

const SWITCHES: &[Switch] = &[Switch::AI, Switch::CALLING, Switch::OCR];

/// Around the target of 6 minutes and the limit of 10.
const SHORTLIST_BUCKETS: &[f64] = &[
    15.0, 30.0, 60.0, 120.0, 180.0, 240.0, 300.0, 360.0, 420.0, 480.0, 600.0, 720.0, 900.0, 1800.0,
];
const CONFIDENCE_BUCKETS: &[f64] =
    &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0];
const APPEND_BUCKETS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// For messages, and for slow model calls.
const EFFECT_BUCKETS: &[f64] =
    &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0];

/// Declares the metrics, and the list of them.
macro_rules! metrics {
    ($($constant:ident = $name:literal, $kind:expr, [$($label:ident),*], $description:literal;)*) => {
        $(
            pub(crate) const $constant: Metric = Metric {
                name: $name,
                kind: $kind,
                description: $description,
                labels: &[$(Label::$label),*],
            };
        )*

        /// Every metric of the library.
        pub const METRICS: &[Metric] = &[$($constant),*];
    };
}

use MetricKind::{Counter, Gauge, Histogram};

metrics! {
    // The seed's, by workflow 09, step 4.
    REQUESTS_CREATED = "requests_created_total", Counter, [],
        "Requests opened (request.created).";
    TIME_TO_SHORTLIST = "time_to_shortlist_seconds", Histogram { buckets: SHORTLIST_BUCKETS }, [],
        "Seconds from a request's first event until its first shortlist, both as they are dated; not measured if the first event is dated later.";
    VENDOR_MESSAGES_SENT = "vendor_messages_sent_total", Counter, [],
        "Messages to vendors that went out (vendor.outreach_sent that succeeded).";
    MESSAGES_DELIVERED = "messages_delivered_total", Counter, [],
        "Messages to clients and vendors that the provider reported as delivered or read; each once.";
    MESSAGES_READ = "messages_read_total", Counter, [],
        "Messages that the provider reported as read; each once, and each is one of messages_delivered_total.";
    MESSAGES_FAILED = "messages_failed_total", Counter, [],
        "Messages that the provider accepted and later reported as failed; each once.";
    OCR_JOBS = "ocr_jobs_total", Counter, [],
        "OCR jobs that ended, with a reading or without.";
    OCR_FAILURES = "ocr_failures_total", Counter, [],
        "OCR jobs that ended without a reading; each is one of ocr_jobs_total.";
    CALLS_STARTED = "calls_started_total", Counter, [],
        "Calls asked of the provider, placed or not; each once.";
    CALLS_FAILED = "calls_failed_total", Counter, [],
        "Calls that could not be placed, or that the provider reported as failed; each once, however often that is reported. Unanswered and busy are no failures.";
    MOLTBOT_OUTPUT_REJECTED = "moltbot_output_rejected_total", Counter, [Reason],
        "Answers of Moltbot that broke the output contract.";

    MOLTBOT_CALLS = "moltbot_calls_total", Counter, [Outcome],
        "Calls of Moltbot, by how they ended.";
    VENDOR_REPLIES = "vendor_replies_total", Counter, [],
        "Messages to vendors that were replied to (vendor.reply_recorded); the first reply to a message counts.";
    OCR_CONFIDENCE = "ocr_confidence", Histogram { buckets: CONFIDENCE_BUCKETS }, [],
        "How sure the reader was of a reading, 0 to 1.";
    LLM_TOKENS = "llm_tokens_total", Counter, [Tokens],
        "Tokens of models, by their kind; each counts in one kind.";
    LLM_COST = "llm_cost_microusd_total", Counter, [],
        "What models cost, in millionths of a US dollar.";

    EFFECTS_ADMITTED = "effects_admitted_total", Counter, [Switch],
        "Effects that were let run, by the switch that governs them; under several switches each counts it.";
    EFFECTS_REFUSED = "effects_refused_total", Counter, [Reason],
        "Effects that were not let run, by why.";
    EFFECT_SECONDS = "effect_seconds", Histogram { buckets: EFFECT_BUCKETS }, [Effect],
        "Seconds that an effect took, from its permit to its outcome, however it ended.";
    BUDGET_REFUSALS = "budget_refusals_total", Counter, [Limited],
        "Effects refused because a budget, or the request's time, was used up.";
    BUDGET_WARNINGS = "budget_warnings_total", Counter, [Limited],
        "Warnings that a budget, or the request's time, is nearly used up.";
    BUDGET_DAY_USED = "budget_day_used", Gauge, [Budget],
        "What of a budget the day has used, in the budget's unit; no series where there is no limit.";
    BUDGET_DAY_LIMIT = "budget_day_limit", Gauge, [Budget],
        "The most of a budget that a day may use, in the budget's unit; no series where there is no limit.";
    KILL_SWITCH_ENABLED = "kill_switch_enabled", Gauge, [Switch],
        "1 while a kill switch is engaged everywhere, so that what it governs is refused; else 0.";
    KILL_SWITCH_RESET_BY_CLAIM = "kill_switch_reset_by_claim", Gauge, [Switch],
        "1 while a kill switch stands reset under an unverified (claimed) identity; else 0.";
    CONVERSATIONS_TAKEN_OVER = "conversations_taken_over", Gauge, [],
        "Conversations in which a human answers instead of the AI.";

    AUDIT_EVENTS = "audit_events_total", Counter, [EventType],
        "Events that this process saw stored in the database.";
    AUDIT_APPEND = "audit_append_seconds", Histogram { buckets: APPEND_BUCKETS }, [],
        "Seconds that one append of a batch to the database took.";
    AUDIT_ADMIT = "audit_admit_seconds", Histogram { buckets: APPEND_BUCKETS }, [],
        "Seconds that a caller waited to be told whether an effect may run.";
    AUDIT_APPEND_FAILURES = "audit_append_failures_total", Counter, [Why],
        "Events that were neither stored nor spooled, by what failed.";
    AUDIT_SPOOLED = "audit_spooled_events_total", Counter, [],
        "Events that went into the spool.";
    AUDIT_SPOOL_EVENTS = "audit_spool_events", Gauge, [],
        "Events that wait in the spool.";
    AUDIT_SPOOL_BYTES = "audit_spool_bytes", Gauge, [],
        "Bytes that wait in the spool.";
    AUDIT_SPOOL_AGE = "audit_spool_age_seconds", Gauge, [],
        "Seconds since the oldest event in the spool happened; 0 while the spool is empty.";
    AUDIT_SPOOL_SET_ASIDE = "audit_spool_set_aside_events_total", Counter, [],
        "Events of the spool that the database refuses for good.";
    AUDIT_IN_DOUBT = "audit_in_doubt_effects", Gauge, [],
        "Effects of which nobody knows whether they were performed.";
    AUDIT_PARTITIONS_AHEAD = "audit_partitions_ahead_seconds", Gauge, [],
        "Seconds until the database's last prepared partition ends.";
    AUDIT_VERIFICATIONS = "audit_verifications_total", Counter, [Verdict],
        "Packs that were verified, by whether they are untampered.";
    AUDIT_UNRECONCILED = "audit_unreconciled_findings", Gauge, [Severity],
        "What the last recorded comparison of the trail with the host's tables found, by severity; no series before the first.";
    AUDIT_RECONCILED_AT = "audit_reconciled_timestamp_seconds", Gauge, [],
        "When the trail was last compared with the host's tables, in seconds since 1970; no series before the first.";
    AUDIT_HEARTBEAT = "audit_heartbeat_timestamp_seconds", Gauge, [],
        "When the auditor last looked at its database and found it there, in seconds since 1970.";
    AUDIT_LOG_LINES_LOST = "audit_log_lines_lost_total", Counter, [],
        "Log lines that could not be written.";
}
