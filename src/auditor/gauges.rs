//! Reads the gauges, as of now, every 15 seconds.
//!
//! The heartbeat is set last: one that grows old says that a reading failed. A gauge whose reading fails
//! keeps its value, because nothing is guessed.

use chrono::{DateTime, TimeDelta};
use tokio::time::timeout_at;

use super::{Auditor, ControlError};
use crate::event::{EventId, Switch, SwitchScope};
use crate::observe::table::{self, NO_SWITCH};
use crate::observe::{self, Label, OTHER};
use crate::store::admission::{AdmissionStore, SwitchState};

impl Auditor {
    /// Sets every gauge that can be known. One whose reading fails keeps its value, and the heartbeat
    /// grows old.
    pub(super) async fn set_gauges(&self) {
        // A recorder that was installed since has none of the series yet.
        observe::register();
        observe::count_up_to(&table::AUDIT_LOG_LINES_LOST, observe::lost_lines());
        self.set_spool();
        // A sink that decides nothing has nothing to read.
        let set = self.set_admission().await;
        let is_readable = matches!(set, Ok(()) | Err(ControlError::Unsupported));
        // A database may be there to read, and take nothing: its disk is full.
        let takes_events = !self.shared.batcher.is_away();
        if is_readable && self.set_partitions().await && takes_events {
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
        let is_any = |label: &'static str, is: fn(&SwitchState) -> bool| {
            let is_of = |state: &SwitchState| {
                state.scope == SwitchScope::Everywhere
                    && Label::Switch.value(state.switch.as_str()) == label
                    && is(state)
            };
            f64::from(states.iter().any(is_of))
        };
        let is_taken_over = |state: &&SwitchState| {
            state.is_engaged
                && state.switch == Switch::AI
                && matches!(state.scope, SwitchScope::Conversation(_))
        };
        let taken_over = states.iter().filter(is_taken_over).count();
        let taken_over = u64::try_from(taken_over).unwrap_or(u64::MAX);
        observe::set(&table::CONVERSATIONS_TAKEN_OVER, &[], float(taken_over));
        // No switch is called `none`: it says of an effect that it has none.
        for label in Label::Switch.values().iter().copied().filter(|label| *label != NO_SWITCH) {
            let engaged = is_any(label, |state| state.is_engaged);
            observe::set(&table::KILL_SWITCH_ENABLED, &[label], engaged);
            // A gauge of the database: a program that resets a switch may end before it is scraped.
            let claimed = is_any(label, SwitchState::is_reset_by_claim);
            observe::set(&table::KILL_SWITCH_RESET_BY_CLAIM, &[label], claimed);
        }
        for usage in self.budgets().usage_today().await? {
            let label = Label::Budget.value(usage.budget.as_str());
            // Budgets of the host's own would fall on one series.
            if let Some(limit) = usage.limit.filter(|_| label != OTHER) {
                observe::set(&table::BUDGET_DAY_USED, &[label], float(usage.used.unsigned_abs()));
                observe::set(&table::BUDGET_DAY_LIMIT, &[label], float(limit.unsigned_abs()));
            }
        }
        let in_doubt = self.call(store, self.deadline(), "count the effects in doubt", |store| {
            store.count_in_doubt()
        });
        observe::set(&table::AUDIT_IN_DOUBT, &[], float(in_doubt.await?));
        self.set_reconciled(store).await
    }

    /// Gauges of the database: the program that compares ends before it is scraped.
    async fn set_reconciled(&self, store: &dyn AdmissionStore) -> Result<(), ControlError> {
        let last = self.call(store, self.deadline(), "read the last comparison", |store| {
            store.last_reconciled()
        });
        let Some(last) = last.await? else { return Ok(()) };
        for (severity, name) in [("error", "errors_found"), ("warning", "warnings_found")] {
            if let Some(found) = last.output[name].as_u64() {
                observe::set(&table::AUDIT_UNRECONCILED, &[severity], float(found));
            }
        }
        if let Ok(id) = EventId::from_uuid(last.id) {
            let at = id.created_at().signed_duration_since(DateTime::UNIX_EPOCH);
            observe::set(&table::AUDIT_RECONCILED_AT, &[], at.as_seconds_f64());
        }
        Ok(())
    }

    /// Returns false if the sink did not say in time until when it is prepared.
    async fn set_partitions(&self) -> bool {
        let prepared_until = self.shared.batcher.sink().prepared_until();
        let Ok(Ok(until)) = timeout_at(self.deadline(), prepared_until).await else { return false };
        if let Some(until) = until {
            let ahead = until - self.shared.clock.now();
            observe::set(&table::AUDIT_PARTITIONS_AHEAD, &[], ahead.as_seconds_f64());
        }
        true
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float, and needs no 53 bits")]
fn float(number: u64) -> f64 {
    number as f64
}
