//! Vendors that were messaged, and what they replied.

use std::collections::HashMap;

use serde::Serialize;

use super::delivery::{Deliveries, Delivery};
use super::finding::Finding;
use super::typed_events::{OtherShape, Source, is_hidden, read, typed};
use crate::event::EventType;
use crate::event::payload::{VendorOutreachSent, VendorReplyRecorded};
use crate::pack::{PackEvent, Section};

/// Every outreach with its replies, and replies that answer none.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Outreaches {
    /// Messages to vendors.
    pub sent: Vec<Outreach>,
    /// Replies that answer no message to their vendor.
    pub unmatched_replies: Vec<Reply>,
}

/// One message to one vendor.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Outreach {
    /// The event that records it.
    #[serde(flatten)]
    pub source: Source,
    /// The host's row for the outreach.
    pub outreach_id: Option<String>,
    /// The host's row for the vendor.
    pub vendor_id: String,
    /// The shop's name.
    pub vendor_name: Option<String>,
    /// The vendor's number.
    pub vendor_phone: Option<String>,
    /// Which batch of the request it is in.
    pub batch_number: Option<u32>,
    /// What was written.
    pub text: Option<String>,
    /// Whether the trail says that it went out.
    pub went_out: bool,
    /// The provider's id of the message.
    pub provider_message_id: Option<String>,
    /// How far the message came; none if the provider reported nothing.
    pub delivery: Option<Delivery>,
    /// What the vendor answered.
    pub replies: Vec<Reply>,
    /// The payload as it is, if it does not have the shape of its event type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_shape: Option<OtherShape>,
}

impl Outreach {
    /// False if it did not go out, or the provider reported that it failed.
    pub(super) fn may_have_arrived(&self) -> bool {
        match self.delivery.as_ref().and_then(|delivery| delivery.status) {
            Some("delivered" | "read") => true,
            status => self.went_out && status != Some("failed"),
        }
    }
}

/// One reply: what was written beside what was understood, so that a reader can check one against
/// the other.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Reply {
    /// The event that records it.
    #[serde(flatten)]
    pub source: Source,
    /// The host's row for the outreach it answers.
    pub outreach_id: Option<String>,
    /// The host's row for the vendor.
    pub vendor_id: String,
    /// What was written.
    pub text: Option<String>,
    /// `in_stock`, `out_of_stock`, `unclear`.
    pub availability: Option<String>,
    /// Lowest price, in whole Rwandan francs.
    pub price_min: Option<i64>,
    /// Highest price, in whole Rwandan francs.
    pub price_max: Option<i64>,
    /// Where the shop is, in its own words.
    pub location_note: Option<String>,
    /// Variants on offer.
    pub options: Vec<String>,
    /// How sure the parser is, 0 to 1.
    #[serde(serialize_with = "crate::json::number")]
    pub confidence: Option<f64>,
    /// Version of the parser.
    pub parser_version: Option<String>,
    /// What the parser noticed.
    pub warnings: Vec<String>,
    /// Seconds from the outreach to the reply.
    #[serde(serialize_with = "crate::json::number")]
    pub latency_seconds: Option<f64>,
    /// It came after the handoff, and was not acted on.
    pub post_handoff: bool,
    /// The payload as it is, if it does not have the shape of its event type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_shape: Option<OtherShape>,
}

pub(super) fn section(events: &[PackEvent], deliveries: &Deliveries) -> Section<Outreaches> {
    let mut sent = outreaches(events, deliveries);
    let replies: Vec<_> = replies(events).collect();
    let answered = answered(&sent, &replies);
    let mut unmatched_replies = Vec::new();
    for (reply, answered) in replies.into_iter().zip(answered) {
        match answered {
            Some(at) => sent[at].replies.push(reply),
            None => unmatched_replies.push(reply),
        }
    }
    if sent.is_empty() && unmatched_replies.is_empty() {
        Section::Empty
    } else {
        Section::Recorded { content: Outreaches { sent, unmatched_replies } }
    }
}

/// Messages to vendors, including those that failed.
pub(super) fn outreaches(events: &[PackEvent], deliveries: &Deliveries) -> Vec<Outreach> {
    let with_delivery = |mut sent: Outreach| {
        sent.delivery =
            deliveries.delivery(sent.source.event_id, sent.provider_message_id.as_deref());
        sent
    };
    events.iter().filter_map(outreach).map(with_delivery).collect()
}

