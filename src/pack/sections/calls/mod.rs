//! Consents and calls.

mod findings;

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use uuid::Uuid;

pub(super) use self::findings::findings;
use super::typed_events::{
    DECIDED_WITHIN, OtherShape, Source, TypedEvent, is_hidden, read, typed, typed_as,
};
use crate::event::EventType;
use crate::event::payload::{
    CONSENT_LIFETIME, CallConsentGranted, CallConsentRequested, CallStarted, CallStatusUpdated,
    EffectAdmitted,
};
use crate::pack::{PackEvent, Section};
use crate::record::{lapse, time_of};

/// Who was asked, and who was called.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct CallAttempts {
    /// Consents that were asked for.
    pub consents: Vec<Consent>,
    /// Calls that were placed, or tried.
    pub attempts: Vec<Attempt>,
    /// Answers to consents that no event before them asked for.
    pub unmatched_decisions: Vec<ConsentDecision>,
    /// Reports on calls that no event placed.
    pub unmatched_statuses: Vec<StatusReport>,
}

/// One consent.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// The payload as it is, if it does not have the shape of its event type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_shape: Option<OtherShape>,
}

/// One answer.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ConsentDecision {
    /// The event that records it.
    #[serde(flatten)]
    pub source: Source,
    /// The host's row for the consent.
    pub consent_id: Option<String>,
    /// `granted`, `denied`, `expired`.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["granted", "denied", "expired"])))]
    pub decision: &'static str,
    /// What the client wrote.
    pub text: Option<String>,
    /// When a grant lapses.
    pub expires_at: Option<DateTime<Utc>>,
    /// The payload as it is, if it does not have the shape of its event type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_shape: Option<OtherShape>,
}

/// One call.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Attempt {
    /// The event that placed it.
    #[serde(flatten)]
    pub source: Source,
    /// The host's row for the attempt.
    pub attempt_id: Option<String>,
    /// The provider's id of the call.
    pub provider_call_id: Option<String>,
    /// The consent it rests on.
    pub consent_id: Option<String>,
    /// Whether that consent was granted, and had not lapsed, when the call was admitted. The
    /// database's times decide, as they did at the admission.
    pub consent_granted: ConsentState,
    /// Who was called: `client` or `vendor`.
    pub target_role: Option<String>,
    /// What for.
    pub purpose: Option<String>,
    /// What the provider reported.
    pub statuses: Vec<StatusReport>,
    /// The payload as it is, if it does not have the shape of its event type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_shape: Option<OtherShape>,
}

/// Whether a call's consent was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ConsentState {
    /// It was not granted, or not any more.
    No,
    /// The consent's id or expiry cannot be read, or the call was admitted by an answer that is not in this request's
    /// stream.
    NotCheckable,
    /// It was granted.
    Yes,
}

/// One report of the provider.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct StatusReport {
    /// The event that records it.
    #[serde(flatten)]
    pub source: Source,
    /// The host's row for the attempt.
    pub attempt_id: Option<String>,
    /// The provider's id of the call.
    pub provider_call_id: Option<String>,
    /// `ringing`, `answered`, `completed`, …
    pub status: Option<String>,
    /// The provider's own word for it.
    pub original_status: Option<String>,
    /// How long the call lasted.
    pub duration_seconds: Option<u32>,
    /// The provider's error.
    pub error_message: Option<String>,
    /// The payload as it is, if it does not have the shape of its event type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_shape: Option<OtherShape>,
}

pub(super) fn section(events: &[PackEvent]) -> Section<CallAttempts> {
    let (decisions, unclear) = decisions(events);
    let mut attempts = attempts(events, &decisions, &unclear);
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
    typed::<CallConsentRequested>(events)
        .map(|asked| Consent {
            source: asked.source,
            consent_id: asked.input.consent_id,
            scope: asked.input.scope,
            decisions: Vec::new(),
            other_shape: asked.other_shape,
        })
        .collect()
}

/// Which part of an answer cannot be read.
#[derive(Clone, Copy, Default)]
struct Unclear {
    /// Which consent it is about.
    consent: bool,
    /// When a grant lapses.
    expiry: bool,
}

