//! What of the budgets is used, for those who look.

use std::fmt;

use super::{Auditor, ControlError};
use crate::admission::{BudgetUsage, Limits};
use crate::event::{Period, RequestId};
use crate::store::admission::Scope;

/// Shows what of the budgets is used. What may run is decided by the store, not from here.
pub struct BudgetGuard<'a> {
    auditor: &'a Auditor,
}

impl Auditor {
    /// The budgets, and what of them is used.
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

    /// What a request has used of each budget, what is held included; by name.
    ///
    /// # Errors
    /// [`ControlError`] where the store cannot be read, or is none that decides.
    pub async fn usage(&self, request: &RequestId) -> Result<Vec<BudgetUsage>, ControlError> {
        self.of(Scope::Request(request.uuid()), Period::Request).await
    }

    /// What all requests of today have used of each budget of the day; by name. Today is the host's, in
    /// UTC; charges are counted by the database's.
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
