//! Decides about a claim for stores that have no language of their own (SQLite, memory): rules, without I/O.
//!
//! Postgres has the same rules in SQL (`admit` in migration 0004). One contract suite runs on all three.

mod consent;
mod entry;
mod own_events;

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

pub(crate) use self::consent::ConsentWord;
pub(crate) use self::entry::{Change, Entry, State};
#[cfg(feature = "sqlite")]
pub(crate) use self::entry::{Held, lease_end};
pub(crate) use self::own_events::{
    check_appended, check_conclusion, check_flip, check_rotation, foreign_outcome,
};
use super::StoreError;
use super::admission::{Claim, Obstacle, Scope, Verdict};
use crate::event::Period;
use crate::redact::KeyFingerprint;

pub(crate) use super::claim::{DOING, check_claim};

/// What is wrong with a claim whose intent was recorded as an event like any other.
pub(crate) const STORED_WITHOUT_ENTRY: &str = "the intent is recorded already, and made no entry";

/// What a claim meets among the effects that there are.
#[derive(Debug)]
pub(crate) enum Met {
    /// The claim was admitted before.
    Itself,
    /// An effect with its key has succeeded.
    Done {
        /// That effect.
        effect_id: Uuid,
    },
    /// Another answer, and it stands.
    Answered(Verdict),
}

/// Looks for what stands before any other rule. `own` is the entry that has the claim's effect id,
/// `holder` the one that holds its key: under the claim's redaction key, or else a previous one.
pub(crate) fn meet(
    claim: &Claim,
    own: Option<&Entry>,
    holder: Option<&Entry>,
    now: DateTime<Utc>,
) -> Option<Met> {
    let is_itself = |entry: &&Entry| entry.intent_id == Some(claim.intent.header().id);
    // First of all, because its effect may have failed since, and the key may be another's by now.
    if own.filter(is_itself).or(holder.filter(is_itself)).is_some() {
        return Some(Met::Itself);
    }
    let entry = holder.or(own)?;
    let effect_id = entry.effect_id;
    let previous = claim.previous.iter().map(|hashes| hashes.input_hash);
    // Hashes under two keys never agree, so the one that matches is under the entry's own key.
    let is_same = |input_hash| previous.chain([claim.input_hash]).any(|one| one == input_hash);
    if !entry.input_hash.is_some_and(is_same) {
        return Some(Met::Answered(Verdict::Conflict { effect_id }));
    }
    Some(match entry.state {
        State::Done => Met::Done { effect_id },
        State::Running if !entry.is_over(now) => {
            let lease_until = entry.lease_until;
            Met::Answered(Verdict::InProgress { effect_id, lease_until })
        }
        State::Running | State::InDoubt => Met::Answered(Verdict::InDoubt { effect_id }),
        // Its key is free, but an id is never used twice.
        State::Failed | State::Voided => Met::Answered(Verdict::Conflict { effect_id }),
    })
}

/// What a claim is judged by.
#[derive(Debug)]
pub(crate) struct Facts {
    /// The database's time.
    pub(crate) now: DateTime<Utc>,
    /// Which of its switches is engaged, the first that is; a switch without a row is.
    pub(crate) engaged: Option<usize>,
    /// The last word about its consent.
    pub(crate) consent: Option<ConsentWord>,
    /// What is used, in the order of its charges.
    pub(crate) used: Vec<i64>,
    /// When the deployment first heard of its request; none where it has no event yet.
    pub(crate) heard_at: Option<DateTime<Utc>>,
    /// Whether its request has a shortlist.
    pub(crate) has_shortlist: bool,
}

/// What an admitted claim takes.
#[derive(Debug)]
pub(crate) struct Grant {
    /// What of each budget is used with it.
    pub(crate) used: Vec<i64>,
    /// How long its request has taken.
    pub(crate) elapsed: Option<Duration>,
}

/// Judges a claim that [meets](meet()) nothing.
pub(crate) fn judge(claim: &Claim, facts: &Facts) -> Result<Grant, Obstacle> {
    if let Some(switch) = facts.engaged {
        return Err(Obstacle::Switch { switch });
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

/// By the database's clock alone; nothing where it was set back.
fn elapsed(facts: &Facts) -> Duration {
    let elapsed = facts.heard_at.map(|heard_at| facts.now - heard_at);
    elapsed.and_then(|elapsed| elapsed.to_std().ok()).unwrap_or_default()
}

/// Objects to a claim under another redaction key than the one in use.
pub(crate) fn check_key(claim: &Claim, in_use: KeyFingerprint) -> Result<(), StoreError> {
    if claim.key == in_use {
        return Ok(());
    }
    Err(StoreError::KeyMismatch { in_use, given: claim.key })
}

/// Whose budget a charge of the claim is for.
pub(crate) fn scope(claim: &Claim, period: Period, now: DateTime<Utc>) -> Scope {
    match period {
        Period::Day => Scope::Day(now.date_naive()),
        Period::Request => {
            let header = claim.intent.header();
            Scope::Request(header.request_id.unwrap_or(header.stream_id.uuid()))
        }
    }
}

/// What the effect returned, by its outcome event; none where that does not report a success.
pub(crate) fn replayed(outcome: &str, output: Option<Value>) -> Option<Value> {
    output.filter(|_| outcome == crate::event::Outcome::Succeeded.as_str())
}
