//! Limits: how much of each budget a request and a day may use.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::event::payload::CONSENT_LIFETIME;
use crate::event::{Budget, Period};

/// Largest limit: every JSON reader reads it exactly.
const LIMIT_MAX: i64 = (1 << 53) - 1;
/// Longest lease, lifetime and time limit.
const DURATION_MAX: Duration = Duration::from_hours(24 * 366);

/// A limit that makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitsError {
    /// With it, nothing could ever run. To stop something, engage its switch.
    #[error("{what} must be at least 1")]
    NotPositive {
        /// The limit that was set.
        what: &'static str,
    },
    /// The target is longer than the maximum.
    #[error("the target time is longer than the maximum")]
    TargetPastMax,
    /// It is too large to be recorded exactly.
    #[error("{what} is too large")]
    TooLarge {
        /// The limit that was set.
        what: &'static str,
    },
}

/// The limits in force. An effect's `effect.admitted` event holds those that it was admitted under.
///
/// | | default |
/// |---|---|
/// | calls of Moltbot a request | 8 |
/// | photos read a request | 2 |
/// | batches of vendors a request | 3 |
/// | vendors a request | 15 |
/// | vendors a batch | 5 |
/// | time to the shortlist | target 6 minutes, at most 10 |
/// | tokens, cost | not limited |
/// | warning | at 80 % |
/// | rejected outputs of Moltbot in a row | the third stops the AI for the request |
/// | lease of an effect | 2 minutes |
/// | lifetime of a consent that does not say when it lapses | 24 hours |
///
/// ```
/// use moltbot_audit::Budget;
/// use moltbot_audit::policy::Limits;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let limits = Limits::default()
///     .per_request(Budget::COST_MICROUSD, 250_000)?
///     .per_day(Budget::COST_MICROUSD, 40_000_000)?
///     .call_cost_microusd(30_000)?
///     .per_request(Budget::new("sms")?, 3)?;
/// assert!(Limits::default().per_day(Budget::TOKENS, -1).is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    per_request: BTreeMap<Budget, i64>,
    per_day: BTreeMap<Budget, i64>,
    pub(super) batch_vendors: usize,
    pub(super) call_tokens: Option<i64>,
    pub(super) call_cost_microusd: Option<i64>,
    pub(crate) elapsed_target: Duration,
    pub(crate) elapsed_max: Duration,
    warn_percent: u8,
    pub(crate) lease: Duration,
    pub(crate) consent_lifetime: Duration,
    pub(crate) policy_version: Option<String>,
    pub(crate) rejected_outputs_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        let per_request = [
            (Budget::MOLTBOT_CALLS, 8),
            (Budget::OCR_JOBS, 2),
            (Budget::VENDOR_BATCHES, 3),
            (Budget::VENDORS, 15),
        ];
        Self {
            per_request: per_request.into(),
            per_day: BTreeMap::new(),
            batch_vendors: 5,
            call_tokens: None,
            call_cost_microusd: None,
            elapsed_target: Duration::from_mins(6),
            elapsed_max: Duration::from_mins(10),
            warn_percent: 80,
            lease: Duration::from_mins(2),
            consent_lifetime: CONSENT_LIFETIME,
            policy_version: None,
            rejected_outputs_max: 3,
        }
    }
}

impl Limits {
    /// Limits how much of a budget one request may use. The budget may be one of the host's own.
    ///
    /// # Errors
    /// [`LimitsError`] if it is not between 1 and 2^53 − 1.
    pub fn per_request(mut self, budget: Budget, limit: i64) -> Result<Self, LimitsError> {
        let limit = checked("a budget's limit", limit)?;
        self.per_request.insert(budget, limit);
        Ok(self)
    }

    /// Limits how much of a budget all requests of a day may use (in UTC, by the database's clock).
    ///
    /// # Errors
    /// As [`per_request`](Self::per_request).
    pub fn per_day(mut self, budget: Budget, limit: i64) -> Result<Self, LimitsError> {
        let limit = checked("a budget's limit", limit)?;
        self.per_day.insert(budget, limit);
        Ok(self)
    }

    /// Limits how many vendors are in one batch.
    ///
    /// # Errors
    /// [`LimitsError::NotPositive`] if it is 0.
    pub fn vendors_a_batch(mut self, vendors: usize) -> Result<Self, LimitsError> {
        if vendors == 0 {
            return Err(LimitsError::NotPositive { what: "the vendors of a batch" });
        }
        self.batch_vendors = vendors;
        Ok(self)
    }

