//! Reads an admission from its event. It is strict, because the usage of budgets is added up from it.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::event::payload::ChargeInput;
use crate::event::{Budget, Period};
use crate::pack::{PackEvent, View};
use crate::record::TOKEN_MEMBERS;

/// What charges are added up by.
pub(super) type Account = (Budget, Period);

/// A charge that can be added up.
pub(super) struct HeldAmount {
    pub(super) account: Account,
    pub(super) amount: i64,
    pub(super) limit: i64,
}

/// The effect that an event is about.
pub(super) fn effect_id(event: &PackEvent) -> Result<Uuid, &'static str> {
    if is_hidden(&event.input, "/input/effect_id") {
        return Err("its effect's id is hidden");
    }
    let id = event.input.value.get("effect_id").and_then(Value::as_str);
    id.and_then(|id| Uuid::parse_str(id).ok()).ok_or("it does not name its effect")
}

/// What an admission charges.
pub(super) fn charges(event: &PackEvent) -> Result<Vec<HeldAmount>, &'static str> {
    if is_hidden(&event.input, "/input/charges") {
        return Err("a charge of it is hidden");
    }
    let Some(charges) = event.input.value.get("charges") else { return Ok(Vec::new()) };
    let charges = Vec::<ChargeInput>::deserialize(charges);
    let charges = charges.map_err(|_| "its charges cannot be read")?;
    let (mut held, mut accounts) = (Vec::with_capacity(charges.len()), HashSet::new());
    for charge in charges {
        let charge = charge_of(charge)?;
        if !accounts.insert(charge.account.clone()) {
            return Err("it charges one budget twice");
        }
        held.push(charge);
    }
    Ok(held)
}

fn charge_of(charge: ChargeInput) -> Result<HeldAmount, &'static str> {
    let budget = charge.budget.and_then(|budget| Budget::new(budget).ok());
    let period = charge.period.as_deref().and_then(Period::parse);
    Ok(HeldAmount {
        account: budget.zip(period).ok_or("a charge of it does not name its budget and period")?,
        amount: charge
            .amount
            .filter(|amount| *amount >= 0)
            .ok_or("a charge of it has no amount")?,
        limit: charge.limit.ok_or("a charge of it has no limit")?,
    })
}

/// True if a value that says how much of a budget was used is hidden.
pub(super) fn is_use_hidden((budget, period): &Account, output: &View) -> bool {
    let names: &[&str] = match budget {
        // A day's limit is not checked.
        _ if *period != Period::Request => return false,
        budget if *budget == Budget::TOKENS => &TOKEN_MEMBERS,
        budget if *budget == Budget::COST_MICROUSD => &["cost_microusd"],
        // Any other budget is settled at what was reserved.
        _ => return false,
    };
    names.iter().any(|name| is_hidden(output, &format!("/output/{name}")))
}

/// True if the value at a pointer, or one above or below it, is hidden.
pub(super) fn is_hidden(view: &View, pointer: &str) -> bool {
    let above = pointer.match_indices('/').skip(1).map(|(at, _)| &pointer[..at]);
    // Pointers are sorted: if a hidden one lies below this one, it is the first of the range.
    let below = view.hidden.range(format!("{pointer}/")..).next();
    above.chain([pointer]).any(|above| view.hidden.contains_key(above))
        || below.is_some_and(|(hidden, _)| {
            hidden.strip_prefix(pointer).is_some_and(|rest| rest.starts_with('/'))
        })
}
