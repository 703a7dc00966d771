//! What the provider reports on messages: that they were sent, delivered and read, or failed.

use chrono::{DateTime, TimeDelta, Utc};
use moltbot_audit::auditor::Clock;
use moltbot_audit::event::payload::{
    MessageStatusInput, MessageStatusOutput, WhatsappStatusUpdated,
};
use moltbot_audit::{Actor, EventId, RecordError};

use super::super::scenario::MessageStatus;
use super::Case;

/// A message that the provider accepted.
#[derive(Clone, Debug)]
pub(super) struct Accepted {
    /// The event that records it.
    event_id: EventId,
    provider_message_id: String,
    /// `client`, or the vendor's id.
    to: String,
    to_phone: Option<String>,
    at: DateTime<Utc>,
}

/// A report, as the provider words it.
struct Report<'a> {
    status: &'a str,
    at: DateTime<Utc>,
    error_message: Option<&'a str>,
}

impl Case {
    pub(super) fn accepted(
        &mut self,
        event_id: EventId,
        provider_message_id: Option<String>,
        to: &str,
        to_phone: Option<String>,
    ) {
        let at = self.world.clock().now();
        let to = to.to_owned();
        self.accepted.extend(provider_message_id.map(|provider_message_id| Accepted {
            event_id,
            provider_message_id,
            to,
            to_phone,
            at,
        }));
    }

    /// What a provider usually reports on messages of which it has not reported yet. Some reports come twice or out of
    /// order, and one is missing.
    pub(crate) async fn report_as_usual(&mut self) -> Result<(), RecordError> {
        while self.reported < self.accepted.len() {
            let nth = self.reported;
            self.reported += 1;
            let message = self.accepted[nth].clone();
            let after = |seconds| message.at + TimeDelta::seconds(seconds);
            let (sent, read) = (("sent", after(0)), ("read", after(3)));
            let (delivered, again) = (("delivered", after(1)), ("delivered", after(2)));
            let reports = match nth % 4 {
                0 => vec![sent, delivered, read],
                1 => vec![delivered, sent],
                2 => vec![sent, delivered, again],
                _ => vec![sent, read],
            };
            for (status, at) in reports {
                self.report(&message, &Report { status, at, error_message: None }).await?;
            }
        }
        Ok(())
    }

    /// What the script says of the last message to someone. If there is none, nothing is reported.
    pub(crate) async fn message_reported(
        &mut self,
        script: &MessageStatus,
    ) -> Result<(), RecordError> {
        let last = self.accepted.iter().rev().find(|message| message.to == script.to);
        let Some(message) = last.cloned() else { return Ok(()) };
        let at = self.world.clock().now();
        let error_message = script.error_message.as_deref();
        self.report(&message, &Report { status: &script.status, at, error_message }).await
    }

    async fn report(&mut self, message: &Accepted, report: &Report<'_>) -> Result<(), RecordError> {
        let status = report.status.to_lowercase();
        let input = MessageStatusInput {
            provider_message_id: Some(message.provider_message_id.clone()),
            to_phone: message.to_phone.clone(),
            original_status: Some(report.status.into()),
            reported_at: Some(report.at),
            ..Default::default()
        };
        let output = MessageStatusOutput {
            status: Some(status.clone()),
            error_message: report.error_message.map(str::to_owned),
            ..Default::default()
        };
        self.trail.act_on(Some(message.event_id));
        self.trail.record_typed::<WhatsappStatusUpdated>(Actor::System, &input, &output).await?;
        self.trail.act_on(None);
        if status == "failed" {
            self.not_disclosed_by(&message.provider_message_id);
        }
        Ok(())
    }
}