    /// Limits how long a request may take to its shortlist. After `target` there is a warning.
    /// After `max`, no effect with a budget is admitted.
    ///
    /// # Errors
    /// [`LimitsError`] if one is zero, or `target` is longer than `max`.
    pub fn time(mut self, target: Duration, max: Duration) -> Result<Self, LimitsError> {
        self.elapsed_target = lasting("the target time", target)?;
        self.elapsed_max = lasting("the maximum time", max)?;
        if target > max {
            return Err(LimitsError::TargetPastMax);
        }
        Ok(self)
    }

    /// Sets the tokens of a Moltbot call without an estimate. Default: unknown; if tokens are
    /// limited, such a call is refused.
    ///
    /// # Errors
    /// [`LimitsError`] if it is not between 1 and 2^53 − 1.
    pub fn call_tokens(mut self, tokens: i64) -> Result<Self, LimitsError> {
        self.call_tokens = Some(checked("the tokens of a call", tokens)?);
        Ok(self)
    }

    /// Sets the cost of a Moltbot call without an estimate, in millionths of a US dollar. Prefer
    /// too much over too little. Default: unknown; if cost is limited, such a call is refused.
    ///
    /// # Errors
    /// [`LimitsError`] if it is not between 1 and 2^53 − 1.
    pub fn call_cost_microusd(mut self, cost: i64) -> Result<Self, LimitsError> {
        self.call_cost_microusd = Some(checked("the cost of a call", cost)?);
        Ok(self)
    }

    /// Sets at how many percent of a limit there is a warning.
    ///
    /// # Errors
    /// [`LimitsError`] if it is not between 1 and 100.
    pub fn warn_at_percent(mut self, percent: u8) -> Result<Self, LimitsError> {
        const WHAT: &str = "the percentage of a warning";
        if percent > 100 {
            return Err(LimitsError::TooLarge { what: WHAT });
        }
        checked(WHAT, percent.into())?;
        self.warn_percent = percent;
        Ok(self)
    }

    /// Sets the lease of effects that do not set one: how long after its process died an effect is
    /// in doubt. While the effect runs, its process renews the lease every third of it, for a day
    /// at most. A lease of less than a few seconds may run out before it is renewed.
    ///
    /// # Errors
    /// [`LimitsError`] if it is zero, or longer than a year.
    pub fn lease(mut self, lease: Duration) -> Result<Self, LimitsError> {
        self.lease = lasting("the lease", lease)?;
        Ok(self)
    }

    /// Sets how long a consent without an `expires_at` holds.
    ///
    /// # Errors
    /// [`LimitsError`] if it is zero, or longer than a year.
    pub fn consent_lifetime(mut self, lifetime: Duration) -> Result<Self, LimitsError> {
        self.consent_lifetime = lasting("the lifetime of a consent", lifetime)?;
        Ok(self)
    }

    /// Names the version of the host's policy that these limits are of, such as `v7`. Each admission and each refusal
    /// records it. Default: none.
    #[must_use]
    pub fn policy_version(mut self, version: impl Into<String>) -> Self {
        self.policy_version = Some(version.into());
        self
    }

    /// Sets which rejected output of Moltbot in a row stops the AI for its request, as
    /// [`KillSwitch::engage`](crate::auditor::KillSwitch::engage) does, until an operator resets it
    /// there. An output is rejected by `moltbot.output_rejected`, by `moltbot.output_blocked`, or by a `moltbot.called` that failed with
    /// [`InvalidOutput`](crate::ErrorCode::InvalidOutput). 0 stops nothing. Default: 3.
    #[must_use]
    pub fn rejected_outputs(mut self, max: u32) -> Self {
        self.rejected_outputs_max = max;
        self
    }

    /// The limit of a budget, if it has one.
    #[must_use]
    pub fn of(&self, budget: &Budget, period: Period) -> Option<i64> {
        self.all(period).get(budget).copied()
    }

    pub(crate) fn all(&self, period: Period) -> &BTreeMap<Budget, i64> {
        match period {
            Period::Request => &self.per_request,
            Period::Day => &self.per_day,
        }
    }

    /// Whether so much of a limit is used that there is a warning.
    pub(crate) fn is_at_mark(&self, used: i64, limit: i64) -> bool {
        i128::from(used) * 100 >= i128::from(limit) * i128::from(self.warn_percent)
    }
}

pub(super) fn checked(what: &'static str, number: i64) -> Result<i64, LimitsError> {
    match number {
        ..=0 => Err(LimitsError::NotPositive { what }),
        1..=LIMIT_MAX => Ok(number),
        _ => Err(LimitsError::TooLarge { what }),
    }
}

/// Whole milliseconds, because that is how durations are recorded.
pub(super) fn lasting(what: &'static str, duration: Duration) -> Result<Duration, LimitsError> {
    if duration < Duration::from_millis(1) {
        return Err(LimitsError::NotPositive { what });
    }
    if duration > DURATION_MAX {
        return Err(LimitsError::TooLarge { what });
    }
    Ok(duration)
}
