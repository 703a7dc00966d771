//! The final shortlist, and when the client was handed off.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::told::{OtherShape, Source, told};
use crate::event::payload::{
    ShortlistExclusion, ShortlistGenerated, ShortlistHandoff, ShortlistItem,
};
use crate::pack::{PackEvent, Section};

/// What the client got.
#[derive(Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Shortlist {
    /// The event that made it; the last, where there are several.
    pub generated: Option<Source>,
    /// The items, best first.
    pub items: Vec<ShortlistItem>,
    /// Who replied and is not on it, and why.
    pub excluded: Vec<ShortlistExclusion>,
    /// What the client was told.
    pub summary_text: Option<String>,
    /// The handoff.
    pub handoff: Option<Handoff>,
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
}

pub(super) fn section(events: &[PackEvent]) -> Section<Shortlist> {
    let handoff = told::<ShortlistHandoff>(events).last().map(|told| Handoff {
        source: told.source,
        handoff_type: told.input.handoff_type,
        handed_off_at: told.output.handed_off_at,
        vendor_ids: told.input.vendor_ids,
        cancelled_count: told.output.cancelled_count,
    });
    let generated = told::<ShortlistGenerated>(events).last();
    if handoff.is_none() && generated.is_none() {
        return Section::Empty;
    }
    let (generated, output, other_shape) = match generated {
        Some(told) => (Some(told.source), told.output, told.other_shape),
        None => Default::default(),
    };
    let content = Shortlist {
        generated,
        items: output.items,
        excluded: output.excluded,
        summary_text: output.summary_text,
        handoff,
        other_shape,
    };
    Section::Recorded { content }
}
