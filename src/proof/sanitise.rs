//! Changes a value so that it survives a database.

use serde_json::{Map, Number, Value};

use super::canonical::{canonical, in_order, write_double};

/// Deepest nesting that is kept as structure: below it, JSON parsers (`serde_json` stops at 128) and
/// databases refuse to read back what was written.
pub const MAX_DEPTH: usize = 64;

/// Largest integer that a double, and so RFC 8785, can tell from its neighbours: 2⁵³−1.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

/// Makes a value survive a `jsonb` round trip with the same canonical bytes.
///
/// - NUL, which Postgres refuses in text, becomes U+FFFD, in keys too. A key that thereby meets
///   another gets further U+FFFD, so that no member is lost.
/// - Numbers beyond ±(2⁵³−1) become strings: integers with all their digits, doubles as ECMAScript
///   writes them. Other whole numbers become integers.
/// - Values deeper than [`MAX_DEPTH`] become strings that hold their JSON.
///
/// The [module](super) has the rules to the letter. The result is a fixed point: sanitising it again
/// changes nothing.
#[must_use]
pub fn sanitise(mut value: Value) -> Value {
    keep(&mut value, 0, MAX_DEPTH);
    value
}

/// Writes all whole numbers as integers, and leaves the rest.
#[cfg(feature = "postgres")]
pub(crate) fn respell(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(integer) = whole(number) {
                *value = integer.into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(respell),
        Value::Object(members) => members.values_mut().for_each(respell),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// Changes in place only what must change, which is almost nothing.
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

/// Keeps the keys that need no change. The others follow in canonical order, so that the order in which a map holds
/// them never decides which of two gets the shorter name.
fn keep_keys(members: &mut Map<String, Value>) {
    let held = in_order(members).filter(|(key, _)| key.contains('\0'));
    let held: Vec<String> = held.map(|(key, _)| key.clone()).collect();
    for key in held {
        let member = members.remove(&key).unwrap_or_default();
        let mut kept = key;
        keep_text(&mut kept);
        while members.contains_key(&kept) {
            kept.push(char::REPLACEMENT_CHARACTER);
        }
        members.insert(kept, member);
    }
}

fn keep_text(text: &mut String) {
    if text.contains('\0') {
        *text = text.replace('\0', "\u{FFFD}");
    }
}

/// What a number becomes if it cannot stay as it is.
fn instead_of(number: &Number) -> Option<Value> {
    if number.as_f64().is_some_and(|double| double.abs() <= MAX_SAFE_INTEGER) {
        return whole(number).map(Value::from);
    }
    let mut text = String::new();
    match number.as_f64().filter(|_| number.is_f64()) {
        Some(double) => write_double(double, &mut text),
        None => text = number.to_string(),
    }
    Some(text.into())
}

/// The integer that equals a double. 12500.0 and 12500 have one canonical form, so both become the integer here: a
/// reader that takes only integers must read the same bytes the same way.
fn whole(number: &Number) -> Option<i64> {
    let double = number.as_f64().filter(|_| number.is_f64())?;
    let is_whole = double.abs() <= MAX_SAFE_INTEGER && double.fract() == 0.0;
    #[allow(clippy::cast_possible_truncation, reason = "it is an integer below 2^53")]
    is_whole.then_some(double as i64)
}

fn keep_as_text(value: &mut Value) {
    // Numbers first, or the text would hold them rounded to doubles. And without a depth limit, or each level of
    // text in text would double the escapes.
    keep(value, 0, usize::MAX);
    *value = Value::String(canonical(value));
}
