//! What a store keeps of an effect, and what changes it.
//!
//! An outcome that is stored before its intent leaves an entry that holds no charges and that no one can
//! resolve. The effect is not admitted after that, and a drained intent completes the entry. Only a record
//! that is newly stored makes an entry or settles one: an event that was stored before has no second effect.

#[cfg(feature = "testing")]
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize as _;
use serde_json::Value;
use uuid::Uuid;

use crate::event::{Budget, payload::AdmissionInput};
use crate::proof::Digest;
use crate::record::{Record, Settlement};
use crate::store::admission::{Claim, Conclusion, OpenEffect, Scope};

/// What a store keeps of an effect.
#[derive(Clone, Debug)]
pub(crate) struct EffectEntry {
    pub(crate) effect_id: Uuid,
    /// Its `effect.admitted` event; none while only its outcome is known.
    pub(crate) intent_id: Option<Uuid>,
    pub(crate) effect: String,
    /// None once the key is free.
    pub(crate) key_hash: Option<Digest>,
    /// None if a drained intent does not state it.
    pub(crate) input_hash: Option<Digest>,
    pub(crate) request_id: Option<Uuid>,
    pub(crate) conversation_id: Option<Uuid>,
    pub(crate) charges: Vec<Reservation>,
    pub(crate) state: EffectState,
    /// Whether an outcome was stored.
    pub(crate) has_outcome: bool,
    pub(crate) admitted_at: DateTime<Utc>,
    pub(crate) lease_until: DateTime<Utc>,
}

/// How an effect stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EffectState {
    Done,
    Failed,
    InDoubt,
    Running,
    Voided,
}

/// What was reserved of a budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reservation {
    pub(crate) scope: Scope,
    pub(crate) budget: Budget,
    pub(crate) amount: i64,
}

/// What to add to what is used of a budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BudgetChange {
    pub(crate) scope: Scope,
    pub(crate) budget: Budget,
    pub(crate) by: i64,
}

impl EffectState {
    #[cfg(feature = "sqlite")]
    const ALL: [Self; 5] = [Self::Done, Self::Failed, Self::InDoubt, Self::Running, Self::Voided];

    /// The state as it is stored.
    #[cfg(feature = "sqlite")]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::InDoubt => "in_doubt",
            Self::Running => "running",
            Self::Voided => "voided",
        }
    }

    #[cfg(feature = "sqlite")]
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

impl EffectEntry {
    /// Of a claim that is admitted.
    pub(crate) fn admitted(claim: &Claim, now: DateTime<Utc>) -> Self {
        let header = claim.intent.header();
        let held = claim.charges.iter().map(|charge| Reservation {
            scope: claim.scope(charge.period, now),
            budget: charge.budget.clone(),
            amount: charge.amount,
        });
        Self {
            effect_id: claim.effect_id,
            intent_id: Some(header.id),
            effect: claim.effect.clone(),
            key_hash: claim.key_hash,
            input_hash: Some(claim.input_hash),
            request_id: header.request_id,
            conversation_id: header.conversation_id,
            charges: held.collect(),
            state: EffectState::Running,
            has_outcome: false,
            admitted_at: now,
            lease_until: lease_end(now, TimeDelta::from_std(claim.lease).ok()),
        }
    }

    /// Of an effect whose outcome came before anything else of it: it says that the effect must not run any
    /// more.
    pub(crate) fn early(effect_id: Uuid, now: DateTime<Utc>) -> Self {
        Self {
            effect_id,
            intent_id: None,
            effect: String::new(),
            key_hash: None,
            input_hash: None,
            request_id: None,
            conversation_id: None,
            charges: Vec::new(),
            state: EffectState::Running,
            has_outcome: false,
            admitted_at: now,
            lease_until: now,
        }
    }

    /// Of an effect that was begun while the database was away, by its intent. None if that does not
    /// say which effect it is. Its lease begins now: a process that is alive renews it from here on.
    pub(crate) fn drained(intent: &Record, now: DateTime<Utc>) -> Option<Self> {
        let header = intent.header();
        let input = AdmissionInput::deserialize(intent.input()?).ok()?;
        let digest = |hex: Option<String>| hex?.parse::<Digest>().ok();
        let lease_ms = input.lease_ms.unwrap_or(0);
        let lease = i64::try_from(lease_ms).ok().and_then(TimeDelta::try_milliseconds);
        Some(Self {
            effect_id: input.effect_id?.parse().ok()?,
            intent_id: Some(header.id),
            effect: input.effect.unwrap_or_default(),
            key_hash: digest(input.key_hash),
            input_hash: digest(input.input_hash),
            request_id: header.request_id,
            conversation_id: header.conversation_id,
            charges: Vec::new(),
            state: EffectState::Running,
            has_outcome: false,
            admitted_at: now,
            lease_until: lease_end(now, lease),
        })
    }

