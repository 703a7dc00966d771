//! How far messages came, by what their provider reported.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::finding::Finding;
use super::typed_events::{OtherShape, Source, is_hidden, typed};
use crate::event::payload::WhatsappStatusUpdated;
use crate::pack::PackEvent;

/// What is reported of a message, the furthest last.
pub(crate) const REPORTED: [&str; 4] = ["sent", "failed", "delivered", "read"];

/// How far a message came. Reports may come late, twice or in any order.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Delivery {
    /// The furthest state that a report names: `read`, `delivered`, `failed` or `sent`, in this order. None if no
    /// report names one of these.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["sent", "failed", "delivered", "read", null])))]
    pub status: Option<&'static str>,
    /// The provider's time at which it was delivered. If no report says so, the time at which it was read.
    pub delivered_at: Option<DateTime<Utc>>,
    /// The provider's time at which it was read.
    pub read_at: Option<DateTime<Utc>>,
    /// The provider's time at which it failed.
    pub failed_at: Option<DateTime<Utc>>,
    /// Every report, in the order they were recorded.
    pub reports: Vec<DeliveryReport>,
}

/// One report of the provider.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct DeliveryReport {
    /// The event that records it.
    #[serde(flatten)]
    pub source: Source,
    /// The provider's id of the message.
    pub provider_message_id: Option<String>,
    /// `sent`, `delivered`, `read`, `failed`.
    pub status: Option<String>,
    /// The provider's own word for it.
    pub original_status: Option<String>,
    /// The provider's time of it.
    pub reported_at: Option<DateTime<Utc>>,
    /// The provider's error.
    pub error_message: Option<String>,
    /// The payload as it is, if it does not have the shape of its event type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_shape: Option<OtherShape>,
}

impl DeliveryReport {
    pub(super) fn says(&self, status: &str) -> bool {
        self.status.as_deref() == Some(status)
    }
}

/// The reports of a request, by the provider's id of the message.
pub(super) struct Deliveries {
    by_id: HashMap<String, Vec<DeliveryReport>>,
    /// The first event of a message with each id. An id that two messages have tells only of the first.
    first: HashMap<String, Uuid>,
}

impl Deliveries {
    pub(super) fn of(events: &[PackEvent]) -> Self {
        let mut by_id: HashMap<_, Vec<_>> = HashMap::new();
        for report in reports(events) {
            if let Some(id) = named(report.provider_message_id.as_deref()) {
                by_id.entry(id.to_owned()).or_default().push(report);
            }
        }
        let mut first = HashMap::new();
        for event in events {
            let id = event.output.value.get("provider_message_id").and_then(Value::as_str);
            if let Some(id) = named(id) {
                first.entry(id.to_owned()).or_insert(event.header.id);
            }
        }
        Self { by_id, first }
    }

    /// How far the message of an event came, by the provider's id; none if nothing was reported of it.
    pub(super) fn delivery(
        &self,
        event_id: Uuid,
        provider_message_id: Option<&str>,
    ) -> Option<Delivery> {
        let id = named(provider_message_id)?;
        if self.first.get(id) != Some(&event_id) {
            return None;
        }
        let reports = self.by_id.get(id)?.clone();
        // The first report of a state counts, because a repeated report may carry the time of the repetition.
        let at = |status| {
            reports
                .iter()
                .filter(|report| report.says(status))
                .find_map(|report| report.reported_at)
        };
        Some(Delivery {
            status: REPORTED
                .into_iter()
                .rfind(|status| reports.iter().any(|report| report.says(status))),
            delivered_at: at("delivered").or_else(|| at("read")),
            read_at: at("read"),
            failed_at: at("failed"),
            reports,
        })
    }
}

fn reports(events: &[PackEvent]) -> impl Iterator<Item = DeliveryReport> {
    typed::<WhatsappStatusUpdated>(events).map(|typed| DeliveryReport {
        source: typed.source,
        provider_message_id: typed.input.provider_message_id,
        status: typed.output.status,
        original_status: typed.input.original_status,
        reported_at: typed.input.reported_at,
        error_message: typed.output.error_message,
        other_shape: typed.other_shape,
    })
}

/// The id, unless it is hidden.
fn named(id: Option<&str>) -> Option<&str> {
    id.filter(|id| !is_hidden(Some(id)))
}

/// Messages that are reported both as failed and as delivered.
///
/// A report on a message that this request did not send contradicts nothing, because a host may send messages under
/// event types of its own.
pub(super) fn findings(events: &[PackEvent]) -> Vec<Finding> {
    let mut reported: HashMap<String, Reported> = HashMap::new();
    let mut findings = Vec::new();
    for report in reports(events) {
        let Some(id) = named(report.provider_message_id.as_deref()) else { continue };
        let message = reported.entry(id.to_owned()).or_default();
        let was_contradicted = message.is_contradicted();
        message.as_delivered |= report.says("delivered") || report.says("read");
        message.as_failed |= report.says("failed");
        if message.is_contradicted() && !was_contradicted {
            let what = "its message is reported as failed, and as delivered";
            findings.push(Finding::at(&report.source, what));
        }
    }
    findings
}

/// What the reports on a message say so far.
#[derive(Default)]
struct Reported {
    as_delivered: bool,
    as_failed: bool,
}

impl Reported {
    fn is_contradicted(&self) -> bool {
        self.as_delivered && self.as_failed
    }
}
