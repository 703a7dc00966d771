//! Adds up, in the order of the stream, what was charged, settled and given back.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::claim::{Account, HeldAmount, charges, effect_id, is_hidden, is_use_hidden};
use super::effect::{AdmittedEffect, EffectState, HeldCharge, Irregularity, OutsideEffect};
use super::verdict::BudgetVerdict;
use crate::event::{Budget, EventType, Outcome, Period};
use crate::pack::sections::typed_events::{DECIDED_WITHIN, Source};
use crate::pack::{PackEvent, SetAsideEvent};
use crate::record::Settlement;

/// Events of things that have a limit. A host may only record them, without an admission.
const LIMITED: [EventType; 5] = [
    EventType::CALL_STARTED,
    EventType::MOLTBOT_CALLED,
    EventType::OCR_JOB_DONE,
    EventType::OCR_JOB_FAILED,
    EventType::VENDOR_BATCH_SENT,
];

/// What the events add up to.
#[derive(Default)]
pub(super) struct Ledger<'e> {
    pub(super) balances: BTreeMap<Account, Balance>,
    pub(super) effects: Vec<AdmittedEffect>,
    pub(super) outside: Vec<OutsideEffect>,
    pub(super) irregular: Vec<Irregularity>,
    /// The first admission past a limit.
    passed: Option<BudgetVerdict>,
    /// What each effect holds.
    held: Vec<Vec<HeldAmount>>,
    by_id: HashMap<Uuid, usize>,
    /// Events so far.
    seen: HashMap<Uuid, &'e PackEvent>,
    /// The database's time of the first event.
    began: Option<DateTime<Utc>>,
    has_shortlist: bool,
    /// The first message to each vendor, and each message that names no vendor.
    messaged: Vec<Source>,
    vendors: HashSet<String>,
}

/// How much of a budget is used. The sums are wide enough for any number of charges, because a sum that saturated
/// could not be given back.
#[derive(Default)]
pub(super) struct Balance {
    pub(super) used: i128,
    /// How much of it is held by effects that have not ended.
    pub(super) reserved: i128,
    pub(super) peak: i128,
    /// Each limit that was in force.
    pub(super) limits: BTreeSet<i64>,
}

impl Balance {
    fn hold(&mut self, amount: i64) {
        self.used += i128::from(amount);
        self.reserved += i128::from(amount);
        self.peak = self.peak.max(self.used);
    }

    /// Replaces a hold, or its earlier settlement, by what was used.
    fn settle(&mut self, amount: i64, before: Option<i64>, used: i64) {
        if before.is_none() {
            self.reserved -= i128::from(amount);
        }
        self.used += i128::from(used) - i128::from(before.unwrap_or(amount));
        self.peak = self.peak.max(self.used);
    }
}

impl<'e> Ledger<'e> {
    pub(super) fn of(events: &'e [PackEvent]) -> Self {
        let mut ledger = Self::default();
        for event in events {
            ledger.began.get_or_insert(event.recorded_at);
            ledger.take(event);
            ledger.seen.insert(event.header.id, event);
        }
        let Self { outside, by_id, .. } = &mut ledger;
        // An outcome that was recorded before its intent belongs to that effect.
        outside.retain(|outside| !by_id.contains_key(&outside.source.event_id));
        ledger.list_vendors_outside();
        ledger
    }

    /// A message to a vendor is charged with its batch. Vendors beyond the number admitted were in no batch.
    fn list_vendors_outside(&mut self) {
        let is_vendors = |account: &&Account| {
            account.0.as_str() == Budget::VENDORS.as_str() && account.1 == Period::Request
        };
        let account = self.balances.keys().find(is_vendors);
        let admitted = account.and_then(|account| self.balances.get(account));
        let admitted = admitted.map_or(0, |balance| usize::try_from(balance.used).unwrap_or(0));
        let event_type = EventType::VENDOR_OUTREACH_SENT.as_str().to_owned();
        let beyond = self.messaged.drain(..).skip(admitted);
        let outside = beyond.map(|source| OutsideEffect { source, event_type: event_type.clone() });
        self.outside.extend(outside);
    }

    fn message(&mut self, event: &PackEvent) {
        let vendor = event.input.value.get("vendor_id").and_then(Value::as_str);
        if vendor.is_none_or(|vendor| self.vendors.insert(vendor.to_owned())) {
            self.messaged.push(Source::of(event));
        }
    }