fn outreach(event: &PackEvent) -> Option<Outreach> {
    let is_sent = event.is(&EventType::VENDOR_OUTREACH_SENT);
    let is_failed =
        event.is(&EventType::WHATSAPP_SEND_FAILED) && event.input.value.get("vendor_id").is_some();
    (is_sent || is_failed).then(|| {
        let typed = read::<VendorOutreachSent>(event);
        Outreach {
            went_out: is_sent && typed.source.succeeded(),
            source: typed.source,
            outreach_id: typed.input.outreach_id,
            vendor_id: typed.input.vendor_id,
            vendor_name: typed.input.vendor_name,
            vendor_phone: typed.input.vendor_phone,
            batch_number: typed.input.batch_number,
            text: typed.input.text,
            provider_message_id: typed.output.provider_message_id,
            delivery: None,
            replies: Vec::new(),
            other_shape: typed.other_shape,
        }
    })
}

/// Replies, in the order they were recorded.
pub(super) fn replies(events: &[PackEvent]) -> impl Iterator<Item = Reply> {
    typed::<VendorReplyRecorded>(events).map(|typed| Reply {
        source: typed.source,
        outreach_id: typed.input.outreach_id,
        vendor_id: typed.input.vendor_id,
        text: typed.input.text,
        availability: typed.output.availability,
        price_min: typed.output.price_min,
        price_max: typed.output.price_max,
        location_note: typed.output.location_note,
        options: typed.output.options,
        confidence: typed.output.confidence,
        parser_version: typed.output.parser_version,
        warnings: typed.output.warnings,
        latency_seconds: typed.output.latency_seconds,
        post_handoff: typed.output.post_handoff,
        other_shape: typed.other_shape,
    })
}

/// The place of the outreach that each reply answers: the last one to its vendor, before the reply, with the id that
/// the reply names. If no outreach has that id, the last one without an id is taken. If the reply names no id, any
/// outreach matches.
fn answered(sent: &[Outreach], replies: &[Reply]) -> Vec<Option<usize>> {
    let (mut last_named, mut last_to) = (HashMap::new(), HashMap::new());
    let mut upcoming = sent.iter().enumerate().peekable();
    let place = |reply: &Reply| {
        let is_before = |(_, outreach): &(usize, &Outreach)| outreach.source.seq < reply.source.seq;
        while let Some((at, outreach)) = upcoming.next_if(is_before) {
            let vendor = outreach.vendor_id.as_str();
            last_named.insert((vendor, named(outreach.outreach_id.as_deref())), at);
            last_to.insert(vendor, at);
        }
        let vendor = reply.vendor_id.as_str();
        match named(reply.outreach_id.as_deref()) {
            Some(id) => {
                last_named.get(&(vendor, Some(id))).or_else(|| last_named.get(&(vendor, None)))
            }
            None => last_to.get(vendor),
        }
        .copied()
    };
    replies.iter().map(place).collect()
}

/// The id, unless it is hidden.
fn named(id: Option<&str>) -> Option<&str> {
    id.filter(|id| !is_hidden(Some(id)))
}

/// Replies that name a message which was not sent to their vendor before.
pub(super) fn findings(outreaches: &[Outreach], replies: &[Reply]) -> Vec<Finding> {
    let mut sent_to: HashMap<&str, Vec<&Outreach>> = HashMap::new();
    for outreach in outreaches {
        if let Some(id) = named(outreach.outreach_id.as_deref()) {
            sent_to.entry(id).or_default().push(outreach);
        }
    }
    let mut findings = Vec::new();
    for (reply, answered) in replies.iter().zip(answered(outreaches, replies)) {
        let Some(id) = named(reply.outreach_id.as_deref()).filter(|_| answered.is_none()) else {
            continue;
        };
        let messages = sent_to.get(id).map(Vec::as_slice).unwrap_or_default();
        let what = match messages.iter().find(|message| message.vendor_id != reply.vendor_id) {
            Some(other) => format!(
                "the reply of {} names a message to {} (event {})",
                reply.vendor_id, other.vendor_id, other.source.seq
            ),
            None => format!("the reply of {} names no message before it", reply.vendor_id),
        };
        findings.push(Finding::at(&reply.source, what));
    }
    findings
}
