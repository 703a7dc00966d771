//! What is kept of effects, budgets and switches.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::event::{Budget, Switch, SwitchScope};
use crate::record::{Header, Record, Role};
use crate::redact::KeyFingerprint;
use crate::store::admission::rules::{BudgetChange, EffectEntry};
use crate::store::admission::{Lease, OpenEffect, Scope, SwitchState};

/// What is kept beside the records.
#[derive(Default)]
pub(super) struct Effects {
    /// In the order of arrival.
    pub(super) entries: Vec<EffectEntry>,
    pub(super) used: HashMap<Scope, BTreeMap<Budget, i64>>,
    /// Each with the event that set it.
    pub(super) switches: BTreeMap<(Switch, SwitchScope), (SwitchState, Option<Uuid>)>,
    pub(super) key: Option<KeyFingerprint>,
    pub(super) retired_keys: HashSet<KeyFingerprint>,
}

impl Effects {
    /// Does what a record's role says.
    pub(super) fn follow(&mut self, record: &Record, now: DateTime<Utc>) {
        match record.role() {
            Role::Event => {}
            Role::Intent => {
                if let Some(entry) = EffectEntry::drained(record, now) {
                    self.drain(entry);
                }
            }
            Role::Outcome => {
                let header = record.header();
                let error_code = header.error_code.as_deref();
                if self.entry(header.id).is_none() {
                    self.entries.push(EffectEntry::early(header.id, now));
                }
                let settle = |entry: &mut EffectEntry| {
                    entry.settle(&header.outcome, error_code, record.output().as_ref())
                };
                let changes = self.entry(header.id).and_then(settle);
                self.apply(changes.unwrap_or_default());
            }
        }
    }

    /// Whether an outcome with this header may settle the effect that it names.
    pub(super) fn may_end_by(&self, header: &Header) -> bool {
        let entry = self.entries.iter().find(|entry| entry.effect_id == header.id);
        entry.is_none_or(|entry| entry.may_end_by(header.request_id, header.conversation_id))
    }

    fn drain(&mut self, mut entry: EffectEntry) {
        if self.holder(&entry).is_some() {
            entry.key_hash = None;
        }
        match self.entry(entry.effect_id) {
            Some(known) => _ = known.learn(entry),
            None => self.entries.push(entry),
        }
    }

    fn holder(&self, of: &EffectEntry) -> Option<&EffectEntry> {
        let key_hash = of.key_hash?;
        self.entries.iter().find(|entry| entry.key_hash == Some(key_hash))
    }

    pub(super) fn entry(&mut self, effect_id: Uuid) -> Option<&mut EffectEntry> {
        self.entries.iter_mut().find(|entry| entry.effect_id == effect_id)
    }

    pub(super) fn used(&self, scope: Scope, budget: &Budget) -> i64 {
        self.used.get(&scope).and_then(|used| used.get(budget)).copied().unwrap_or(0)
    }

    pub(super) fn apply(&mut self, changes: Vec<BudgetChange>) {
        for BudgetChange { scope, budget, by } in changes {
            let used = self.used.entry(scope).or_default().entry(budget).or_default();
            *used = used.saturating_add(by);
        }
    }

    pub(super) fn renew(&mut self, leases: &[Lease], now: DateTime<Utc>) {
        for lease in leases {
            if let Some(entry) = self.entry(lease.effect_id) {
                entry.renew(lease.length, now);
            }
        }
    }

    pub(super) fn open(&self, now: DateTime<Utc>) -> Vec<OpenEffect> {
        self.entries.iter().filter_map(|entry| entry.open(now)).collect()
    }
}
