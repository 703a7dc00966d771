//! Consents and calls.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::told::{OtherShape, Source, told, told_as};
use crate::event::EventType;
use crate::event::payload::{
    CallConsentGranted, CallConsentRequested, CallStarted, CallStatusUpdated,
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
    /// Answers to consents that no event asked for.
    pub unmatched_decisions: Vec<ConsentDecision>,
    /// Reports on calls that no event placed.
    pub unmatched_statuses: Vec<StatusReport>,
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
    /// The payload, where it has another shape.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_shape: Option<OtherShape>,
}

/// One answer.
#[derive(Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ConsentDecision {
    /// The event that says so.
    #[serde(flatten)]
    pub source: Source,
    /// The host's row for the consent.
    pub consent_id: Option<String>,
    /// `granted`, `denied`, `expired`.
    pub decision: &'static str,
    /// What the client wrote.
    pub text: Option<String>,
    /// When a grant lapses.
    pub expires_at: Option<DateTime<Utc>>,
    /// The payload, where it has another shape.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_shape: Option<OtherShape>,
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
    /// Whether that consent was granted, by an event before the call, and had not lapsed.
    pub consent_granted: bool,
    /// Who was called: `client` or `vendor`.
    pub target_role: Option<String>,
    /// What for.
    pub purpose: Option<String>,
    /// What the provider reported.
    pub statuses: Vec<StatusReport>,
    /// The payload, where it has another shape.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_shape: Option<OtherShape>,
}

/// One report of the provider.
#[derive(Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StatusReport {
    /// The event that says so.
    #[serde(flatten)]
    pub source: Source,
    /// The host's row for the attempt.
    pub attempt_id: Option<String>,
    /// `ringing`, `answered`, `completed`, …
    pub status: Option<String>,
    /// The provider's own word for it.
    pub original_status: Option<String>,
    /// How long the call lasted.
    pub duration_seconds: Option<u32>,
    /// The provider's error.
    pub error_message: Option<String>,
    /// The payload, where it has another shape.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_shape: Option<OtherShape>,
}

pub(super) fn section(events: &[PackEvent]) -> Section<CallAttempts> {
    let decisions = decisions(events);
    let mut attempts = attempts(events, &decisions);
    let unmatched_statuses = report(&mut attempts, events);
    let mut consents = consents(events);
    let unmatched_decisions = answer(&mut consents, decisions);
    if consents.is_empty()
        && attempts.is_empty()
        && unmatched_decisions.is_empty()
        && unmatched_statuses.is_empty()
    {
        return Section::Empty;
    }
    let content = CallAttempts { consents, attempts, unmatched_decisions, unmatched_statuses };
    Section::Recorded { content }
}

fn consents(events: &[PackEvent]) -> Vec<Consent> {
    told::<CallConsentRequested>(events)
        .map(|asked| Consent {
            source: asked.source,
            consent_id: asked.input.consent_id,
            scope: asked.input.scope,
            decisions: Vec::new(),
            other_shape: asked.other_shape,
        })
        .collect()
}

/// Every answer, in the order they were recorded.
fn decisions(events: &[PackEvent]) -> Vec<ConsentDecision> {
    let granted = told::<CallConsentGranted>(events).map(|told| (told, "granted"));
    let expired = told_as::<CallConsentGranted>(events, EventType::CALL_CONSENT_EXPIRED)
        .map(|told| (told, "expired"));
    let denied = told_as::<CallConsentGranted>(events, EventType::CALL_CONSENT_DENIED)
        .map(|told| (told, "denied"));
    let mut decisions: Vec<_> = granted
        .chain(expired)
        .chain(denied)
        .map(|(told, decision)| ConsentDecision {
            source: told.source,
            consent_id: told.input.consent_id,
            decision,
            text: told.input.text,
            expires_at: told.input.expires_at,
            other_shape: told.other_shape,
        })
        .collect();
    decisions.sort_by_key(|decision| decision.source.seq);
    decisions
}

/// Puts each answer to the first question of its consent, and returns those without a question.
fn answer(consents: &mut [Consent], decisions: Vec<ConsentDecision>) -> Vec<ConsentDecision> {
    let mut first = HashMap::new();
    for (at, consent) in consents.iter().enumerate() {
        first.entry(consent.consent_id.clone()).or_insert(at);
    }
    let mut unmatched = Vec::new();
    for decision in decisions {
        match first.get(&decision.consent_id) {
            Some(at) => consents[*at].decisions.push(decision),
            None => unmatched.push(decision),
        }
    }
    unmatched
}

fn attempts(events: &[PackEvent], decisions: &[ConsentDecision]) -> Vec<Attempt> {
    let mut by_consent: HashMap<_, Vec<_>> = HashMap::new();
    for decision in decisions {
        by_consent.entry(decision.consent_id.as_deref()).or_default().push(decision);
    }
    let started = told::<CallStarted>(events);
    let failed = told_as::<CallStarted>(events, EventType::CALL_FAILED);
    let mut attempts: Vec<_> = started
        .chain(failed)
        .map(|call| {
            let consent_id = call.input.consent_id;
            let answers = consent_id.as_deref().and_then(|id| by_consent.get(&Some(id)));
            Attempt {
                consent_granted: answers.is_some_and(|answers| covers(answers, &call.source)),
                source: call.source,
                attempt_id: call.input.attempt_id,
                consent_id,
                target_role: call.input.target_role,
                purpose: call.input.purpose,
                statuses: Vec::new(),
                other_shape: call.other_shape,
            }
        })
        .collect();
    attempts.sort_by_key(|attempt| attempt.source.seq);
    attempts
}

/// Whether the last answer before the call is a grant that had not lapsed. A grant that did not
/// succeed is no answer.
fn covers(answers: &[&ConsentDecision], call: &Source) -> bool {
    let is_grant = |answer: &ConsentDecision| answer.decision == "granted";
    let before = answers.partition_point(|answer| answer.source.seq < call.seq);
    let mut counting = answers[..before].iter().rev();
    counting.find(|answer| !is_grant(answer) || answer.source.succeeded()).is_some_and(|last| {
        is_grant(last) && last.expires_at.is_none_or(|expires_at| call.at < expires_at)
    })
}

/// Puts each report to the last attempt it can be of, and returns those without an attempt.
fn report(attempts: &mut [Attempt], events: &[PackEvent]) -> Vec<StatusReport> {
    let places = attempts.iter().enumerate();
    let last: HashMap<_, _> =
        places.map(|(at, attempt)| (attempt.attempt_id.clone(), at)).collect();
    let mut unmatched = Vec::new();
    for told in told::<CallStatusUpdated>(events) {
        let report = StatusReport {
            source: told.source,
            attempt_id: told.input.attempt_id,
            status: told.output.status,
            original_status: told.input.original_status,
            duration_seconds: told.output.duration_seconds,
            error_message: told.output.error_message,
            other_shape: told.other_shape,
        };
        match last.get(&report.attempt_id) {
            Some(at) => attempts[*at].statuses.push(report),
            None => unmatched.push(report),
        }
    }
    unmatched
}
