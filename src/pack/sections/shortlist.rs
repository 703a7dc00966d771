//! The final shortlist, and when the client was handed off.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::told::{OtherShape, Source, Told, told};
use crate::event::Payload;
use crate::event::payload::{
    ShortlistExclusion, ShortlistGenerated, ShortlistHandoff, ShortlistItem,
};
use crate::pack::{PackEvent, Section};

/// What the client got.
#[derive(Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Shortlist {
    /// The event that made it; the last that succeeded, where there are several.
    pub generated: Option<Source>,
    /// The items, best first.
    pub items: Vec<ShortlistItem>,
    /// Who replied and is not on it, and why.
    pub excluded: Vec<ShortlistExclusion>,
    /// What the client was told.
    pub summary_text: Option<String>,
    /// The handoff; the last that succeeded.
    pub handoff: Option<Handoff>,
    /// Shortlists and handoffs that did not succeed.
    pub unsuccessful: Vec<Source>,
    /// The payload, where it has another shape.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_shape: Option<OtherShape>,
}

/// How and when the client was handed off to the vendors.
#[derive(Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Handoff {
    /// The event that says so.
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
    /// The payload, where it has another shape.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_shape: Option<OtherShape>,
}

pub(super) fn section(events: &[PackEvent]) -> Section<Shortlist> {
    let (handoff, mut unsuccessful) = by_success(told::<ShortlistHandoff>(events));
    let (shortlist, others) = by_success(told::<ShortlistGenerated>(events));
    unsuccessful.extend(others);
    unsuccessful.sort_by_key(|source| source.seq);
    if handoff.is_none() && shortlist.is_none() && unsuccessful.is_empty() {
        return Section::Empty;
    }
    let handoff = handoff.map(|told| Handoff {
        source: told.source,
        handoff_type: told.input.handoff_type,
        handed_off_at: told.output.handed_off_at,
        vendor_ids: told.input.vendor_ids,
        cancelled_count: told.output.cancelled_count,
        other_shape: told.other_shape,
    });
    let (generated, output, other_shape) = match shortlist {
        Some(told) => (Some(told.source), told.output, told.other_shape),
        None => Default::default(),
    };
    let content = Shortlist {
        generated,
        items: output.items,
        excluded: output.excluded,
        summary_text: output.summary_text,
        handoff,
        unsuccessful,
        other_shape,
    };
    Section::Recorded { content }
}

/// The last event that succeeded, and those that did not.
fn by_success<P: Payload>(told: impl Iterator<Item = Told<P>>) -> (Option<Told<P>>, Vec<Source>) {
    let (succeeded, others): (Vec<_>, Vec<_>) = told.partition(|told| told.source.succeeded());
    let sources = others.into_iter().map(|told| told.source).collect();
    (succeeded.into_iter().next_back(), sources)
}
