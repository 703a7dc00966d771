//! Consents and calls.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::told::{Source, told, told_as};
use crate::event::EventType;
use crate::event::payload::{
    CallConsentDenied, CallConsentGranted, CallConsentRequested, CallStarted, CallStatusUpdated,
};
use crate::pack::{PackEvent, Section};

/// Who was asked, and who was called.
#[derive(Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CallAttempts {
    /// Consents that were asked for.
    pub consents: Vec<Consent>,
    /// Calls that were placed, or tried.
    pub attempts: Vec<Attempt>,
}

/// One consent.
#[derive(Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Consent {
    /// The event that asked.
    #[serde(flatten)]
    pub source: Source,
    /// The host's row for the consent.
    pub consent_id: Option<String>,
    /// What the call would be about.
    pub scope: Option<String>,
    /// What the client answered, in order.
    pub decisions: Vec<ConsentDecision>,
}

/// One answer.
#[derive(Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ConsentDecision {
    /// The event that says so.
    #[serde(flatten)]
    pub source: Source,
    /// `granted`, `denied`, `expired`.
    pub decision: &'static str,
    /// What the client wrote.
    pub text: Option<String>,
    /// When a grant lapses.
    pub expires_at: Option<DateTime<Utc>>,
}

/// One call.
#[derive(Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Attempt {
    /// The event that placed it.
    #[serde(flatten)]
    pub source: Source,
    /// The host's row for the attempt.
    pub attempt_id: Option<String>,
    /// The consent it rests on.
    pub consent_id: Option<String>,
    /// Whether that consent was granted, by an event before the call.
    pub consent_granted: bool,
    /// Who was called: `client` or `vendor`.
    pub target_role: Option<String>,
    /// What for.
    pub purpose: Option<String>,
    /// What the provider reported.
    pub statuses: Vec<StatusReport>,
}

/// One report of the provider.
#[derive(Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StatusReport {
    /// The event that says so.
    #[serde(flatten)]
    pub source: Source,
    /// `ringing`, `answered`, `completed`, …
    pub status: Option<String>,
    /// The provider's own word for it.
    pub original_status: Option<String>,
    /// How long the call lasted.
    pub duration_seconds: Option<u32>,
    /// The provider's error.
    pub error_message: Option<String>,
}

pub(super) fn section(events: &[PackEvent]) -> Section<CallAttempts> {
    let consents = consents(events);
    let attempts = attempts(events, &consents);
    if consents.is_empty() && attempts.is_empty() {
        Section::Empty
    } else {
        Section::Recorded { content: CallAttempts { consents, attempts } }
    }
}

fn consents(events: &[PackEvent]) -> Vec<Consent> {
    let mut decisions: Vec<_> = decisions(events);
    told::<CallConsentRequested>(events)
        .map(|asked| {
            let consent_id = asked.input.consent_id;
            let (own, others): (Vec<_>, Vec<_>) =
                std::mem::take(&mut decisions).into_iter().partition(|(id, _)| *id == consent_id);
            decisions = others;
            Consent {
                source: asked.source,
                consent_id,
                scope: asked.input.scope,
                decisions: own.into_iter().map(|(_, decision)| decision).collect(),
            }
        })
        .collect()
}

/// Every answer with the consent it names, in the order they were recorded.
fn decisions(events: &[PackEvent]) -> Vec<(Option<String>, ConsentDecision)> {
    let granted = told::<CallConsentGranted>(events).map(|told| (told, "granted"));
    let expired = told_as::<CallConsentGranted>(events, EventType::CALL_CONSENT_EXPIRED)
        .map(|told| (told, "expired"));
    let granted =
        granted.chain(expired).map(|(told, decision)| (told.source, told.input, decision));
    let denied = told::<CallConsentDenied>(events).map(|told| (told.source, told.input, "denied"));
    let mut decisions: Vec<_> = granted
        .chain(denied)
        .map(|(source, input, decision)| {
            let (text, expires_at) = (input.text, input.expires_at);
            (input.consent_id, ConsentDecision { source, decision, text, expires_at })
        })
        .collect();
    decisions.sort_by_key(|(_, decision)| decision.source.seq);
    decisions
}

fn attempts(events: &[PackEvent], consents: &[Consent]) -> Vec<Attempt> {
    let started = told::<CallStarted>(events);
    let failed = told_as::<CallStarted>(events, EventType::CALL_FAILED);
    let mut attempts: Vec<_> = started
        .chain(failed)
        .map(|call| Attempt {
            consent_granted: is_granted(
                consents,
                call.input.consent_id.as_deref(),
                call.source.seq,
            ),
            source: call.source,
            attempt_id: call.input.attempt_id,
            consent_id: call.input.consent_id,
            target_role: call.input.target_role,
            purpose: call.input.purpose,
            statuses: Vec::new(),
        })
        .collect();
    attempts.sort_by_key(|attempt| attempt.source.seq);
    for report in told::<CallStatusUpdated>(events) {
        let is_same = |attempt: &&mut Attempt| attempt.attempt_id == report.input.attempt_id;
        if let Some(attempt) = attempts.iter_mut().rfind(is_same) {
            attempt.statuses.push(StatusReport {
                source: report.source,
                status: report.output.status,
                original_status: report.input.original_status,
                duration_seconds: report.output.duration_seconds,
                error_message: report.output.error_message,
            });
        }
    }
    attempts
}

/// Whether the consent's last answer before the call was a grant.
fn is_granted(consents: &[Consent], consent_id: Option<&str>, call_seq: i64) -> bool {
    let consent = consents
        .iter()
        .find(|consent| consent_id.is_some() && consent.consent_id.as_deref() == consent_id);
    let before = |decision: &&ConsentDecision| decision.source.seq < call_seq;
    let last = consent.and_then(|consent| consent.decisions.iter().rfind(before));
    last.is_some_and(|decision| decision.decision == "granted")
}
