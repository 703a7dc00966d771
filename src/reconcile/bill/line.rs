//! One line of a bill, and how its values are read.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::event::Aspect;
use crate::record::time_of;

/// Largest number that every JSON reader reads exactly.
const EXACT_MAX: i64 = (1 << 53) - 1;

/// A value of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Field<T> {
    /// The bill has no such column, or nothing in it. It is not known.
    Absent,
    /// There is something, and it is not a value of the column.
    Unreadable,
    Value(T),
}

impl<T> Field<T> {
    pub(super) fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Unreadable => None,
        }
    }

    fn read(text: Option<&str>, read: impl FnOnce(&str) -> Option<T>) -> Self {
        match text.map(str::trim).filter(|text| !text.is_empty()) {
            None => Self::Absent,
            Some(text) => read(text).map_or(Self::Unreadable, Self::Value),
        }
    }
}

/// The kinds of tokens, in the order of [`Amounts`].
pub(super) const TOKENS: [(Aspect, &str); 5] = [
    (Aspect::InputTokens, "input_tokens"),
    (Aspect::CacheReadTokens, "cache_read_input_tokens"),
    (Aspect::CacheCreationTokens, "cache_creation_input_tokens"),
    (Aspect::OutputTokens, "output_tokens"),
    (Aspect::ReasoningTokens, "reasoning_output_tokens"),
];

/// Tokens of each kind.
pub(super) type Amounts = [Field<i64>; 5];

/// One line.
#[derive(Clone, Debug)]
pub(super) struct BillLine {
    /// Its number in the file, counted from 1.
    pub(super) number: u64,
    pub(super) id: Option<String>,
    pub(super) time: Field<DateTime<Utc>>,
    pub(super) model: Option<String>,
    pub(super) tokens: Amounts,
    pub(super) cost_microusd: Field<i64>,
}

/// A count of tokens: whole, and not negative.
pub(super) fn tokens(text: Option<&str>) -> Field<i64> {
    Field::read(text, |text| {
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|count| is_number && *count <= EXACT_MAX)
    })
}

/// An amount of money. `scale` is what one of its unit is in millionths of a dollar.
pub(super) fn money(text: Option<&str>, scale: f64) -> Field<i64> {
    Field::read(text, |text| {
        let text = text.strip_prefix('$').unwrap_or(text);
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
        let amount: f64 = text.parse().ok().filter(|_| is_number)?;
        whole((amount * scale).round())
    })
}

#[expect(clippy::cast_possible_truncation, reason = "it is whole, and below 2^53")]
#[expect(clippy::cast_precision_loss, reason = "the limit is exact as a double")]
fn whole(number: f64) -> Option<i64> {
    (0.0..=EXACT_MAX as f64).contains(&number).then_some(number as i64)
}

/// A time that says its zone: as RFC 3339 has it, with ` UTC` behind it, or in seconds since 1970.
pub(super) fn time(text: Option<&str>) -> Field<DateTime<Utc>> {
    Field::read(text, |text| {
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        if is_number && text.len() == 10 {
            return DateTime::from_timestamp(text.parse().ok()?, 0);
        }
        let named = text.strip_suffix(" UTC").map(|time| format!("{time}Z"));
        let spaced = named.unwrap_or_else(|| text.to_owned());
        time_of(&Value::from(spaced))
    })
}
