//! What an effect asks for: charges, a switch, a consent.

use std::time::Duration;

use super::Limits;
use super::limits::{LimitsError, checked, lasting};
use crate::event::{Budget, EventType, Period, Switch};
use crate::store::admission::Charge;

/// An effect is declared wrongly. The store was not asked, and nothing runs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DemandError {
    /// An amount or a duration is out of range.
    #[error(transparent)]
    Amount(#[from] LimitsError),
    /// More vendors than a batch may have.
    #[error("a batch of {vendors} vendors: at most {max} are allowed")]
    BatchTooLarge {
        /// How many it names.
        vendors: usize,
        /// How many it may.
        max: usize,
    },
    /// An empty idempotency key would be shared by all effects.
    #[error(
        "the idempotency key is empty: leave it out, or build one from what is done and for whom"
    )]
    EmptyKey,
    /// A batch does not name its vendors, which are what it is charged.
    #[error("a batch of no vendors")]
    EmptyBatch,
    /// The budget has no limit.
    #[error("budget {budget} has no limit: set one, even if it is high")]
    NoLimit {
        /// The budget.
        budget: Budget,
    },
    /// A charge needs a request.
    #[error("an effect with a budget needs a request")]
    NoRequest,
    /// The effect has a switch already.
    #[error("the effect is governed by switch {switch}, and by no other")]
    SwitchFixed {
        /// The switch that governs it.
        switch: Switch,
    },
}

/// What an effect asks for, as it is declared.
#[derive(Clone, Debug, Default)]
pub(crate) struct Demand {
    switch: Option<Switch>,
    needs_consent: bool,
    consent_id: Option<String>,
    /// Each budget once, in the order in which they are looked at.
    amounts: Vec<(Budget, i64)>,
    /// Whether it takes tokens and costs money even where it does not say how much.
    is_priced: bool,
    batch: Option<usize>,
    lease: Option<Duration>,
    /// Whether it runs only if the store said so.
    is_decided_by_store: bool,
    /// The first thing that was wrong.
    error: Option<DemandError>,
}

/// Why an effect is not charged.
#[derive(Debug)]
pub(crate) enum Unpriced {
    /// It is declared wrongly.
    Invalid(DemandError),
    /// It may cost anything, and that is limited.
    Unknown { budget: Budget, period: Period, limit: i64 },
}

impl Demand {
    pub(crate) fn moltbot_call() -> Self {
        let ai = Self::default().switch(Switch::AI).charge(Budget::MOLTBOT_CALLS, 1);
        Self { is_priced: true, ..ai }
    }

    pub(crate) fn ocr_job() -> Self {
        Self::default().switch(Switch::OCR).charge(Budget::OCR_JOBS, 1)
    }

    pub(crate) fn vendor_batch(vendors: usize) -> Self {
        let amount = i64::try_from(vendors).unwrap_or(i64::MAX);
        let mut batch = Self::default().charge(Budget::VENDOR_BATCHES, 1);
        batch.batch = Some(vendors);
        // An empty one is said to be empty, and not that nothing is no amount.
        if vendors > 0 { batch.charge(Budget::VENDORS, amount) } else { batch }
    }

    pub(crate) fn call(consent_id: Option<String>) -> Self {
        Self { needs_consent: true, consent_id, ..Self::default().switch(Switch::CALLING) }
    }

    /// What a recorded effect asked for, from its charges.
    pub(crate) fn recorded(effect: &str, charges: Vec<(Budget, i64)>) -> Self {
        let is_priced = effect == EventType::MOLTBOT_CALLED.as_str();
        let mut demand = Self { is_priced, ..Self::default() };
        for (budget, amount) in charges {
            // A budget of the request and of the day is charged the same to both.
            if demand.amounts.iter().all(|(known, _)| *known != budget) {
                demand.amounts.push((budget, amount));
            }
        }
        let of = |budget: &Budget| demand.amounts.iter().find(|(known, _)| known == budget);
        if of(&Budget::VENDOR_BATCHES).is_some() {
            demand.batch =
                of(&Budget::VENDORS).and_then(|(_, vendors)| usize::try_from(*vendors).ok());
        }
        demand
    }

    #[must_use]
    pub(crate) fn switch(mut self, switch: Switch) -> Self {
        match &self.switch {
            Some(fixed) if *fixed != switch => {
                let error = DemandError::SwitchFixed { switch: fixed.clone() };
                self.error.get_or_insert(error);
            }
            _ => self.switch = Some(switch),
        }
        self
    }

