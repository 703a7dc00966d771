//! Asks whether a call is welcome, calls, and falls back to chat.

use chrono::{DateTime, TimeDelta, Utc};
use moltbot_audit::auditor::Clock;
use moltbot_audit::event::payload::{
    CallConsentDecision, CallConsentDenied, CallConsentGranted, CallConsentInput, CallInput,
    CallStatusInput, CallStatusOutput, CallStatusUpdated, Nothing,
};
use moltbot_audit::policy::{Refusal, RefusalReason};
use moltbot_audit::{Actor, AuditEvent, ErrorCode, EventType, Outcome, RecordError};
use serde_json::json;

use super::super::scenario::{CallStatus, ConsentState};
use super::super::texts::Say;
use super::super::world::NotReached;
use super::Case;

/// How long a consent is valid. It is longer than the script lags behind, because a consent lapses
/// by the store's clock.
const CONSENT_FOR: TimeDelta = TimeDelta::hours(2);
const COOLDOWN: TimeDelta = TimeDelta::minutes(10);

#[derive(Debug, Default)]
pub(super) struct Calls {
    consent: Consent,
    /// The host's row for the consent, if the script names it.
    consent_id: Option<String>,
    scope: String,
    attempts: u32,
    last_call: Option<DateTime<Utc>>,
    last_attempt: Option<String>,
    /// The provider's id of the current call.
    ongoing: Option<String>,
}

/// Whether the client was asked. The library knows the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Consent {
    Answered,
    #[default]
    NotRequested,
    Requested,
}

impl Case {
    /// Asks whether a call is welcome, unless the client has answered already.
    pub(crate) async fn offer_call(&mut self, scope: &str) -> Result<(), RecordError> {
        self.check_time().await?;
        self.calls.scope = scope.into();
        if self.calls.consent != Consent::NotRequested || self.state.is_over() {
            return self.call(None, None).await;
        }
        self.ask_for_consent(scope).await
    }

    /// Asks whether a call is welcome.
    pub(crate) async fn ask_for_consent(&mut self, scope: &str) -> Result<(), RecordError> {
        self.calls.scope = scope.into();
        let text = Say::CallOffer.text(self.language());
        let input = CallConsentInput {
            consent_id: Some(self.consent_id()),
            scope: Some(scope.into()),
            client_phone: Some(self.scene.conversation.client_phone.clone()),
            language: Some(self.language().as_str().into()),
            text: Some(text.into()),
            ..Default::default()
        };
        let key = self.trail.key(&format!("consent:{}", self.consent_id()));
        let id = self.trail.event_id()?;
        let asked = self.world.ask_consent(&self.trail, id, key, &input, text).await?;
        if let Ok(asked) = &asked {
            self.accepted(id, asked.provider_message_id.clone(), "client", input.client_phone);
        }
        if asked.is_ok() && self.calls.consent == Consent::NotRequested {
            self.calls.consent = Consent::Requested;
        }
        Ok(())
    }

    /// Sets the name that the script uses for the consent from now on.
    pub(crate) fn name_consent(&mut self, consent_id: Option<&str>) {
        if let Some(consent_id) = consent_id {
            self.calls.consent_id = Some(consent_id.into());
        }
    }

    fn consent_id(&self) -> String {
        self.calls.consent_id.clone().unwrap_or_else(|| CONSENT_ID.into())
    }

    /// Records what the client said about calls before the scene begins.
    pub(crate) async fn recall_consent(&mut self) -> Result<(), RecordError> {
        let Some(consent) = self.scene.call_consent.clone() else { return Ok(()) };
        self.name_consent(consent.id.as_deref());
        let state = consent.state.get();
        if state == ConsentState::NotRequested {
            return Ok(());
        }
        self.ask_for_consent("concierge").await?;
        match state {
            ConsentState::Granted => self.note_answer(true, None).await,
            ConsentState::Denied => self.note_answer(false, None).await,
            ConsentState::Expired => {
                self.note_answer(true, None).await?;
                let input = json!({ "consent_id": self.consent_id() });
                self.note(EventType::CALL_CONSENT_EXPIRED, Actor::System, input).await
            }
            ConsentState::NotRequested | ConsentState::Requested => Ok(()),
        }
    }

    /// The client answered. An answer that is neither yes nor no is not a consent, and leaves the question open.
    pub(crate) async fn consent_answered(
        &mut self,
        text: &str,
        then_call: bool,
    ) -> Result<(), RecordError> {
        self.last_active = self.world.clock().now();
        self.check_time().await?;
        let word = text.trim().trim_end_matches(['.', '!']).to_lowercase();
        match word.as_str() {
            "yes" | "oui" | "yego" => {
                self.note_answer(true, Some(text)).await?;
                if then_call { self.call(None, None).await } else { Ok(()) }
            }
            "no" | "non" | "oya" => {
                self.note_answer(false, Some(text)).await?;
                self.say(Say::NoCall).await.map(drop)
            }
            _ => Ok(()),
        }
    }