/// Every answer with what cannot be read of it, in the order of the stream.
fn decisions(events: &[PackEvent]) -> (Vec<ConsentDecision>, Vec<Unclear>) {
    let types = [
        (EventType::CALL_CONSENT_GRANTED, "granted"),
        (EventType::CALL_CONSENT_EXPIRED, "expired"),
        (EventType::CALL_CONSENT_DENIED, "denied"),
    ];
    let word = |event: &PackEvent| {
        let (_, decision) = types.iter().find(|(event_type, _)| event.is(event_type))?;
        let answer = read::<CallConsentGranted>(event);
        // We read it as an admission does.
        let end = event.input.value.get("expires_at").filter(|end| !end.is_null());
        let expires_at = end.and_then(time_of);
        let is_unread = |name: &str| answer.unread.iter().any(|unread| unread == name);
        let unclear = Unclear {
            consent: is_unread("consent_id") || is_hidden(answer.input.consent_id.as_deref()),
            expiry: end.is_some() && expires_at.is_none(),
        };
        let decision = ConsentDecision {
            source: answer.source,
            consent_id: answer.input.consent_id,
            decision,
            text: answer.input.text,
            expires_at,
            other_shape: answer.other_shape,
        };
        Some((decision, unclear))
    };
    events.iter().filter_map(word).unzip()
}

/// Adds each answer to the last question before it about its consent, and returns the answers without a question.
fn answer(consents: &mut [Consent], decisions: Vec<ConsentDecision>) -> Vec<ConsentDecision> {
    let questions: HashMap<_, Vec<_>> = places(consents.iter().map(|asked| &asked.consent_id));
    let mut unmatched = Vec::new();
    for decision in decisions {
        let asked = questions.get(&decision.consent_id).map(Vec::as_slice).unwrap_or_default();
        let before = asked.partition_point(|at| consents[*at].source.seq < decision.source.seq);
        match before.checked_sub(1) {
            Some(last) => consents[asked[last]].decisions.push(decision),
            None => unmatched.push(decision),
        }
    }
    unmatched
}

/// The places of each id, in order.
fn places<'a>(
    ids: impl Iterator<Item = &'a Option<String>>,
) -> HashMap<Option<String>, Vec<usize>> {
    let mut places: HashMap<_, Vec<_>> = HashMap::new();
    for (at, id) in ids.enumerate() {
        places.entry(id.clone()).or_default().push(at);
    }
    places
}

