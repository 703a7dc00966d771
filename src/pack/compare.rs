//! Finds where a section differs from the one that the verifier computed.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::json::{is_written_as, parse};
use crate::proof::push_pointer;

/// How many times longer than its compact form a section may be. This leaves room for any indentation.
const SPACES_MAX: usize = 32;

/// The most members, and the most bytes of one, that [`are_written_as`] builds.
const MEMBERS_MAX: usize = 32;
const BYTES_MAX: usize = 1 << 20;

/// True if these members are what `sections` is written as. False if they are not, or are too large to be built before
/// it is known how large they should be: then [`difference`] decides.
pub(super) fn are_written_as<T: Serialize>(sections: &T, found: &BTreeMap<String, &str>) -> bool {
    let is_small =
        found.len() <= MEMBERS_MAX && found.values().all(|member| member.len() <= BYTES_MAX);
    let built = || found.iter().map(|(name, member)| Some((name.clone(), parse(member).ok()?)));
    let built: Option<_> = is_small.then(|| built().collect()).flatten();
    built.is_some_and(|members| is_written_as(sections, &Value::Object(members)))
}

/// JSON pointer to the first place where `found` differs from `expected`.
pub(super) fn difference(expected: &Value, found: &str) -> Option<String> {
    // A text that is far too long differs anyway: we do not parse it to find out where.
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
        (expected, found) => (!is_written_as(expected, found)).then_some(at),
    }
}
