//! Who may be asked for a need, best first, and who may not, and why.

use std::collections::BTreeSet;

use moltbot_audit::event::payload::{Candidate, CandidatesOutput, Exclusion, ScoreFactor};

use super::super::scenario::Vendor;
use super::{factor, total};

pub(crate) const SELECTION_RULE: &str = "vendor-selection.1";

/// What vendors are looked for.
#[derive(Debug)]
pub(crate) struct Need<'a> {
    pub(crate) category: &'a str,
    pub(crate) radius_km: Option<f64>,
    pub(crate) min_rating: Option<f64>,
    pub(crate) tags: &'a [String],
    /// Vendors that were asked. No vendor is asked twice for one request.
    pub(crate) contacted: &'a BTreeSet<String>,
}

/// Looks at every vendor of the market.
pub(crate) fn select(market: &[Vendor], need: &Need<'_>) -> CandidatesOutput {
    let mut candidates = Vec::new();
    let mut excluded = Vec::new();
    for vendor in market {
        let vendor_id = vendor.id.clone();
        if let Some(reason) = exclusion(vendor, need) {
            excluded.push(Exclusion { vendor_id, reason: reason.into(), ..Default::default() });
        } else {
            let factors = factors(vendor, need);
            candidates.push(Candidate {
                vendor_id,
                vendor_name: Some(vendor.name.clone()),
                total: total(&factors),
                factors,
                ..Default::default()
            });
        }
    }
    candidates
        .sort_by(|a, b| b.total.total_cmp(&a.total).then_with(|| a.vendor_id.cmp(&b.vendor_id)));
    let pool_size = u32::try_from(market.len()).ok();
    CandidatesOutput { pool_size, candidates, excluded, ..Default::default() }
}

fn exclusion(vendor: &Vendor, need: &Need<'_>) -> Option<&'static str> {
    let radius_km = need.radius_km.unwrap_or(RADIUS_KM_MAX).min(RADIUS_KM_MAX);
    let checks = [
        (vendor.inactive, "inactive"),
        (vendor.blocked, "blocked"),
        (vendor.opted_out, "opted_out"),
        (need.contacted.contains(&vendor.id), "already_contacted"),
        (vendor.busy, "busy"),
        (category_points(vendor, need) == 0.0, "category_mismatch"),
        (vendor.distance_km.is_some_and(|km| km > radius_km), "out_of_radius"),
        (
            need.min_rating.is_some_and(|min| vendor.rating.is_some_and(|rating| rating < min)),
            "below_min_rating",
        ),
    ];
    checks.into_iter().find(|(holds, _)| *holds).map(|(_, reason)| reason)
}

fn factors(vendor: &Vendor, need: &Need<'_>) -> Vec<ScoreFactor> {
    let category = category_points(vendor, need);
    let exact = if category >= 40.0 { "same category" } else { "matching tag" };
    let of = |code: &'static str| {
        move |points, measured, text: String| factor(code, points, measured, text)
    };
    let (distance, speed, rating) = (of("distance"), of("response_time"), of("rating"));
    vec![
        factor("category", category, None, exact),
        match vendor.distance_km {
            Some(km) => distance((30.0 - 2.0 * km).max(0.0), Some(km), format!("{km} km away")),
            None => distance(15.0, None, "distance not known".into()),
        },
        match vendor.response_hours {
            Some(h) => speed((20.0 - 2.0 * h).max(0.0), Some(h), format!("answers in {h} h")),
            None => speed(10.0, None, "response time not known".into()),
        },
        match vendor.rating {
            Some(stars) => rating((2.0 * stars).min(10.0), Some(stars), format!("rated {stars}")),
            None => rating(5.0, None, "not rated".into()),
        },
    ]
}

fn category_points(vendor: &Vendor, need: &Need<'_>) -> f64 {
    if vendor.category.eq_ignore_ascii_case(need.category) {
        40.0
    } else if vendor.tags.iter().any(|tag| tag == need.category || need.tags.contains(tag)) {
        20.0
    } else {
        0.0
    }
}

const RADIUS_KM_MAX: f64 = 15.0;
