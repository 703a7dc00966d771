//! Reading `jsonb`, which holds more than sealing writes.

use serde_json::Value;

use crate::json::{JsonError, parse};
use crate::proof::respell;

/// A `jsonb` cell as the value that was sealed; `None` for JSON null, which is the same as nothing.
///
/// `jsonb` keeps the scale of a number (`1.0`, `1.10`) and compares without it. Whole numbers read as
/// integers, as they are sealed.
///
/// # Errors
/// [`JsonError`] for what `jsonb` takes and no `seal` writes: numbers that no double holds, say.
pub(super) fn read_jsonb(text: &str) -> Result<Option<Value>, JsonError> {
    let mut value = parse(text)?;
    respell(&mut value);
    Ok((!value.is_null()).then_some(value))
}
