//! Shows how much of the budgets is used.

use std::fmt;

use super::{Auditor, ControlError};
use crate::event::{Period, RequestId};
use crate::policy::{BudgetUsage, Limits};
use crate::store::admission::Scope;

/// Shows how much of the budgets is used. The store decides what may run, not this.
pub struct BudgetGuard<'a> {
    auditor: &'a Auditor,
}

impl Auditor {
    /// The budgets, and how much of them is used.
    #[must_use]
    pub fn budgets(&self) -> BudgetGuard<'_> {
        BudgetGuard { auditor: self }
    }
}

impl BudgetGuard<'_> {
    /// The limits in force.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.auditor.shared.limits
    }

    /// How much of each budget a request has used, held charges included, ordered by name.
    ///
    /// # Errors
    /// [`ControlError`] if the store cannot be read, or does not decide.
    pub async fn usage(&self, request: &RequestId) -> Result<Vec<BudgetUsage>, ControlError> {
        self.of(Scope::Request(request.uuid()), Period::Request).await
    }

    /// How much of each daily budget all requests of today have used, ordered by name. "Today" is
    /// the host's date in UTC; charges are counted by the database's date.
    ///
    /// # Errors
    /// As [`usage`](Self::usage).
    pub async fn usage_today(&self) -> Result<Vec<BudgetUsage>, ControlError> {
        let today = self.auditor.shared.clock.now().date_naive();
        self.of(Scope::Day(today), Period::Day).await
    }

    async fn of(&self, scope: Scope, period: Period) -> Result<Vec<BudgetUsage>, ControlError> {
        let store = self.auditor.admission().ok_or(ControlError::Unsupported)?;
        let deadline = self.auditor.deadline();
        let usage =
            self.auditor.call(store, deadline, "read the budgets", |store| store.usage(scope));
        Ok(BudgetUsage::under(self.limits(), period, &usage.await?))
    }
}

impl fmt::Debug for BudgetGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BudgetGuard").field("limits", self.limits()).finish_non_exhaustive()
    }
}