    /// The first problem in the stream decides: after an event that cannot be read, a limit that seems exceeded may
    /// have been kept.
    pub(super) fn verdict(&self, set_aside: Option<&SetAsideEvent>) -> BudgetVerdict {
        let irregular = self.irregular.first().map(|irregular| BudgetVerdict::NotCheckable {
            seq: irregular.source.seq,
            event_id: Some(irregular.source.event_id),
            why: irregular.what,
        });
        let set_aside = set_aside.map(|event| BudgetVerdict::NotCheckable {
            seq: event.seq,
            event_id: event.id,
            why: "it is set aside",
        });
        let all = irregular.into_iter().chain(set_aside).chain(self.passed.clone());
        let first = all.min_by_key(BudgetVerdict::seq);
        let (admitted, outside) = (self.effects.len(), self.outside.len());
        first.unwrap_or(BudgetVerdict::WithinLimits { admitted, outside })
    }

    fn take(&mut self, event: &PackEvent) {
        if event.is(&EventType::VENDOR_OUTREACH_SENT) && settlement(event) != Settlement::Voided {
            self.message(event);
        }
        let taken = if event.is(&EventType::EFFECT_ADMITTED) {
            self.admit(event)
        } else if event.is(&EventType::EFFECT_EXPIRED) {
            self.expire(event)
        } else if event.is(&EventType::EFFECT_RESOLVED) {
            self.resolve(event)
        } else if let Some(at) = self.by_id.get(&event.header.id) {
            self.settle(*at, event)
        } else {
            if event.is_one_of(&LIMITED) && settlement(event) != Settlement::Voided {
                let event_type = event.header.event_type.clone();
                self.outside.push(OutsideEffect { source: Source::of(event), event_type });
            }
            Ok(())
        };
        self.has_shortlist |= event.is(&EventType::SHORTLIST_GENERATED)
            && event.header.outcome == Outcome::Succeeded.as_str();
        if let Err(what) = taken {
            self.irregular.push(Irregularity { source: Source::of(event), what });
        }
    }

