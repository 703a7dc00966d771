//! A provider may send a report more than once, as with webhooks. Only the first report about a call
//! or a message counts.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::table::{self, Metric};
use crate::event::{EventType, Outcome};
use crate::record::Record;
use crate::store::admission::EarlierEvent;

/// A report that is counted once.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Report {
    /// A call was asked of the provider.
    CallAsked,
    /// A call failed.
    CallFailed,
    /// A message arrived.
    MessageDelivered,
    /// A message did not arrive.
    MessageFailed,
    /// A message was read.
    MessageRead,
    /// A message was replied to.
    VendorReplied,
}

impl Report {
    const ALL: [Self; 6] = [
        Self::CallAsked,
        Self::CallFailed,
        Self::MessageDelivered,
        Self::MessageFailed,
        Self::MessageRead,
        Self::VendorReplied,
    ];

    /// What the record reports.
    pub(crate) fn of(record: &Record) -> Vec<Self> {
        let may_report = ["call.", "vendor.reply", "whatsapp.status"]
            .iter()
            .any(|start| record.header().event_type.starts_with(start));
        if !may_report {
            return Vec::new();
        }
        let event = EarlierEvent::from(record);
        Self::ALL.into_iter().filter(|report| report.is_in(&event)).collect()
    }

    /// The counter.
    pub(crate) fn metric(self) -> &'static Metric {
        match self {
            Self::CallAsked => &table::CALLS_STARTED,
            Self::CallFailed => &table::CALLS_FAILED,
            Self::MessageDelivered => &table::MESSAGES_DELIVERED,
            Self::MessageFailed => &table::MESSAGES_FAILED,
            Self::MessageRead => &table::MESSAGES_READ,
            Self::VendorReplied => &table::VENDOR_REPLIES,
        }
    }

    /// The types of earlier events that decide whether it is the first.
    pub(crate) fn needs(self) -> &'static [EventType] {
        match self {
            Self::CallAsked | Self::CallFailed => {
                &[EventType::CALL_FAILED, EventType::CALL_STARTED, EventType::CALL_STATUS_UPDATED]
            }
            Self::MessageDelivered | Self::MessageFailed | Self::MessageRead => {
                &[EventType::WHATSAPP_STATUS_UPDATED]
            }
            Self::VendorReplied => {
                &[EventType::VENDOR_OUTREACH_SENT, EventType::VENDOR_REPLY_RECORDED]
            }
        }
    }

    /// Returns true if no event before this one reports the same. `earlier` is in the order of the stream.
    pub(crate) fn is_first(self, event: &EarlierEvent, earlier: &[EarlierEvent]) -> bool {
        match self {
            Self::CallAsked | Self::CallFailed => {
                let names = names_of_call(event, earlier);
                let is_same = |other: &&EarlierEvent| !ids_of_call(other).is_disjoint(&names);
                !earlier.iter().filter(is_same).any(|other| self.is_in(other))
            }
            Self::MessageDelivered | Self::MessageFailed | Self::MessageRead => {
                let this = message_of(event);
                let is_same = |other: &&EarlierEvent| this.is_some() && message_of(other) == this;
                !earlier.iter().filter(is_same).any(|other| self.is_in(other))
            }
            Self::VendorReplied => {
                let mut answered = answered(earlier.iter().chain([event]));
                let this = answered.pop().flatten();
                this.is_none() || !answered.contains(&this)
            }
        }
    }

    fn is_in(self, event: &EarlierEvent) -> bool {
        let is = |event_type: &EventType| event.event_type == event_type.as_str();
        let has_succeeded = event.outcome == Outcome::Succeeded.as_str();
        // The host did not do it.
        if event.outcome == Outcome::Refused.as_str() {
            return false;
        }
        let is_status = |statuses: &[&str]| {
            let status = event.output["status"].as_str();
            is(&EventType::WHATSAPP_STATUS_UPDATED)
                && status.is_some_and(|status| statuses.contains(&status))
        };
        match self {
            // A message that was read arrived, even if no report says so.
            Self::MessageDelivered => is_status(&["delivered", "read"]),
            Self::MessageFailed => is_status(&["failed"]),
            Self::MessageRead => is_status(&["read"]),
            Self::CallAsked => is(&EventType::CALL_STARTED) || is(&EventType::CALL_FAILED),
            Self::CallFailed => {
                is(&EventType::CALL_FAILED)
                    || is(&EventType::CALL_STARTED) && !has_succeeded
                    || is(&EventType::CALL_STATUS_UPDATED) && event.output["status"] == "failed"
            }
            Self::VendorReplied => is(&EventType::VENDOR_REPLY_RECORDED) && has_succeeded,
        }
    }
}

/// The provider's id of the message that a status is about.
fn message_of(event: &EarlierEvent) -> Option<&str> {
    event.input["provider_message_id"].as_str()
}

/// The ids of the call that an event is about: the host's, and the provider's.
fn ids_of_call(event: &EarlierEvent) -> BTreeSet<(&'static str, &str)> {
    let ids = [
        ("attempt_id", &event.input["attempt_id"]),
        ("provider_call_id", &event.input["provider_call_id"]),
        ("provider_call_id", &event.output["provider_call_id"]),
    ];
    ids.into_iter().filter_map(|(name, id)| Some((name, id.as_str()?))).collect()
}

/// Every id of the event's call. An event with both ids links events that have only one.
fn names_of_call<'a>(
    event: &'a EarlierEvent,
    earlier: &'a [EarlierEvent],
) -> BTreeSet<(&'static str, &'a str)> {
    let mut names = ids_of_call(event);
    for other in earlier.iter().map(ids_of_call) {
        if !other.is_disjoint(&names) {
            names.extend(other);
        }
    }
    names
}

/// The message that each reply answers: the one that it names, else the last one to the same vendor.
fn answered<'a>(events: impl Iterator<Item = &'a EarlierEvent>) -> Vec<Option<&'a str>> {
    let mut last_to = HashMap::new();
    let mut answered = Vec::new();
    for event in events {
        let text = |name: &str| event.input.get(name).and_then(Value::as_str);
        let (message, vendor) = (text("outreach_id"), text("vendor_id"));
        if Report::VendorReplied.is_in(event) {
            let last = vendor.and_then(|vendor| last_to.get(vendor).copied());
            answered.push(message.or(last).or(vendor));
        } else if event.outcome == Outcome::Succeeded.as_str()
            && let (Some(message), Some(vendor)) = (message, vendor)
        {
            last_to.insert(vendor, message);
        }
    }
    answered
}
