//! Reading `jsonb`, which holds more than sealing writes.

use serde_json::{Number, Value};

use crate::json::parse;
use crate::proof::respell;

/// A `jsonb` cell as the value that was sealed; `None` for JSON null, which is the same as nothing.
///
/// Whoever may append can store what no `seal` writes: numbers that no double holds, or nesting that
/// no parser follows. Such a cell must not make the whole stream unreadable, so it reads as a value
/// that no sealed event has: [`sanitise`](crate::proof::sanitise) would change it, and so the verifier
/// refuses that one event.
///
/// `jsonb` keeps the scale of a number (`1.0`, `1.10`) and compares without it. Whole numbers read as
/// integers, as they are sealed.
pub(super) fn read_jsonb(text: &str) -> Option<Value> {
    let mut value = parse(text).unwrap_or_else(|_| unsealed());
    respell(&mut value);
    (!value.is_null()).then_some(value)
}

/// Beyond 2⁵³−1, where sealing makes texts of numbers.
fn unsealed() -> Value {
    Value::Number(Number::from(u64::MAX))
}
