//! The final order, and who decided it.

use serde::Serialize;

use super::super::told::{Source, Told};
use crate::event::payload::ShortlistGenerated;

/// The order of the shortlist beside the order of its scores.
#[derive(Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FinalOrder {
    /// The event that says so.
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
}

/// One item of the final order.
#[derive(Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RankedItem {
    /// Place on the shortlist, from 1.
    pub rank: usize,
    /// Place by score alone, from 1; equal scores share a place.
    pub rank_by_score: usize,
    /// The host's row for the vendor.
    pub vendor_id: String,
    /// Its score.
    pub total: f64,
}

pub(super) fn of(told: &Told<ShortlistGenerated>) -> FinalOrder {
    let items = &told.output.items;
    let items: Vec<_> = items
        .iter()
        .enumerate()
        .map(|(index, item)| RankedItem {
            rank: index + 1,
            rank_by_score: 1 + items.iter().filter(|other| other.total > item.total).count(),
            vendor_id: item.vendor_id.clone(),
            total: item.total,
        })
        .collect();
    FinalOrder {
        source: told.source.clone(),
        decided_by: told.output.decided_by.clone(),
        moltbot_event_id: told.output.moltbot_event_id.clone(),
        rule_version: told.input.rule_version.clone(),
        tie_breaks: told.output.tie_breaks.clone(),
        follows_score: items.is_sorted_by(|a, b| a.total >= b.total),
        items,
    }
}