    fn admit(&mut self, event: &PackEvent) -> Result<(), &'static str> {
        let effect_id = effect_id(event)?;
        if self.by_id.contains_key(&effect_id) {
            return Err("its effect was admitted before");
        }
        let text =
            |name: &str| event.input.value.get(name).and_then(Value::as_str).map(str::to_owned);
        let at = self.effects.len();
        self.by_id.insert(effect_id, at);
        self.effects.push(AdmittedEffect {
            source: Source::of(event),
            effect_id,
            effect: text("effect"),
            policy_version: text("policy_version"),
            switches: switches(event),
            charges: Vec::new(),
            state: EffectState::Running,
            ended_by: None,
            ended_at: None,
            resolved: None,
        });
        self.held.push(Vec::new());
        let held = charges(event)?;
        if let Some(outcome) = self.seen.get(&effect_id).copied() {
            // An intent that waited in a spool may come after its outcome. It charges nothing: an effect with a
            // budget never runs on a spooled intent.
            if !held.is_empty() {
                return Err("its effect had ended before it was admitted");
            }
            return self.settle(at, outcome);
        }
        self.check_time(event)?;
        self.effects[at].charges = held.iter().map(HeldCharge::of).collect();
        for charge in &held {
            self.charge(event, charge);
        }
        self.held[at] = held;
        Ok(())
    }

    fn charge(&mut self, event: &PackEvent, charge: &HeldAmount) {
        let balance = self.balances.entry(charge.account.clone()).or_default();
        let HeldAmount { account: (budget, period), amount, limit } = charge;
        let used = balance.used;
        balance.hold(*amount);
        balance.limits.insert(*limit);
        if *period == Period::Request && balance.used > i128::from(*limit) {
            self.pass(event, budget.as_str(), (saturated(used), *amount, *limit));
        }
    }

    fn pass(&mut self, event: &PackEvent, budget: &str, (used, amount, limit): (i64, i64, i64)) {
        let (seq, event_id, budget) = (event.seq, event.header.id, budget.to_owned());
        let passed = BudgetVerdict::Passed { seq, event_id, budget, used, amount, limit };
        self.passed.get_or_insert(passed);
    }

    /// Checks the request's time by the database's clock, as its admission did. No event says how long the first
    /// event waited in a spool, so the time found here may be shorter than the admission's, and is never longer.
    fn check_time(&mut self, event: &PackEvent) -> Result<(), &'static str> {
        if is_hidden(&event.input, "/input/elapsed_max_ms") {
            return Err("how long its request may take is hidden");
        }
        let Some(limit) = event.input.value.get("elapsed_max_ms") else { return Ok(()) };
        let limit = limit.as_i64().ok_or("how long its request may take cannot be read")?;
        let began = self.began.unwrap_or(event.recorded_at);
        let elapsed = (event.recorded_at - DECIDED_WITHIN - began).num_milliseconds();
        if !self.has_shortlist && elapsed > limit {
            self.pass(event, "elapsed_ms", (elapsed, 0, limit));
        }
        Ok(())
    }

    fn settle(&mut self, at: usize, event: &PackEvent) -> Result<(), &'static str> {
        let settlement = settlement(event);
        let effect = &mut self.effects[at];
        if effect.ended_by.is_some() {
            // Only the first outcome counts. Otherwise one effect could give back what another holds.
            return Err("its effect has an outcome");
        }
        let outcome = Source::of(event);
        effect.ended_at = outcome.at.checked_add_signed(outcome.took());
        effect.ended_by = Some(outcome);
        if settlement == Settlement::InDoubt {
            if effect.state == EffectState::Running {
                effect.state = EffectState::InDoubt;
            }
            return Ok(());
        }
        effect.state = match settlement {
            Settlement::Succeeded => EffectState::Done,
            Settlement::Failed => EffectState::Failed,
            Settlement::InDoubt | Settlement::Voided => EffectState::Voided,
        };
        let output = &event.output;
        // What was used may exceed a limit, because it has happened.
        self.end(at, |charge| match settlement {
            Settlement::Voided => 0,
            _ => Settlement::used(charge.account.0.as_str(), Some(&output.value))
                .unwrap_or(charge.amount),
        });
        let is_hidden = self.held[at].iter().any(|charge| is_use_hidden(&charge.account, output));
        if settlement != Settlement::Voided && is_hidden {
            return Err("what it used is hidden");
        }
        Ok(())
    }

    /// Settles each charge of an effect at what was used. A late outcome overrules what an operator
    /// found out, as it does in a store.
    fn end(&mut self, at: usize, used: impl Fn(&HeldAmount) -> i64) {
        for (charge, shown) in self.held[at].iter().zip(&mut self.effects[at].charges) {
            let used = used(charge);
            let balance = self.balances.entry(charge.account.clone()).or_default();
            balance.settle(charge.amount, shown.settled.replace(used), used);
        }
    }

    fn expire(&mut self, event: &PackEvent) -> Result<(), &'static str> {
        let at = self.place(event)?;
        match self.effects[at].state {
            EffectState::Running => {
                self.effects[at].state = EffectState::InDoubt;
                Ok(())
            }
            _ => Err("its effect was not running"),
        }
    }

    fn resolve(&mut self, event: &PackEvent) -> Result<(), &'static str> {
        let at = self.place(event)?;
        if is_hidden(&event.input, "/input/finding") {
            return Err("what was found out is hidden");
        }
        let finding = event.input.value.get("finding").and_then(Value::as_str);
        let effect = &mut self.effects[at];
        if !matches!(effect.state, EffectState::InDoubt | EffectState::Running) {
            return Err("its effect had ended");
        }
        match finding {
            Some("performed") => effect.state = EffectState::Done,
            Some("not_performed") => effect.state = EffectState::Voided,
            _ => return Err("what was found out cannot be read"),
        }
        effect.resolved = Some(Source::of(event));
        let is_voided = effect.state == EffectState::Voided;
        self.end(at, |charge| if is_voided { 0 } else { charge.amount });
        Ok(())
    }

    fn place(&self, event: &PackEvent) -> Result<usize, &'static str> {
        self.by_id.get(&effect_id(event)?).copied().ok_or("its effect was not admitted")
    }
}

fn switches(event: &PackEvent) -> Vec<String> {
    let switches = event.input.value.get("switches").and_then(Value::as_array);
    let names = switches.map(Vec::as_slice).unwrap_or_default().iter().filter_map(Value::as_str);
    names.map(str::to_owned).collect()
}

fn settlement(event: &PackEvent) -> Settlement {
    Settlement::of(&event.header.outcome, event.header.error_code.as_deref())
}

/// The sum, or the nearest 64-bit number.
pub(super) fn saturated(sum: i128) -> i64 {
    i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX })
}