    #[must_use]
    pub(crate) fn charge(mut self, budget: Budget, amount: i64) -> Self {
        match checked("an amount", amount) {
            Ok(amount) => self.add(budget, amount),
            Err(error) => _ = self.error.get_or_insert(error.into()),
        }
        self
    }

    /// As [`charge`](Self::charge), for an estimate: nothing is an amount too, and what is not limited is
    /// not charged.
    #[must_use]
    pub(crate) fn estimate(mut self, budget: Budget, amount: u64) -> Self {
        let amount = i64::try_from(amount).unwrap_or(i64::MAX);
        match if amount == 0 { Ok(0) } else { checked("an estimate", amount) } {
            Ok(amount) => self.add(budget, amount),
            Err(error) => _ = self.error.get_or_insert(error.into()),
        }
        self
    }

    #[must_use]
    pub(crate) fn lease(mut self, lease: Duration) -> Self {
        match lasting("the lease", lease) {
            Ok(lease) => self.lease = Some(lease),
            Err(error) => _ = self.error.get_or_insert(error.into()),
        }
        self
    }

    #[must_use]
    pub(crate) fn decided_by_store(self) -> Self {
        Self { is_decided_by_store: true, ..self }
    }

    /// Whether it runs only if the store said so, even if it asks for nothing else.
    pub(crate) fn is_decided_by_store(&self) -> bool {
        self.is_decided_by_store
    }

    fn add(&mut self, budget: Budget, amount: i64) {
        match self.amounts.iter_mut().find(|(known, _)| *known == budget) {
            Some((_, sum)) => *sum = sum.saturating_add(amount),
            None => self.amounts.push((budget, amount)),
        }
    }

    /// The switch that governs it.
    pub(crate) fn governed_by(&self) -> Option<&Switch> {
        self.switch.as_ref()
    }

    /// The host's name of the consent that it rests on.
    pub(crate) fn consent_id(&self) -> Option<&str> {
        self.consent_id.as_deref()
    }

    /// Whether it needs a consent, and does not say which.
    pub(crate) fn lacks_consent(&self) -> bool {
        self.needs_consent && self.consent_id.is_none()
    }

    pub(crate) fn lease_under(&self, limits: &Limits) -> Duration {
        self.lease.unwrap_or(limits.lease)
    }

    /// What it is charged under these limits, in the order in which it is looked at.
    pub(crate) fn charges(
        &self,
        limits: &Limits,
        has_request: bool,
    ) -> Result<Vec<Charge>, Unpriced> {
        self.check(limits, has_request).map_err(Unpriced::Invalid)?;
        let mut charges = Vec::new();
        for (budget, amount) in &self.amounts {
            charges.extend(charges_of(limits, budget, *amount));
            let is_charged = charges.last().is_some_and(|charge| charge.budget == *budget);
            if !is_charged && !is_measured(budget) {
                let error = DemandError::NoLimit { budget: budget.clone() };
                return Err(Unpriced::Invalid(error));
            }
        }
        let defaults = [
            (Budget::TOKENS, limits.call_tokens),
            (Budget::COST_MICROUSD, limits.call_cost_microusd),
        ];
        for (budget, price) in defaults {
            let is_said = self.amounts.iter().any(|(said, _)| *said == budget);
            if !self.is_priced || is_said {
                continue;
            }
            let priced: Vec<Charge> =
                charges_of(limits, &budget, price.unwrap_or_default()).collect();
            match priced.first() {
                Some(&Charge { period, limit, .. }) if price.is_none() => {
                    return Err(Unpriced::Unknown { budget, period, limit });
                }
                _ => charges.extend(priced),
            }
        }
        Ok(charges)
    }

    fn check(&self, limits: &Limits, has_request: bool) -> Result<(), DemandError> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        match self.batch {
            Some(0) => return Err(DemandError::EmptyBatch),
            Some(vendors) if vendors > limits.batch_vendors => {
                let max = limits.batch_vendors;
                return Err(DemandError::BatchTooLarge { vendors, max });
            }
            _ => {}
        }
        if !has_request && !self.amounts.is_empty() {
            return Err(DemandError::NoRequest);
        }
        Ok(())
    }
}

/// Whether an effect uses the budget whether it is limited or not.
fn is_measured(budget: &Budget) -> bool {
    [Budget::TOKENS, Budget::COST_MICROUSD].contains(budget)
}

fn charges_of(limits: &Limits, budget: &Budget, amount: i64) -> impl Iterator<Item = Charge> {
    [Period::Request, Period::Day].into_iter().filter_map(move |period| {
        let limit = limits.of(budget, period)?;
        Some(Charge { budget: budget.clone(), period, amount, limit })
    })
}
