//! What a value has to give up to survive a database.

use serde_json::{Map, Number, Value};

use super::canonical::canonical;

/// Deepest nesting that is kept as structure: below it, JSON parsers (`serde_json` stops at 128) and
/// databases refuse to read back what was written.
pub const MAX_DEPTH: usize = 64;

/// Largest integer that a double, and so RFC 8785, can tell from its neighbours: 2⁵³−1.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

/// Makes a value survive a `jsonb` round trip with the same canonical bytes.
///
/// - NUL, which Postgres refuses in text, becomes U+FFFD, in keys too. A key that thereby meets
///   another gets further U+FFFD, so that no member is lost.
/// - Numbers beyond ±(2⁵³−1) become strings with all their digits; whole numbers become integers.
/// - What lies deeper than [`MAX_DEPTH`] becomes a string that holds its JSON.
///
/// The result is a fixed point: sanitising it again changes nothing.
#[must_use]
pub fn sanitise(value: Value) -> Value {
    at_depth(value, 0, MAX_DEPTH)
}

fn at_depth(value: Value, depth: usize, depth_max: usize) -> Value {
    match value {
        Value::Number(number) => keep_number(number),
        Value::String(text) => Value::String(keep_text(text)),
        Value::Array(ref items) if depth == depth_max && !items.is_empty() => as_text(value),
        Value::Object(ref members) if depth == depth_max && !members.is_empty() => as_text(value),
        Value::Array(items) => items
            .into_iter()
            .map(|item| at_depth(item, depth + 1, depth_max))
            .collect::<Vec<_>>()
            .into(),
        Value::Object(members) => {
            let mut kept = Map::new();
            for (key, member) in members {
                let mut key = keep_text(key);
                while kept.contains_key(&key) {
                    key.push(char::REPLACEMENT_CHARACTER);
                }
                kept.insert(key, at_depth(member, depth + 1, depth_max));
            }
            Value::Object(kept)
        }
        other => other,
    }
}

fn keep_text(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{FFFD}") } else { text }
}

fn keep_number(number: Number) -> Value {
    match number.as_f64() {
        // 12500.0 and 12500 have one canonical form, so they get one form here: a reader that takes
        // integers only must not be told another story by the same bytes.
        Some(double) if double.abs() <= MAX_SAFE_INTEGER && double.fract() == 0.0 => {
            #[allow(clippy::cast_possible_truncation, reason = "it is an integer below 2^53")]
            let integer = double as i64;
            integer.into()
        }
        Some(double) if double.abs() <= MAX_SAFE_INTEGER => Value::Number(number),
        _ => Value::String(number.to_string()),
    }
}

fn as_text(value: Value) -> Value {
    // Numbers first, or the text would hold them rounded to doubles; and without a limit of its own,
    // or each further level of text in text would double the escapes.
    Value::String(canonical(&at_depth(value, 0, usize::MAX)))
}
