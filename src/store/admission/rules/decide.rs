//! The decision itself: what stands in a claim's way, and what it is granted.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::consent::ConsentWord;
use crate::store::admission::{Charge, Claim, ConsentClaim, Obstacle};

/// What of a claim the decision looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) consent: Option<&'a ConsentClaim>,
    pub(crate) charges: &'a [Charge],
    pub(crate) elapsed_max: Option<Duration>,
}

impl<'a> From<&'a Claim> for Asked<'a> {
    fn from(claim: &'a Claim) -> Self {
        Self {
            consent: claim.consent.as_ref(),
            charges: &claim.charges,
            elapsed_max: claim.elapsed_max,
        }
    }
}

/// What the decision about a claim depends on.
#[derive(Debug)]
pub(crate) struct Facts {
    /// The database's time.
    pub(crate) now: DateTime<Utc>,
    /// The first of its switches that is engaged.
    pub(crate) engaged: Option<Obstacle>,
    /// The last event about its consent.
    pub(crate) consent: Option<ConsentWord>,
    /// How much of each budget is used, in the order of its charges.
    pub(crate) used: Vec<i64>,
    /// When the deployment first heard of its request. None if the request has no event yet.
    pub(crate) heard_at: Option<DateTime<Utc>>,
    /// Whether its request has a shortlist.
    pub(crate) has_shortlist: bool,
}

/// What an admitted claim is granted.
#[derive(Debug)]
pub(crate) struct Grant {
    /// What of each budget is used with it.
    pub(crate) used: Vec<i64>,
    /// How long its request has taken.
    #[cfg_attr(
        not(any(feature = "sqlite", feature = "testing")),
        expect(dead_code, reason = "only a store that decides by these rules tells its callers")
    )]
    pub(crate) elapsed: Option<Duration>,
}

/// Decides about a claim that no earlier effect decides.
pub(crate) fn decide<'a>(asked: impl Into<Asked<'a>>, facts: &Facts) -> Result<Grant, Obstacle> {
    let asked = asked.into();
    if let Some(engaged) = &facts.engaged {
        return Err(engaged.clone());
    }
    if let Some(consent) = asked.consent {
        let word = facts.consent.as_ref().ok_or(Obstacle::NoConsent)?;
        word.check(consent, facts.now)?;
    }
    let charges = asked.charges.iter().zip(&facts.used).enumerate();
    let used = charges.map(|(charge, (asked, &used))| {
        let with = used.checked_add(asked.amount).filter(|with| *with <= asked.limit);
        with.ok_or(Obstacle::Budget { charge, used })
    });
    let used = used.collect::<Result<Vec<_>, _>>()?;
    let timed = asked.elapsed_max.filter(|_| !facts.has_shortlist);
    let elapsed = timed.map(|max| (max, elapsed(facts)));
    match elapsed {
        Some((max, elapsed)) if elapsed > max => Err(Obstacle::Time { elapsed }),
        _ => Ok(Grant { used, elapsed: elapsed.map(|(_, elapsed)| elapsed) }),
    }
}

/// By the database's clock alone. Zero if that was set back.
fn elapsed(facts: &Facts) -> Duration {
    let elapsed = facts.heard_at.map(|heard_at| facts.now - heard_at);
    elapsed.and_then(|elapsed| elapsed.to_std().ok()).unwrap_or_default()
}
