//! The result of a replay.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::event::{Budget, closed_set};

closed_set! {
    /// Why an admission cannot be replayed.
    NotReplayable {
        /// The word on its consent is in another stream than the request's.
        ConsentElsewhere = "consent_elsewhere",
        /// The limits have a budget for a whole day, and the order of all requests of a day is not replayed. Its charges to
        /// the request are.
        DayBudget = "day_budget",
        /// The limits name no limit for a budget that it was charged.
        NoLimit = "no_limit",
        /// Its tokens or its cost are limited, and neither the record nor the limits say how much it would be charged.
        NoPrice = "no_price",
        /// What was asked cannot be read.
        Unreadable = "unreadable",
    }
}

closed_set! {
    /// Why an admission would have been refused.
    WouldRefuse {
        /// More vendors than a batch may have.
        BatchTooLarge = "batch_too_large",
        /// A budget of the request is used up.
        BudgetExceeded = "budget_exceeded",
        /// The client had declined.
        ConsentDenied = "consent_denied",
        /// The consent had lapsed.
        ConsentExpired = "consent_expired",
        /// There was no consent.
        NoConsent = "no_consent",
        /// A switch is engaged.
        SwitchedOff = "switched_off",
        /// The request had taken too long.
        TimeExceeded = "time_exceeded",
    }
}

/// What a replay of a period found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Replayed {
    /// Admissions that could not be replayed, wholly or in part, by why. They are taken as admitted.
    pub not_replayable: BTreeMap<NotReplayable, u64>,
    /// Requests that were replayed.
    pub requests: u64,
    /// Admissions in them.
    pub admissions: u64,
    /// Of these, how many would have been refused.
    pub refused: u64,
    /// The same, by why.
    pub refused_by: BTreeMap<WouldRefuse, u64>,
    /// The same, by the budget that would have been used up.
    pub refused_by_budget: BTreeMap<Budget, u64>,
    /// Requests in which anything would have been refused.
    pub requests_refused: u64,
    /// Admissions after the first refusal of their request that would still be admitted. Whether the host would have asked
    /// for them is not known.
    pub admitted_after_refusal: u64,
    /// Effects that were refused for a budget or the time, and would have been admitted.
    pub refusals_lifted: u64,
}

/// An admission that would have been refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WouldBeRefused {
    /// Its request.
    pub request_id: Option<Uuid>,
    /// Its `effect.admitted`.
    pub event_id: Uuid,
    /// The place of that in the stream.
    pub seq: i64,
    /// When it was admitted.
    pub at: DateTime<Utc>,
    /// Why it would have been refused.
    pub why: WouldRefuse,
    /// The budget, how much of it was used, how much was asked for, and the limit.
    pub budget: Option<(Budget, i64, i64, i64)>,
}

impl fmt::Display for WouldBeRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(request_id) = self.request_id {
            write!(f, "request {request_id}, ")?;
        }
        write!(f, "event {}: {}", self.seq, self.why)?;
        match &self.budget {
            Some((budget, used, amount, limit)) => {
                write!(f, " ({budget}: {used} used, {amount} more, limit {limit})")
            }
            None => Ok(()),
        }
    }
}
