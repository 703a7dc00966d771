//! Decides about a claim for stores that have no language of their own (SQLite, memory): rules, without I/O.
//!
//! Postgres has the same rules in SQL (`admit` in migration 0004). One contract suite runs on all three.

mod consent;
mod effect_entry;
mod own_events;
mod switches;

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

pub(crate) use self::consent::ConsentWord;
pub(crate) use self::effect_entry::{BudgetChange, EffectEntry, EffectState};
#[cfg(feature = "sqlite")]
pub(crate) use self::effect_entry::{Reservation, lease_end};
pub(crate) use self::own_events::{
    check_appended, check_conclusion, check_flip, check_lapse, check_rotation, foreign_outcome,
};
pub(crate) use self::switches::{SetSwitch, engaged, is_kept};
use super::{Claim, Decision, Obstacle};
use crate::redact::KeyFingerprint;
use crate::store::StoreError;

/// What is wrong with a claim whose intent was recorded as an event like any other.
pub(crate) const STORED_WITHOUT_ENTRY: &str = "the intent is recorded already, and made no entry";

/// What an earlier effect makes of a claim.
#[derive(Debug)]
pub(crate) enum Earlier {
    /// The claim itself was admitted before.
    SameClaim,
    /// An effect with its key has succeeded.
    Succeeded {
        /// That effect.
        effect_id: Uuid,
    },
    /// The decision.
    Decides(Decision),
}

/// Finds what an earlier effect makes of a claim, before any other rule. `own` is the entry that has the claim's effect id,
/// `holder` the one that holds its key: under the claim's redaction key, or else a previous one.
pub(crate) fn earlier(
    claim: &Claim,
    own: Option<&EffectEntry>,
    holder: Option<&EffectEntry>,
    now: DateTime<Utc>,
) -> Option<Earlier> {
    let is_itself = |entry: &&EffectEntry| entry.intent_id == Some(claim.intent.header().id);
    // First of all, because its effect may have failed since, and another effect may hold the key by now.
    if own.filter(is_itself).or(holder.filter(is_itself)).is_some() {
        return Some(Earlier::SameClaim);
    }
    let entry = holder.or(own)?;
    let effect_id = entry.effect_id;
    let previous = claim.previous.iter().map(|hashes| hashes.input_hash);
    // Hashes under two keys never agree, so the one that matches is under the entry's own key.
    let is_same = |input_hash| previous.chain([claim.input_hash]).any(|one| one == input_hash);
    if !entry.input_hash.is_some_and(is_same) {
        return Some(Earlier::Decides(Decision::Conflict { effect_id }));
    }
    Some(match entry.state {
        EffectState::Done => Earlier::Succeeded { effect_id },
        EffectState::Running if !entry.is_over(now) => {
            let lease_until = entry.lease_until;
            Earlier::Decides(Decision::InProgress { effect_id, lease_until })
        }
        EffectState::Running | EffectState::InDoubt => {
            Earlier::Decides(Decision::InDoubt { effect_id })
        }
        // Its key is free, but an id is never used twice.
        EffectState::Failed | EffectState::Voided => {
            Earlier::Decides(Decision::Conflict { effect_id })
        }
    })
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
    pub(crate) elapsed: Option<Duration>,
}

/// Decides about a claim that no [earlier](earlier()) effect decides.
pub(crate) fn decide(claim: &Claim, facts: &Facts) -> Result<Grant, Obstacle> {
    if let Some(engaged) = &facts.engaged {
        return Err(engaged.clone());
    }
    if let Some(consent) = &claim.consent {
        let word = facts.consent.as_ref().ok_or(Obstacle::NoConsent)?;
        word.check(consent, facts.now)?;
    }
    let charges = claim.charges.iter().zip(&facts.used).enumerate();
    let used = charges.map(|(charge, (asked, &used))| {
        let with = used.checked_add(asked.amount).filter(|with| *with <= asked.limit);
        with.ok_or(Obstacle::Budget { charge, used })
    });
    let used = used.collect::<Result<Vec<_>, _>>()?;
    let timed = claim.elapsed_max.filter(|_| !facts.has_shortlist);
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

/// Refuses a claim under another redaction key than the one in use.
pub(crate) fn check_key(claim: &Claim, in_use: KeyFingerprint) -> Result<(), StoreError> {
    if claim.key == in_use {
        return Ok(());
    }
    Err(StoreError::KeyMismatch { in_use, given: claim.key })
}

/// What the effect returned, by its outcome event. None if that does not report a success.
pub(crate) fn replayed(outcome: &str, output: Option<Value>) -> Option<Value> {
    output.filter(|_| outcome == crate::event::Outcome::Succeeded.as_str())
}