    /// Takes over what the intent says of an effect whose outcome came first; its key, unless that is free
    /// again. `false` if the intent was known.
    pub(crate) fn learn(&mut self, drained: Self) -> bool {
        if self.intent_id.is_some() {
            return false;
        }
        let holds_key = !matches!(self.state, EffectState::Failed | EffectState::Voided);
        *self = Self {
            state: self.state,
            has_outcome: self.has_outcome,
            admitted_at: self.admitted_at,
            key_hash: drained.key_hash.filter(|_| holds_key),
            ..drained
        };
        true
    }

    /// True if its lease has run out.
    pub(crate) fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.lease_until <= now
    }

    /// Whether an event of this request and conversation may end it. Without an intent, its request is
    /// not known yet.
    pub(crate) fn may_end_by(&self, request: Option<Uuid>, conversation: Option<Uuid>) -> bool {
        let own = (self.request_id, self.conversation_id);
        self.has_outcome || self.intent_id.is_none() || own == (request, conversation)
    }

    /// Settles it by an outcome event, and says what to change. `None` if it has one already.
    pub(crate) fn settle(
        &mut self,
        outcome: &str,
        error_code: Option<&str>,
        output: Option<&Value>,
    ) -> Option<Vec<BudgetChange>> {
        if self.has_outcome {
            return None;
        }
        self.has_outcome = true;
        // An operator resolved that it was not performed, and its charges were given back: an outcome
        // that comes late and says otherwise is charged from nothing.
        let is_voided = self.state == EffectState::Voided;
        let held = |charge: &Reservation| if is_voided { 0 } else { charge.amount };
        let settled = |charge: &Reservation| {
            let used = Settlement::used(charge.budget.as_str(), output).unwrap_or(charge.amount);
            used - held(charge)
        };
        Some(match Settlement::of(outcome, error_code) {
            Settlement::Succeeded => {
                self.state = EffectState::Done;
                self.changes(settled)
            }
            Settlement::Failed => {
                (self.state, self.key_hash) = (EffectState::Failed, None);
                self.changes(settled)
            }
            Settlement::Voided => self.void(held),
            Settlement::InDoubt => {
                if self.state == EffectState::Running {
                    self.state = EffectState::InDoubt;
                }
                Vec::new()
            }
        })
    }

    /// Concludes it without an outcome, and says what to change. `None` if it is not in the state
    /// that the conclusion needs.
    pub(crate) fn conclude(
        &mut self,
        conclusion: Conclusion,
        now: DateTime<Utc>,
    ) -> Option<Vec<BudgetChange>> {
        self.intent_id?;
        let is_expiring = self.state == EffectState::Running && self.is_over(now);
        let is_in_doubt = self.state == EffectState::InDoubt || is_expiring;
        match conclusion {
            Conclusion::Expired if is_expiring => {
                self.state = EffectState::InDoubt;
                Some(Vec::new())
            }
            Conclusion::Performed if is_in_doubt => {
                self.state = EffectState::Done;
                Some(Vec::new())
            }
            Conclusion::NotPerformed if is_in_doubt => Some(self.void(|charge| charge.amount)),
            _ => None,
        }
    }

    /// Has its lease end so long from now, if it runs and its lease is not over.
    #[cfg(feature = "testing")]
    pub(crate) fn renew(&mut self, length: Duration, now: DateTime<Utc>) {
        let is_running = self.state == EffectState::Running && !self.has_outcome;
        if is_running && self.intent_id.is_some() && !self.is_over(now) {
            self.lease_until = lease_end(now, TimeDelta::from_std(length).ok());
        }
    }

    /// As it is listed, if its end is not known.
    pub(crate) fn open(&self, now: DateTime<Utc>) -> Option<OpenEffect> {
        if self.intent_id.is_none()
            || !matches!(self.state, EffectState::InDoubt | EffectState::Running)
        {
            return None;
        }
        let is_expiring = self.state == EffectState::Running && self.is_over(now);
        Some(OpenEffect {
            effect_id: self.effect_id,
            effect: self.effect.clone(),
            request_id: self.request_id,
            conversation_id: self.conversation_id,
            admitted_at: self.admitted_at,
            lease_until: self.lease_until,
            is_in_doubt: self.state == EffectState::InDoubt || is_expiring,
            is_expiring,
        })
    }

    /// What it reserves when it is admitted.
    pub(crate) fn reserved(&self) -> Vec<BudgetChange> {
        self.changes(|charge| charge.amount)
    }

    fn void(&mut self, held: impl Fn(&Reservation) -> i64) -> Vec<BudgetChange> {
        (self.state, self.key_hash) = (EffectState::Voided, None);
        self.changes(|charge| -held(charge))
    }

    fn changes(&self, by: impl Fn(&Reservation) -> i64) -> Vec<BudgetChange> {
        let changes = self.charges.iter().map(|charge| BudgetChange {
            scope: charge.scope,
            budget: charge.budget.clone(),
            by: by(charge),
        });
        changes.filter(|change| change.by != 0).collect()
    }
}

/// When a lease ends, or a consent: after 300 years at the latest, because not every database has a time for
/// more.
pub(crate) fn lease_end(time: DateTime<Utc>, lease: Option<TimeDelta>) -> DateTime<Utc> {
    const MAX: TimeDelta = TimeDelta::days(300 * 365 + 75);
    time + lease.unwrap_or(MAX).min(MAX)
}