fn attempts(
    events: &[PackEvent],
    decisions: &[ConsentDecision],
    unclear: &[Unclear],
) -> Vec<Attempt> {
    let mut by_consent: HashMap<_, Vec<_>> = HashMap::new();
    for answer in decisions.iter().zip(unclear) {
        by_consent.entry(answer.0.consent_id.as_deref()).or_default().push(answer);
    }
    let admissions = admissions(events);
    let nobodys = decisions.iter().zip(unclear).find(|(_, unclear)| unclear.consent);
    let nobodys = nobodys.map(|(decision, _)| decision.source.seq);
    let started = typed::<CallStarted>(events);
    let failed = typed_as::<CallStarted>(events, EventType::CALL_FAILED);
    let mut attempts: Vec<_> = started
        .chain(failed)
        .map(|call| {
            let asked = admissions.get(&call.source.event_id).copied();
            let asked = asked.unwrap_or_else(|| CallAdmission::outside(&call));
            let is_unread = call.unread.iter().any(|unread| unread == "consent_id");
            let consent_id = call.input.consent_id;
            let answers = consent_id.as_deref().and_then(|id| by_consent.get(&Some(id)));
            let is_unclear = is_unread
                || is_hidden(consent_id.as_deref())
                || (consent_id.is_some() && nobodys.is_some_and(|seq| seq < call.source.seq));
            Attempt {
                consent_granted: match answers {
                    _ if is_unclear => ConsentState::NotCheckable,
                    Some(answers) => covers(answers, asked),
                    // The client may have answered in the conversation, or in another request of it.
                    None if asked.is_admitted => ConsentState::NotCheckable,
                    None => ConsentState::No,
                },
                source: call.source,
                attempt_id: call.input.attempt_id,
                provider_call_id: call.output.provider_call_id,
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

/// When the store was asked about a call, and how long a grant without an expiry was valid then.
#[derive(Clone, Copy)]
struct CallAdmission {
    seq: i64,
    at: DateTime<Utc>,
    lifetime: TimeDelta,
    /// True if a store decided about its consent.
    is_admitted: bool,
}

impl CallAdmission {
    /// A call without a known admission. Its event was recorded after the call had ended.
    fn outside(call: &TypedEvent<CallStarted>) -> Self {
        let Source { seq, recorded_at, .. } = call.source;
        let lifetime = TimeDelta::from_std(CONSENT_LIFETIME).unwrap_or(TimeDelta::MAX);
        Self { seq, at: recorded_at - call.source.took(), lifetime, is_admitted: false }
    }
}

/// The admissions of effects that rest on a consent, by the id of the event that records their outcome.
fn admissions(events: &[PackEvent]) -> HashMap<Uuid, CallAdmission> {
    let mut admissions = HashMap::new();
    for admitted in typed::<EffectAdmitted>(events) {
        let (source, input) = (admitted.source, admitted.input);
        let effect_id = input.effect_id.and_then(|id| id.parse::<Uuid>().ok());
        let lifetime = input.consent_lifetime_ms.and_then(|ms| i64::try_from(ms).ok());
        let lifetime = lifetime.and_then(TimeDelta::try_milliseconds);
        if let (Some(effect_id), Some(lifetime)) = (effect_id, lifetime) {
            let at = source.recorded_at - DECIDED_WITHIN;
            let is_admitted = input.consent_id.is_some();
            let asked = CallAdmission { seq: source.seq, at, lifetime, is_admitted };
            // The first counts: an effect is admitted once.
            admissions.entry(effect_id).or_insert(asked);
        }
    }
    admissions
}

/// Whether the last answer before the store was asked is a grant that had not lapsed. A grant that did not succeed
/// does not count.
fn covers(answers: &[(&ConsentDecision, &Unclear)], asked: CallAdmission) -> ConsentState {
    let is_grant = |answer: &ConsentDecision| answer.decision == "granted";
    let before = answers.partition_point(|(answer, _)| answer.source.seq < asked.seq);
    let mut counting = answers[..before].iter().rev();
    let last = counting.find(|(answer, _)| !is_grant(answer) || answer.source.succeeded());
    let Some((last, unclear)) = last.filter(|(last, _)| is_grant(last)) else {
        return ConsentState::No;
    };
    if unclear.expiry {
        return ConsentState::NotCheckable;
    }
    let lapses_at = lapse(last.expires_at, last.source.recorded_at, asked.lifetime);
    if asked.at < lapses_at { ConsentState::Yes } else { ConsentState::No }
}

/// Adds each report to its attempt, and returns the reports without one. We look for attempts with the provider's id
/// of the call, and if there are none, with the host's id. Of these we take the last one before the report, or else
/// the first: a report may be recorded before the call's own event, which waits for the provider's answer.
fn report(attempts: &mut [Attempt], events: &[PackEvent]) -> Vec<StatusReport> {
    let by_call: HashMap<_, _> = places(attempts.iter().map(|attempt| &attempt.provider_call_id));
    let by_attempt: HashMap<_, _> = places(attempts.iter().map(|attempt| &attempt.attempt_id));
    let mut unmatched = Vec::new();
    for typed in typed::<CallStatusUpdated>(events) {
        let report = StatusReport {
            source: typed.source,
            attempt_id: typed.input.attempt_id,
            provider_call_id: typed.input.provider_call_id,
            status: typed.output.status,
            original_status: typed.input.original_status,
            duration_seconds: typed.output.duration_seconds,
            error_message: typed.output.error_message,
            other_shape: typed.other_shape,
        };
        let last = |places: Option<&Vec<usize>>| {
            let places = places?;
            let seq = report.source.seq;
            let before = places.partition_point(|at| attempts[*at].source.seq < seq);
            places.get(before.saturating_sub(1)).copied()
        };
        let is_named = |id: &Option<String>| id.is_some() && !is_hidden(id.as_deref());
        let called = Some(&report.provider_call_id).filter(|id| is_named(id));
        let called = called.and_then(|id| last(by_call.get(id)));
        match called.or_else(|| last(by_attempt.get(&report.attempt_id))) {
            Some(at) => attempts[at].statuses.push(report),
            None => unmatched.push(report),
        }
    }
    unmatched
}
