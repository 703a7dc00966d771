//! The order of a shortlist, and who decided it.

use serde::Serialize;

use super::super::typed_events::{OtherShape, Source, TypedEvent};
use crate::event::payload::ShortlistGenerated;

/// The order of a shortlist beside the order of its scores.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct FinalOrder {
    /// The event that records it.
    #[serde(flatten)]
    pub source: Source,
    /// `rule`, `price`, `moltbot`.
    pub decided_by: Option<String>,
    /// The `moltbot.called` event that decided it.
    pub moltbot_event_id: Option<String>,
    /// Version of the ranking rule.
    pub rule_version: Option<String>,
    /// What broke ties, in order.
    pub tie_breaks: Vec<String>,
    /// The order the client got.
    pub items: Vec<RankedItem>,
    /// Whether no item stands below one with a lower score.
    pub follows_score: bool,
    /// The payload as it is, if it does not have the shape of its event type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_shape: Option<OtherShape>,
}

/// One item of the final order.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct RankedItem {
    /// Place on the shortlist, from 1.
    pub rank: usize,
    /// Place by score alone, from 1; equal scores share a place.
    pub rank_by_score: usize,
    /// Place by the rule alone, from 1, as the shortlist's event says.
    pub rule_rank: Option<u32>,
    /// Place on Moltbot's own shortlist, from 1, as the shortlist's event says.
    pub moltbot_rank: Option<u32>,
    /// The host's row for the vendor.
    pub vendor_id: String,
    /// Its score.
    #[serde(serialize_with = "crate::json::number")]
    pub total: f64,
}

pub(super) fn of(typed: &TypedEvent<ShortlistGenerated>) -> FinalOrder {
    let items = &typed.output.items;
    let mut totals: Vec<_> = items.iter().map(|item| item.total).collect();
    totals.sort_unstable_by(|a, b| b.total_cmp(a));
    let items: Vec<_> = items
        .iter()
        .enumerate()
        .map(|(index, item)| RankedItem {
            rank: index + 1,
            rank_by_score: 1 + totals.partition_point(|total| *total > item.total),
            rule_rank: item.rule_rank,
            moltbot_rank: item.moltbot_rank,
            vendor_id: item.vendor_id.clone(),
            total: item.total,
        })
        .collect();
    FinalOrder {
        source: typed.source.clone(),
        decided_by: typed.output.decided_by.clone(),
        moltbot_event_id: typed.output.moltbot_event_id.clone(),
        rule_version: typed.input.rule_version.clone(),
        tie_breaks: typed.output.tie_breaks.clone(),
        follows_score: items.is_sorted_by(|a, b| a.total >= b.total),
        items,
        other_shape: typed.other_shape.clone(),
    }
}
