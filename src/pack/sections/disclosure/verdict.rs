//! Compares a disclosure with the first message of the AI.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::super::delivery::Delivery;
use super::super::typed_events::Source;

/// Whether a person was told of the AI in time. From the best to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DisclosureVerdict {
    /// No message of the AI reached the person.
    NotNeeded,
    /// The disclosure was delivered before the first message of the AI, or with it.
    DeliveredBefore,
    /// The disclosure was sent before the first message of the AI, or with it. Whether it was delivered by then is not
    /// recorded.
    SentBefore,
    /// The host names a message of an earlier request, which this pack does not show.
    Elsewhere,
    /// The record does not say who wrote the messages, or to whom.
    NotCheckable,
    /// The disclosure came after the first message of the AI.
    Later,
    /// No disclosure to the person is recorded in this request, or none that went out.
    Never,
}

impl DisclosureVerdict {
    /// The verdict's name in packs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotNeeded => "not_needed",
            Self::DeliveredBefore => "delivered_before",
            Self::SentBefore => "sent_before",
            Self::Elsewhere => "elsewhere",
            Self::NotCheckable => "not_checkable",
            Self::Later => "later",
            Self::Never => "never",
        }
    }

    /// True if the person was told late or never, by what is recorded in this request.
    #[must_use]
    pub const fn is_breach(self) -> bool {
        matches!(self, Self::Later | Self::Never)
    }
}

impl fmt::Display for DisclosureVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotNeeded => "no message of the AI",
            Self::DeliveredBefore => "delivered before the first message of the AI, or with it",
            Self::SentBefore => {
                "sent before the first message of the AI, or with it; not known whether delivered by then"
            }
            Self::Elsewhere => "in an earlier request, by the host's word",
            Self::NotCheckable => "cannot be checked",
            Self::Later => "LATER than the first message of the AI",
            Self::Never => "NEVER, as far as this request's record goes",
        })
    }
}

/// A message to a person, as far as its time matters.
pub(super) struct SentMessage {
    pub(super) source: Source,
    /// The place at which it began: that of its admission, or its own.
    pub(super) began: i64,
    pub(super) delivery: Option<Delivery>,
}

impl SentMessage {
    /// True if the provider reported that it arrived.
    pub(super) fn is_delivered(&self) -> bool {
        matches!(self.status(), Some("delivered" | "read"))
    }

    /// False if it certainly reached nobody.
    pub(super) fn may_have_arrived(&self) -> bool {
        let is_unsent = matches!(self.source.outcome.as_str(), "failed" | "refused");
        self.is_delivered() || !is_unsent && self.status() != Some("failed")
    }

    /// True if it went out, and the provider has not reported it as failed.
    pub(super) fn went_out(&self) -> bool {
        self.is_delivered() || self.source.succeeded() && self.status() != Some("failed")
    }

    /// The furthest state that a report names.
    pub(super) fn status(&self) -> Option<&'static str> {
        self.delivery.as_ref()?.status
    }

    /// The provider's time by which it had arrived.
    pub(super) fn arrived_by(&self) -> Option<DateTime<Utc>> {
        self.delivery.as_ref()?.delivered_at
    }

    /// The provider's time at which it arrived.
    pub(super) fn arrived_at(&self) -> Option<DateTime<Utc>> {
        let reports = &self.delivery.as_ref()?.reports;
        let mut delivered = reports.iter().filter(|report| report.says("delivered"));
        delivered.find_map(|report| report.reported_at)
    }

    /// True if a report says so that was recorded before this place.
    fn was_delivered_before(&self, seq: i64) -> bool {
        let mut reports = self.delivery.iter().flat_map(|delivery| &delivery.reports);
        reports.any(|report| {
            report.source.seq < seq && (report.says("delivered") || report.says("read"))
        })
    }

    /// Whether this message came in time, if it carries the disclosure, and the other is the first of the AI.
    ///
    /// The provider's times count before those of the host, because both messages have them from one clock.
    pub(super) fn compared_with(&self, first: &Self) -> DisclosureVerdict {
        let in_time = |is_delivered| {
            if is_delivered {
                DisclosureVerdict::DeliveredBefore
            } else {
                DisclosureVerdict::SentBefore
            }
        };
        if self.source.event_id == first.source.event_id {
            return in_time(self.is_delivered());
        }
        let was_sent_before = self.source.seq < first.began;
        match (self.arrived_by(), first.arrived_at()) {
            (Some(told), Some(wrote)) if told < wrote => return in_time(true),
            (Some(told), Some(wrote)) if told == wrote && was_sent_before => return in_time(true),
            _ => {}
        }
        let was_overtaken =
            self.arrived_at().zip(first.arrived_at()).is_some_and(|(told, wrote)| told > wrote);
        if !was_sent_before || was_overtaken {
            return DisclosureVerdict::Later;
        }
        let is_early = self.arrived_by().is_some_and(|at| at <= first.source.at);
        in_time(is_early || self.was_delivered_before(first.began))
    }
}
