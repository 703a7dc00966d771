//! Asking whether a call is welcome, calling, and falling back to chat.

use chrono::{DateTime, TimeDelta, Utc};
use moltbot_audit::auditor::Clock;
use moltbot_audit::event::payload::{
    CallConsentDecision, CallConsentDenied, CallConsentGranted, CallConsentInput, CallInput,
    CallStatusInput, CallStatusOutput, CallStatusUpdated, Nothing,
};
use moltbot_audit::{Actor, AuditEvent, ErrorCode, EventType, Outcome, RecordError};
use serde_json::json;

use super::super::scenario::CallStatus;
use super::super::texts::Say;
use super::super::world::NotReached;
use super::Case;

/// Longer than the script is behind: a consent lapses by the store's clock.
const CONSENT_FOR: TimeDelta = TimeDelta::hours(2);
const COOLDOWN: TimeDelta = TimeDelta::minutes(10);

#[derive(Debug, Default)]
pub(super) struct Calls {
    consent: Consent,
    scope: String,
    attempts: u32,
    last_call: Option<DateTime<Utc>>,
    /// The provider's id of the call that goes on.
    ongoing: Option<String>,
}

#[derive(Clone, Copy, Debug, Default)]
enum Consent {
    Denied,
    Granted {
        expires_at: DateTime<Utc>,
    },
    #[default]
    NotRequested,
    Requested,
}

impl Case {
    /// A call would help: asks, unless the client has answered already.
    pub(crate) async fn offer_call(&mut self, scope: &str) -> Result<(), RecordError> {
        self.check_time().await?;
        self.calls.scope = scope.into();
        if !matches!(self.calls.consent, Consent::NotRequested) || self.state.is_over() {
            return self.call().await;
        }
        let text = Say::CallOffer.text(self.language());
        let input = CallConsentInput {
            consent_id: Some(CONSENT_ID.into()),
            scope: Some(scope.into()),
            client_phone: Some(self.scene.conversation.client_phone.clone()),
            language: Some(self.language().as_str().into()),
            ..Default::default()
        };
        let key = self.trail.key("consent:1");
        let asked = self.world.ask_consent(&self.trail, key, &input, text).await?;
        if asked.is_ok() {
            self.calls.consent = Consent::Requested;
        }
        Ok(())
    }

    /// The client's answer. What is neither yes nor no is no consent, and leaves the question open.
    pub(crate) async fn consent_answered(&mut self, text: &str) -> Result<(), RecordError> {
        self.last_active = self.world.clock().now();
        self.check_time().await?;
        let word = text.trim().trim_end_matches(['.', '!']).to_lowercase();
        let expires_at = self.world.clock().now() + CONSENT_FOR;
        let mut decision = CallConsentDecision {
            consent_id: Some(CONSENT_ID.into()),
            text: Some(text.into()),
            ..Default::default()
        };
        let nothing = Nothing::default();
        match word.as_str() {
            "yes" | "oui" | "yego" => {
                self.calls.consent = Consent::Granted { expires_at };
                decision.expires_at = Some(expires_at);
                let (actor, trail) = (Actor::Client, &self.trail);
                trail.record_typed::<CallConsentGranted>(actor, &decision, &nothing).await?;
                self.call().await
            }
            "no" | "non" | "oya" => {
                self.calls.consent = Consent::Denied;
                let (actor, trail) = (Actor::Client, &self.trail);
                trail.record_typed::<CallConsentDenied>(actor, &decision, &nothing).await?;
                self.say(Say::NoCall).await.map(drop)
            }
            _ => Ok(()),
        }
    }

    /// Calls, if every gate is open; a call that may not be made is refused, and recorded.
    async fn call(&mut self) -> Result<(), RecordError> {
        self.calls.attempts += 1;
        let attempt_id = format!("call-attempt-{}", self.calls.attempts);
        let input = CallInput {
            attempt_id: Some(attempt_id.clone()),
            consent_id: Some(CONSENT_ID.into()),
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
        self.calls.last_call = Some(self.world.clock().now());
        let key = self.trail.key(&format!("call:{attempt_id}"));
        match self.world.call(&self.trail, key, &input).await? {
            Ok(output) => self.calls.ongoing = output.provider_call_id,
            Err(NotReached::Refused(refusal)) => self.heed(&refusal).await?,
            Err(NotReached::Failed) => {
                self.say(Say::CallFallback).await?;
            }
        }
        Ok(())
    }

    fn closed_gate(&self) -> Option<ErrorCode> {
        let now = self.world.clock().now();
        let consent = match self.calls.consent {
            Consent::Denied => Some(ErrorCode::ConsentDenied),
            Consent::Granted { expires_at } if expires_at <= now => Some(ErrorCode::ConsentExpired),
            Consent::Granted { .. } => None,
            Consent::NotRequested | Consent::Requested => Some(ErrorCode::NoConsent),
        };
        let cooling = self.calls.last_call.is_some_and(|last| now - last < COOLDOWN);
        if self.state.is_over() {
            Some(ErrorCode::InvalidState)
        } else if consent.is_some() {
            consent
        } else if self.calls.ongoing.is_some() {
            Some(ErrorCode::AlreadyInCall)
        } else {
            cooling.then_some(ErrorCode::CooldownActive)
        }
    }

    /// The phone provider reports. A call that reached nobody goes on as chat.
    pub(crate) async fn call_reported(&mut self, report: &CallStatus) -> Result<(), RecordError> {
        let input = CallStatusInput {
            attempt_id: Some(format!("call-attempt-{}", self.calls.attempts)),
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

/// A request asks once.
const CONSENT_ID: &str = "consent-1";
