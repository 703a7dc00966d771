//! What earlier effects make of a claim.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::effect_entry::{EffectEntry, EffectState};
use crate::redact::KeyFingerprint;
use crate::store::StoreError;
use crate::store::admission::{Claim, Decision};

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
