//! How the admitted effects of a request ended, by its trail alone.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::event::EventType;
use crate::record::{Settlement, StoredRecord};

/// The effects that have no end yet.
#[derive(Debug, Default)]
pub(super) struct Effects(BTreeMap<Uuid, Open>);

/// An effect of which it is not known how it ended.
#[derive(Debug)]
pub(super) struct Open {
    /// Its `effect.admitted`.
    pub(super) event_id: Uuid,
    pub(super) is_in_doubt: bool,
    /// Whether it holds anything of a budget.
    pub(super) is_charged: bool,
    /// None if its admission does not say how long it may take.
    lease_until: Option<DateTime<Utc>>,
}

impl Open {
    /// Whether its lease has run out. A process that is alive renews it, and no event says so: within a day of its
    /// admission, an effect may still run.
    pub(super) fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.lease_until.is_none_or(|until| until + RENEWED_MAX < now)
    }
}

/// For how long a process renews the lease of an effect that runs.
const RENEWED_MAX: TimeDelta = TimeDelta::days(1);

impl Effects {
    pub(super) fn take(&mut self, record: &StoredRecord) {
        let is = |event_type: &EventType| record.header.is(event_type);
        let effect = |record: &StoredRecord| -> Option<Uuid> {
            record.input.as_ref()?.get("effect_id")?.as_str()?.parse().ok()
        };
        if is(&EventType::EFFECT_ADMITTED) {
            let Some(id) = effect(record) else { return };
            self.0.insert(id, Open::of(record));
        } else if is(&EventType::EFFECT_EXPIRED) {
            if let Some(open) = effect(record).and_then(|id| self.0.get_mut(&id)) {
                open.is_in_doubt = true;
            }
        } else if is(&EventType::EFFECT_RESOLVED) {
            if let Some(id) = effect(record) {
                self.0.remove(&id);
            }
        } else if let Some(open) = self.0.get_mut(&record.header.id) {
            let header = &record.header;
            match Settlement::of(&header.outcome, header.error_code.as_deref()) {
                Settlement::InDoubt => open.is_in_doubt = true,
                _ => _ = self.0.remove(&header.id),
            }
        }
    }

    pub(super) fn open(&self) -> impl Iterator<Item = &Open> {
        self.0.values()
    }
}

impl Open {
    fn of(record: &StoredRecord) -> Self {
        let input = record.input.as_ref();
        let charges = input.and_then(|input| input.get("charges")?.as_array());
        let is_charged = |charge: &Value| charge["amount"].as_i64().is_none_or(|amount| amount > 0);
        let lease = input.and_then(|input| input.get("lease_ms")?.as_i64());
        let lease = lease.and_then(TimeDelta::try_milliseconds);
        Self {
            event_id: record.header.id,
            is_in_doubt: false,
            is_charged: charges.is_some_and(|charges| charges.iter().any(is_charged)),
            lease_until: lease.and_then(|lease| record.recorded_at.checked_add_signed(lease)),
        }
    }
}
