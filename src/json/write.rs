//! Writes a host's value as JSON.

use serde::Serialize;
use serde_json::Value;

use super::parse_leniently;

/// Deepest nesting of what a host hands in; sealing refuses less.
const MAX_DEPTH: usize = 1024;

/// The JSON of a value. Goes through its text, because `serde_json::to_value` would read a `RawValue`
/// inside it by its own rules. Integers of 128 bits that do not fit into 64 become texts with all their digits.
///
/// `None` if it is not JSON: the key of a map is not a text, say, or it is nested too deeply.
pub(crate) fn of<T: Serialize + ?Sized>(value: &T) -> Option<Value> {
    let text = serde_json::to_string(value).ok()?;
    parse_leniently(&text, MAX_DEPTH).ok()
}
