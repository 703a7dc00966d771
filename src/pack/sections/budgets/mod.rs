//! Limits and how much of them was used, added up from the events as shown.

mod claim;
mod effect;
mod ledger;
mod verdict;

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;

pub use self::effect::{AdmittedEffect, EffectState, HeldCharge, Irregularity, OutsideEffect};
use self::ledger::{Ledger, saturated};
pub use self::verdict::BudgetVerdict;
use super::typed_events::{OtherShape, Source, typed, typed_as};
use crate::event::payload::{BudgetWarned, EffectRefused};
use crate::event::{ErrorCode, EventType, Period};
use crate::pack::{PackEvent, Section, SetAsideEvent};

/// Limits, what was charged to them, and whether they were kept.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Budgets {
    /// Whether each limit was kept. The verifier adds it up again.
    pub check: BudgetVerdict,
    /// How much of each budget is used.
    pub usage: Vec<BudgetUse>,
    /// How many effects there are of each kind.
    pub counts: EffectCounts,
    /// The effects, in the order in which they were admitted.
    pub effects: Vec<AdmittedEffect>,
    /// What was refused because a limit was reached.
    pub refusals: Vec<BudgetRefusal>,
    /// Budgets that were nearly used up.
    pub warnings: Vec<BudgetWarning>,
    /// Effects of a limited kind that were never admitted: the host only recorded them.
    pub outside: Vec<OutsideEffect>,
    /// Events that do not add up, or cannot be read.
    pub irregular: Vec<Irregularity>,
}

/// How much of one budget is used after the last event.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct BudgetUse {
    /// The budget.
    pub budget: String,
    /// `request`, or `day` for what this request used of its days.
    #[cfg_attr(feature = "schema", schemars(with = "crate::event::Period"))]
    pub period: &'static str,
    /// The limits that were in force, lowest first.
    pub limits: BTreeSet<i64>,
    /// How much is used, including what is still held. A sum beyond 64 bits is shown as the nearest 64-bit number.
    pub used: i64,
    /// How much of it is held by effects whose end is not known.
    pub reserved: i64,
    /// The most that was ever used.
    pub peak: i64,
    /// How many effects were refused because of it.
    pub refusals: usize,
    /// How many warnings there were.
    pub warnings: usize,
    /// Why its limit cannot be checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_checkable: Option<&'static str>,
}

/// How many effects there are of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct EffectCounts {
    /// All that were admitted: the sum of the next five.
    pub admitted: usize,
    /// Of these, those that happened.
    pub done: usize,
    /// Those that were tried and failed.
    pub failed: usize,
    /// Those that did not happen.
    pub voided: usize,
    /// Those in doubt.
    pub in_doubt: usize,
    /// Those without an outcome that are not recorded as in doubt.
    pub running: usize,
    /// Of the admitted, those that an operator resolved.
    pub resolved: usize,
    /// Those that were never admitted.
    pub outside: usize,
}

/// An effect that was refused because a limit was reached.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct BudgetRefusal {
    /// The event that records it.
    #[serde(flatten)]
    pub source: Source,
    /// What was refused, by the event type under which its success is recorded.
    pub effect: Option<String>,
    /// The version of the host's policy under whose limits it was refused.
    pub policy_version: Option<String>,
    /// The budget; none if it is the request's time.
    pub budget: Option<String>,
    /// Its period.
    pub period: Option<String>,
    /// How much of it was used.
    pub used: Option<i64>,
    /// What was asked for.
    pub amount: Option<i64>,
    /// Its limit.
    pub limit: Option<i64>,
    /// How long the request had taken, in milliseconds.
    pub elapsed_ms: Option<u64>,
    /// The payload as it is, if it does not have the shape of its event type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_shape: Option<OtherShape>,
}

/// A budget that was nearly used up.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct BudgetWarning {
    /// The event that records it.
    #[serde(flatten)]
    pub source: Source,
    /// The budget; `elapsed_ms` if it is the request's time.
    pub budget: Option<String>,
    /// `request` or `day`.
    pub period: Option<String>,
    /// How much of it was used.
    pub used: Option<i64>,
    /// The limit.
    pub limit: Option<i64>,
    /// The payload as it is, if it does not have the shape of its event type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_shape: Option<OtherShape>,
}

