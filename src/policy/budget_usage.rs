//! How much of a budget is used.

use super::Limits;
use crate::event::{Budget, Period};

/// What of a budget is used, held amounts included.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BudgetUsage {
    /// The budget.
    pub budget: Budget,
    /// Over what it is counted.
    pub period: Period,
    /// What of it is used or held.
    pub used: i64,
    /// Its limit by this auditor's configuration; none where it is not limited any longer.
    pub limit: Option<i64>,
}

impl BudgetUsage {
    /// Every budget that is limited or used, by name.
    pub(crate) fn under(limits: &Limits, period: Period, used: &[(Budget, i64)]) -> Vec<Self> {
        let used_of = |budget: &Budget| used.iter().find(|(known, _)| known == budget);
        let limited = limits.all(period).iter().map(|(budget, limit)| Self {
            budget: budget.clone(),
            period,
            used: used_of(budget).map_or(0, |(_, used)| *used),
            limit: Some(*limit),
        });
        let others = used.iter().filter(|(budget, _)| limits.of(budget, period).is_none());
        let others = others.map(|(budget, used)| Self {
            budget: budget.clone(),
            period,
            used: *used,
            limit: None,
        });
        let mut usage: Vec<Self> = limited.chain(others).collect();
        usage.sort_by(|one, other| one.budget.cmp(&other.budget));
        usage
    }
}
