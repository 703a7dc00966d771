//! The shortlists, and the handoff of the client.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::finding::Finding;
use super::typed_events::{OtherShape, Source, TypedEvent, typed};
use crate::event::payload::{
    ShortlistExclusion, ShortlistGenerated, ShortlistHandoff, ShortlistItem,
};
use crate::pack::{PackEvent, Section};

/// What the client got.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Shortlists {
    /// The shortlists that succeeded, in the order they were recorded.
    pub shortlists: Vec<Shortlist>,
    /// Handoffs without a shortlist before them.
    pub unmatched_handoffs: Vec<Handoff>,
    /// Shortlists and handoffs that did not succeed.
    pub unsuccessful: Vec<Source>,
}

/// One shortlist.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Shortlist {
    /// The event that made it.
    #[serde(flatten)]
    pub source: Source,
    /// The items, best first.
    pub items: Vec<ShortlistItem>,
    /// Vendors that replied and are not on it, and why.
    pub excluded: Vec<ShortlistExclusion>,
    /// What the client was told.
    pub summary_text: Option<String>,
    /// The handoffs after it, and before the next shortlist.
    pub handoffs: Vec<Handoff>,
    /// The payload as it is, if it does not have the shape of its event type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_shape: Option<OtherShape>,
}

/// How and when the client was handed off to the vendors.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Handoff {
    /// The event that records it.
    #[serde(flatten)]
    pub source: Source,
    /// `wa_link` or `phone`.
    pub handoff_type: Option<String>,
    /// When the client had the links.
    pub handed_off_at: Option<DateTime<Utc>>,
    /// Who the client was handed to.
    pub vendor_ids: Vec<String>,
    /// How many open outreaches were cancelled.
    pub cancelled_count: Option<u32>,
    /// The payload as it is, if it does not have the shape of its event type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_shape: Option<OtherShape>,
}

pub(super) fn section(events: &[PackEvent]) -> Section<Shortlists> {
    let content = shortlists(events);
    let is_empty = content.shortlists.is_empty()
        && content.unmatched_handoffs.is_empty()
        && content.unsuccessful.is_empty();
    if is_empty { Section::Empty } else { Section::Recorded { content } }
}

fn shortlists(events: &[PackEvent]) -> Shortlists {
    let mut unsuccessful = Vec::new();
    let mut shortlists = Vec::new();
    for typed in typed::<ShortlistGenerated>(events) {
        if typed.source.succeeded() {
            shortlists.push(shortlist(typed));
        } else {
            unsuccessful.push(typed.source);
        }
    }
    let mut unmatched_handoffs = Vec::new();
    for typed in typed::<ShortlistHandoff>(events) {
        let seq = typed.source.seq;
        let before = shortlists.partition_point(|shortlist| shortlist.source.seq < seq);
        if !typed.source.succeeded() {
            unsuccessful.push(typed.source);
        } else if let Some(shortlist) = before.checked_sub(1).map(|at| &mut shortlists[at]) {
            shortlist.handoffs.push(handoff(typed));
        } else {
            unmatched_handoffs.push(handoff(typed));
        }
    }
    unsuccessful.sort_by_key(|source| source.seq);
    Shortlists { shortlists, unmatched_handoffs, unsuccessful }
}

fn shortlist(typed: TypedEvent<ShortlistGenerated>) -> Shortlist {
    Shortlist {
        source: typed.source,
        items: typed.output.items,
        excluded: typed.output.excluded,
        summary_text: typed.output.summary_text,
        handoffs: Vec::new(),
        other_shape: typed.other_shape,
    }
}

fn handoff(typed: TypedEvent<ShortlistHandoff>) -> Handoff {
    Handoff {
        source: typed.source,
        handoff_type: typed.input.handoff_type,
        handed_off_at: typed.output.handed_off_at,
        vendor_ids: typed.input.vendor_ids,
        cancelled_count: typed.output.cancelled_count,
        other_shape: typed.other_shape,
    }
}

/// Handoffs to vendors that are not on their shortlist, and handoffs without a shortlist.
pub(super) fn findings(events: &[PackEvent]) -> Vec<Finding> {
    let Shortlists { shortlists, unmatched_handoffs, .. } = shortlists(events);
    let mut findings = Vec::new();
    for handoff in &unmatched_handoffs {
        let what = "the client is handed off, and no shortlist stands before it";
        findings.push(Finding::at(&handoff.source, what));
    }
    for shortlist in &shortlists {
        let listed: HashSet<_> = shortlist.items.iter().map(|item| &item.vendor_id).collect();
        for handoff in &shortlist.handoffs {
            for vendor in handoff.vendor_ids.iter().filter(|vendor| !listed.contains(vendor)) {
                let seq = shortlist.source.seq;
                let what = format!(
                    "the client is handed off to {vendor}, which is not on the shortlist of event {seq}"
                );
                findings.push(Finding::at(&handoff.source, what));
            }
        }
    }
    findings
}