pub(super) fn section(events: &[PackEvent], set_aside: &[SetAsideEvent]) -> Section<Budgets> {
    let ledger = Ledger::of(events);
    let (refusals, warnings) = (refusals(events), warnings(events));
    let usage = usage(&ledger, &refusals, &warnings);
    let content = Budgets {
        check: ledger.verdict(set_aside.first()),
        usage,
        counts: counts(&ledger),
        effects: ledger.effects,
        refusals,
        warnings,
        outside: ledger.outside,
        irregular: ledger.irregular,
    };
    let is_empty = content.check == BudgetVerdict::NOTHING
        && content.refusals.is_empty()
        && content.warnings.is_empty();
    if is_empty { Section::Empty } else { Section::Recorded { content } }
}

/// The effects, in the order in which they were admitted.
pub(super) fn effects(events: &[PackEvent]) -> Vec<AdmittedEffect> {
    Ledger::of(events).effects
}

/// Whether an effect was refused because a limit was reached.
pub(super) fn is_of_budget(source: &Source) -> bool {
    let codes = [ErrorCode::BudgetExceeded, ErrorCode::TimeExceeded].map(ErrorCode::as_str);
    source.error_code.as_deref().is_some_and(|code| codes.contains(&code))
}

fn refusals(events: &[PackEvent]) -> Vec<BudgetRefusal> {
    let refused = typed::<EffectRefused>(events).filter(|typed| is_of_budget(&typed.source));
    let refused = refused.map(|typed| BudgetRefusal {
        source: typed.source,
        effect: typed.input.effect,
        policy_version: typed.input.policy_version,
        budget: typed.output.budget,
        period: typed.output.period,
        used: typed.output.used,
        amount: typed.output.amount,
        limit: typed.output.limit,
        elapsed_ms: typed.output.elapsed_ms,
        other_shape: typed.other_shape,
    });
    refused.collect()
}

fn warnings(events: &[PackEvent]) -> Vec<BudgetWarning> {
    let of_time = typed_as::<BudgetWarned>(events, EventType::REQUEST_TIME_BUDGET_WARNING);
    // A host may use this event type to warn of a time limit of its own, with a payload of its own.
    let of_time = of_time.filter(|typed| typed.input.budget.as_deref() == Some("elapsed_ms"));
    let warned = typed::<BudgetWarned>(events).chain(of_time).map(|typed| BudgetWarning {
        source: typed.source,
        budget: typed.input.budget,
        period: typed.input.period,
        used: typed.input.used,
        limit: typed.input.limit,
        other_shape: typed.other_shape,
    });
    warned.collect()
}

fn usage(
    ledger: &Ledger<'_>,
    refusals: &[BudgetRefusal],
    warnings: &[BudgetWarning],
) -> Vec<BudgetUse> {
    let refusals = by_budget(refusals.iter().map(|refusal| (&refusal.budget, &refusal.period)));
    let warnings = by_budget(warnings.iter().map(|warning| (&warning.budget, &warning.period)));
    let balances = ledger.balances.iter().map(|((budget, period), balance)| {
        let name = (budget.as_str(), period.as_str());
        BudgetUse {
            budget: budget.as_str().to_owned(),
            period: period.as_str(),
            limits: balance.limits.clone(),
            used: saturated(balance.used),
            reserved: saturated(balance.reserved),
            peak: saturated(balance.peak),
            refusals: refusals.get(&name).copied().unwrap_or_default(),
            warnings: warnings.get(&name).copied().unwrap_or_default(),
            not_checkable: (*period == Period::Day)
                .then_some("a day's limit holds over all requests, and this is one"),
        }
    });
    balances.collect()
}

/// Counts them by budget and period.
fn by_budget<'a>(
    named: impl Iterator<Item = (&'a Option<String>, &'a Option<String>)>,
) -> HashMap<(&'a str, &'a str), usize> {
    let mut counts = HashMap::new();
    for name in named.filter_map(|(budget, period)| budget.as_deref().zip(period.as_deref())) {
        *counts.entry(name).or_default() += 1;
    }
    counts
}

fn counts(ledger: &Ledger<'_>) -> EffectCounts {
    let mut counts = EffectCounts {
        admitted: ledger.effects.len(),
        outside: ledger.outside.len(),
        resolved: ledger.effects.iter().filter(|effect| effect.resolved.is_some()).count(),
        ..EffectCounts::default()
    };
    for effect in &ledger.effects {
        *match effect.state {
            EffectState::Done => &mut counts.done,
            EffectState::Failed => &mut counts.failed,
            EffectState::InDoubt => &mut counts.in_doubt,
            EffectState::Running => &mut counts.running,
            EffectState::Voided => &mut counts.voided,
        } += 1;
    }
    counts
}
