//! The gauges: what stands how, as of now.

use super::{Auditor, ControlError};
use chrono::{DateTime, TimeDelta};

use crate::event::Switch;
use crate::observe::{self, Label, OTHER, table};
use crate::store::StoreError;

impl Auditor {
    /// Sets every gauge that can be known. One whose reading fails keeps its value, and the heartbeat
    /// grows old.
    pub(super) async fn set_gauges(&self) {
        // A recorder that was installed since has none of the series yet.
        observe::register();
        #[cfg(feature = "logs")]
        observe::count_up_to(&table::AUDIT_LOG_LINES_LOST, observe::lost_lines());
        self.set_spool();
        let is_there = match self.set_admission().await {
            // The sink decides nothing, and has nothing to read: whether it takes events must do.
            Err(ControlError::Unsupported) => !self.shared.batcher.is_shut(),
            set => set.is_ok(),
        };
        if is_there && self.set_partitions().await.is_ok() {
            observe::set(
                &table::AUDIT_HEARTBEAT,
                &[],
                self.shared
                    .clock
                    .now()
                    .signed_duration_since(DateTime::UNIX_EPOCH)
                    .as_seconds_f64(),
            );
        }
    }

    fn set_spool(&self) {
        let Some(spool) = self.spool() else { return };
        let depth = spool.depth();
        observe::set(&table::AUDIT_SPOOL_EVENTS, &[], float(depth.events));
        observe::set(&table::AUDIT_SPOOL_BYTES, &[], float(depth.bytes));
        let now = self.shared.clock.now();
        let age = depth.oldest_at.map_or(TimeDelta::zero(), |oldest_at| now - oldest_at);
        observe::set(&table::AUDIT_SPOOL_AGE, &[], age.as_seconds_f64().max(0.0));
    }

    async fn set_admission(&self) -> Result<(), ControlError> {
        let store = self.admission().ok_or(ControlError::Unsupported)?;
        let states = self.kill_switch().states().await?;
        let engaged = |label: &'static str| {
            let of_label = |switch: &Switch| Label::Switch.value(switch.as_str()) == label;
            states.iter().any(|state| state.is_engaged && of_label(&state.switch))
        };
        for label in Label::Switch.values().iter().copied() {
            observe::set(&table::KILL_SWITCH_ENABLED, &[label], f64::from(engaged(label)));
        }
        for usage in self.budgets().usage_today().await? {
            let label = Label::Budget.value(usage.budget.as_str());
            // Budgets of the host's own would fall on one series.
            if let Some(limit) = usage.limit.filter(|_| label != OTHER) {
                observe::set(&table::BUDGET_DAY_USED, &[label], float(usage.used.unsigned_abs()));
                observe::set(&table::BUDGET_DAY_LIMIT, &[label], float(limit.unsigned_abs()));
            }
        }
        let open = self.open_effects(store).await?;
        let in_doubt = open.iter().filter(|effect| effect.is_in_doubt).count();
        observe::set(&table::AUDIT_IN_DOUBT, &[], float(in_doubt.try_into().unwrap_or(u64::MAX)));
        Ok(())
    }

    async fn set_partitions(&self) -> Result<(), StoreError> {
        if let Some(until) = self.shared.batcher.prepared_until().await? {
            let ahead = until - self.shared.clock.now();
            observe::set(&table::AUDIT_PARTITIONS_AHEAD, &[], ahead.as_seconds_f64());
        }
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float, and needs no 53 bits")]
fn float(number: u64) -> f64 {
    number as f64
}