    async fn note_answer(&mut self, granted: bool, text: Option<&str>) -> Result<(), RecordError> {
        self.calls.consent = Consent::Answered;
        let mut decision = CallConsentDecision {
            consent_id: Some(self.consent_id()),
            text: text.map(Into::into),
            ..Default::default()
        };
        let nothing = Nothing::default();
        let (actor, trail) = (Actor::Client, &self.trail);
        if granted {
            decision.expires_at = Some(self.world.clock().now() + CONSENT_FOR);
            trail.record_typed::<CallConsentGranted>(actor, &decision, &nothing).await?;
        } else {
            trail.record_typed::<CallConsentDenied>(actor, &decision, &nothing).await?;
        }
        Ok(())
    }

    /// Calls, as the script names the call and its consent.
    pub(crate) async fn call_as(
        &mut self,
        call_id: Option<&str>,
        consent_id: Option<&str>,
    ) -> Result<(), RecordError> {
        self.check_time().await?;
        if self.calls.scope.is_empty() {
            self.calls.scope = "concierge".into();
        }
        self.call(call_id, consent_id).await
    }

    /// Places a call. The library checks whether the client has agreed. It refuses and records a call that may not be
    /// made.
    async fn call(
        &mut self,
        call_id: Option<&str>,
        consent_id: Option<&str>,
    ) -> Result<(), RecordError> {
        self.calls.attempts += 1;
        let numbered = || format!("call-attempt-{}", self.calls.attempts);
        let attempt_id = call_id.map_or_else(numbered, str::to_owned);
        let input = CallInput {
            attempt_id: Some(attempt_id.clone()),
            consent_id: Some(consent_id.map_or_else(|| self.consent_id(), str::to_owned)),
            to_phone: Some(self.scene.conversation.client_phone.clone()),
            target_role: Some("client".into()),
            purpose: Some(self.calls.scope.clone()),
            ..Default::default()
        };
        if let Some(code) = self.closed_gate() {
            let input = serde_json::to_value(&input).unwrap_or_default();
            let event = AuditEvent::new(EventType::CALL_FAILED, Actor::System)
                .input(input)
                .output(json!({ "error_message": format!("not placed: {code}") }))
                .ended(Outcome::Refused, code);
            return self.trail.record(event).await.map(drop);
        }
        let key = self.trail.key(&format!("call:{}:{attempt_id}", self.calls.attempts));
        match self.world.call(&self.trail, key, &input).await? {
            Ok(output) => {
                self.calls.last_call = Some(self.world.clock().now());
                self.calls.last_attempt = Some(attempt_id);
                self.calls.ongoing = output.provider_call_id;
            }
            // The client is asked now, or was asked before, so there is nothing to tell.
            Err(NotReached::Refused(refusal)) if is_of_consent(&refusal) => {}
            Err(NotReached::Refused(refusal)) => self.heed(&refusal).await?,
            Err(NotReached::Failed) => {
                self.calls.last_call = Some(self.world.clock().now());
                self.say(Say::CallFallback).await?;
            }
        }
        Ok(())
    }

    fn closed_gate(&self) -> Option<ErrorCode> {
        let now = self.world.clock().now();
        let cooling = self.calls.last_call.is_some_and(|last| now - last < COOLDOWN);
        if self.state.is_over() {
            Some(ErrorCode::InvalidState)
        } else if self.calls.ongoing.is_some() {
            Some(ErrorCode::AlreadyInCall)
        } else {
            cooling.then_some(ErrorCode::CooldownActive)
        }
    }

    /// A call ended, in the host's words.
    pub(crate) async fn call_ended(
        &mut self,
        status: &str,
        call_id: Option<&str>,
    ) -> Result<(), RecordError> {
        let report = CallStatus { status: status.into(), duration_seconds: None };
        self.reported(&report, call_id).await
    }

    /// The phone provider reports. If the call reached no one, the host goes on in writing.
    pub(crate) async fn call_reported(&mut self, report: &CallStatus) -> Result<(), RecordError> {
        self.reported(report, None).await
    }

    async fn reported(
        &mut self,
        report: &CallStatus,
        call_id: Option<&str>,
    ) -> Result<(), RecordError> {
        let numbered = || format!("call-attempt-{}", self.calls.attempts);
        let last = self.calls.last_attempt.clone();
        let input = CallStatusInput {
            attempt_id: Some(call_id.map(str::to_owned).or(last).unwrap_or_else(numbered)),
            provider_call_id: self.calls.ongoing.clone(),
            original_status: Some(report.status.clone()),
            ..Default::default()
        };
        let status = report.status.replace('-', "_").to_lowercase();
        let output = CallStatusOutput {
            status: Some(status.clone()),
            duration_seconds: report.duration_seconds,
            ..Default::default()
        };
        self.trail.record_typed::<CallStatusUpdated>(Actor::System, &input, &output).await?;
        match status.as_str() {
            "failed" | "no_answer" | "busy" | "rejected" => {
                self.calls.ongoing = None;
                self.say(Say::CallFallback).await.map(drop)
            }
            "completed" => {
                self.calls.ongoing = None;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// Whether a missing or denied consent is the reason.
fn is_of_consent(refusal: &Refusal) -> bool {
    let reason = &refusal.reason;
    matches!(
        reason,
        RefusalReason::NoConsent | RefusalReason::ConsentDenied | RefusalReason::ConsentExpired
    )
}

/// The consent of a request, unless the script names another one.
const CONSENT_ID: &str = "consent-1";
