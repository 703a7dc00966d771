//! How an outcome settles the charges of its effect: one rule for stores and for verifiers.

use serde_json::Value;

use crate::event::{Budget, ErrorCode, Outcome};

/// Largest number that every JSON reader reads exactly.
const EXACT_MAX: u64 = (1 << 53) - 1;

/// The members of an output that count as tokens. Not every model has the last three.
pub(crate) const TOKEN_MEMBERS: [&str; 5] = [
    "input_tokens",
    "output_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "reasoning_output_tokens",
];

/// How an effect ended, by what its outcome event says.
///
/// | outcome | ended | charges | idempotency key |
/// |---|---|---|---|
/// | `succeeded` | [`Succeeded`](Self::Succeeded) | settled | answers again |
/// | `failed` | [`Failed`](Self::Failed) | settled | free |
/// | `failed` with `not_performed`; `refused` | [`Voided`](Self::Voided) | given back | free |
/// | `cancelled`, `panicked` | [`InDoubt`](Self::InDoubt) | held | held |
///
/// The effect is settled at what was [used](Self::used) if the output says that, else at what was reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settlement {
    /// It happened.
    Succeeded,
    /// It was tried, and its cost is spent.
    Failed,
    /// It certainly did not happen.
    Voided,
    /// What it did is not known.
    InDoubt,
}

impl Settlement {
    /// Reads the columns of the outcome event. An unknown text counts as in doubt.
    pub(crate) fn of(outcome: &str, error_code: Option<&str>) -> Self {
        match Outcome::parse(outcome) {
            Some(Outcome::Succeeded) => Self::Succeeded,
            Some(Outcome::Failed) if error_code == Some(ErrorCode::NotPerformed.as_str()) => {
                Self::Voided
            }
            Some(Outcome::Failed) => Self::Failed,
            Some(Outcome::Refused) => Self::Voided,
            Some(Outcome::Cancelled | Outcome::Panicked) | None => Self::InDoubt,
        }
    }

    /// How much of a budget was used, if an output says so: `cost_microusd` is its cost. Its tokens are the
    /// sum of `input_tokens`, `output_tokens` and, as far as they are given, `cache_read_input_tokens`,
    /// `cache_creation_input_tokens` and `reasoning_output_tokens`. Numbers are whole, from 0 to 2^53 − 1.
    /// If one of them is anything else, or input or output is missing, it is unknown.
    pub(crate) fn used(budget: &str, output: Option<&Value>) -> Option<i64> {
        let number = |name: &str| {
            let number = output?.get(name)?.as_u64().filter(|number| *number <= EXACT_MAX)?;
            i64::try_from(number).ok()
        };
        if budget == Budget::COST_MICROUSD.as_str() {
            return number("cost_microusd");
        }
        if budget != Budget::TOKENS.as_str() {
            return None;
        }
        let [read, written, optional @ ..] = TOKEN_MEMBERS;
        let mut sum = number(read)? + number(written)?;
        for name in optional {
            if output?.get(name).is_some_and(|given| !given.is_null()) {
                sum += number(name)?;
            }
        }
        Some(sum)
    }
}
