//! Finds names that are values themselves, beside the values that they name. Forms, headers and change records write
//! them so.

use serde_json::Value;

use super::kind_of;

/// Members that hold a name: `{"field": "phone", "old": "…", "new": "…"}`.
const NAMES: [&str; 11] = [
    "name",
    "key",
    "field",
    "column",
    "label",
    "header",
    "param",
    "parameter",
    "property",
    "attribute",
    "type",
];

/// Members that hold the values of that name.
const VALUES: [&str; 10] = [
    "value", "val", "old", "new", "oldvalue", "newvalue", "before", "after", "previous", "current",
];

/// Returns a name that the table knows, and its values, from
/// `{"name": "authorization", "value": …}` and `["authorization", "…"]`.
pub(in crate::redact) fn name_and_values(value: &mut Value) -> Option<(String, Vec<&mut Value>)> {
    match value {
        Value::Array(items) => match items.as_mut_slice() {
            [Value::String(name), value @ Value::String(_)] => Some((name.clone(), vec![value])),
            _ => None,
        },
        Value::Object(members) if members.keys().any(|member| is_one_of(&VALUES, member)) => {
            let named = NAMES.iter().find_map(|wanted| {
                let holds = |(member, _): &(&String, &Value)| is_written(wanted, member);
                let name = members.iter().find(holds)?.1.as_str()?;
                kind_of(name).map(|_| name.to_owned())
            });
            let values = members.iter_mut().filter(|(member, _)| is_one_of(&VALUES, member));
            named.map(|name| (name, values.map(|(_, value)| value).collect()))
        }
        _ => None,
    }
}

fn is_one_of(words: &[&str], member: &str) -> bool {
    words.iter().any(|word| is_written(word, member))
}

/// Whether a member's name is this word, in any case style.
fn is_written(word: &str, member: &str) -> bool {
    let letters = member.bytes().filter(|byte| *byte != b'_').map(|byte| byte.to_ascii_lowercase());
    (word.len()..=word.len() + 1).contains(&member.len()) && letters.eq(word.bytes())
}
