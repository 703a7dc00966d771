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
pub fn sanitise(mut value: Value) -> Value {
    keep(&mut value, 0, MAX_DEPTH);
    value
}

/// Changes in place what has to change, which is next to nothing.
fn keep(value: &mut Value, depth: usize, depth_max: usize) {
    match value {
        Value::Number(number) => {
            if let Some(kept) = instead_of(number) {
                *value = kept;
            }
        }
        Value::String(text) => keep_text(text),
        Value::Array(items) if depth == depth_max && !items.is_empty() => keep_as_text(value),
        Value::Object(members) if depth == depth_max && !members.is_empty() => keep_as_text(value),
        Value::Array(items) => {
            for item in items {
                keep(item, depth + 1, depth_max);
            }
        }
        Value::Object(members) => {
            if members.keys().any(|key| key.contains('\0')) {
                keep_keys(members);
            }
            for member in members.values_mut() {
                keep(member, depth + 1, depth_max);
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

fn keep_keys(members: &mut Map<String, Value>) {
    for (mut key, member) in std::mem::take(members) {
        keep_text(&mut key);
        while members.contains_key(&key) {
            key.push(char::REPLACEMENT_CHARACTER);
        }
        members.insert(key, member);
    }
}

fn keep_text(text: &mut String) {
    if text.contains('\0') {
        *text = text.replace('\0', "\u{FFFD}");
    }
}

/// What a number becomes, where it cannot stay as it is.
fn instead_of(number: &Number) -> Option<Value> {
    match number.as_f64() {
        // 12500.0 and 12500 have one canonical form, so they get one form here: a reader that takes
        // integers only must not be told another story by the same bytes.
        Some(double) if double.abs() <= MAX_SAFE_INTEGER && double.fract() == 0.0 => {
            #[allow(clippy::cast_possible_truncation, reason = "it is an integer below 2^53")]
            let integer = double as i64;
            number.is_f64().then(|| integer.into())
        }
        Some(double) if double.abs() <= MAX_SAFE_INTEGER => None,
        _ => Some(Value::String(number.to_string())),
    }
}

fn keep_as_text(value: &mut Value) {
    // Numbers first, or the text would hold them rounded to doubles; and without a limit of its own,
    // or each further level of text in text would double the escapes.
    keep(value, 0, usize::MAX);
    *value = Value::String(canonical(value));
}
