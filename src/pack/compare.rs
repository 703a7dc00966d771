//! Compares a section with what is expected.

use serde_json::Value;

use crate::json::parse;
use crate::proof::push_pointer;

/// How much longer a section may be than it is without spaces, for indents of any kind.
const SPACES_MAX: usize = 32;

/// JSON pointer to the first place where `found` differs from `expected`.
pub(super) fn difference(expected: &Value, found: &str) -> Option<String> {
    // A text that is far too long differs, and is not parsed to say where.
    let len_max = expected.to_string().len().saturating_mul(SPACES_MAX);
    let found = (found.len() <= len_max).then(|| parse(found).ok()).flatten();
    found.map_or_else(|| Some(String::new()), |found| differs(expected, &found, String::new()))
}

fn differs(expected: &Value, found: &Value, at: String) -> Option<String> {
    let below = |token: &str| {
        let mut pointer = at.clone();
        push_pointer(&mut pointer, token);
        pointer
    };
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            let unexpected = found.keys().find(|name| !expected.contains_key(*name));
            unexpected.map(|name| below(name)).or_else(|| {
                expected.iter().find_map(|(name, member)| match found.get(name) {
                    Some(other) => differs(member, other, below(name)),
                    None => Some(below(name)),
                })
            })
        }
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => expected
            .iter()
            .zip(found)
            .enumerate()
            .find_map(|(index, (item, other))| differs(item, other, below(&index.to_string()))),
        (expected, found) => (expected != found || sign(expected) != sign(found)).then_some(at),
    }
}

/// Whether a number has a sign: a zero with one equals a zero without, and is another text.
fn sign(value: &Value) -> bool {
    value.as_f64().is_some_and(f64::is_sign_negative)
}
