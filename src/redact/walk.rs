//! Masks what is personal in a JSON value: keys and values, whatever their type.

use std::borrow::Cow;
use std::mem;

use serde_json::{Map, Number, Value};

use super::key_name::{is_person_key, is_phone_key, kind_by_key, named_beside};
use super::mask::{find, mask, mask_of, mask_phone};
use super::phone::digits_below_key;
use super::scan::{Found, Kind};
use crate::json::parse_leniently;

/// How often JSON in a text in JSON is looked into.
pub(super) const MAX_NESTED: usize = 4;

/// How deep such JSON may be nested: all levels of texts together fit on a thread's stack.
const NESTED_DEPTH_MAX: usize = 128;

/// Masks personal data and secrets anywhere in a value: in texts, numbers, member names, and in JSON
/// that is written inside a text. The name of a key decides too: what stands under `access_token`,
/// `from_number` or `patient_name`, in any case style, is masked whatever it looks like.
///
/// Masking twice changes nothing.
///
/// ```
/// use moltbot_audit::redact::mask_json;
/// let mut value = serde_json::json!({
///     "wa_id": 447_946_095_812_u64, "patientName": "Marie", "price": 12_500,
///     "body": "{\"access_token\":\"x7\"}",
/// });
/// mask_json(&mut value);
/// assert_eq!(value, serde_json::json!({
///     "wa_id": "***812", "patientName": "[name]", "price": 12_500,
///     "body": "{\"access_token\":\"[secret]\"}",
/// }));
/// ```
pub fn mask_json(value: &mut Value) {
    walk("", value, MAX_NESTED);
}

/// Masks a value below this key, and looks into nested JSON so many times.
pub(super) fn walk(key: &str, value: &mut Value, nested: usize) {
    if let Some((kind, secret)) = named_beside(value) {
        replace(kind, secret);
    }
    match value {
        Value::String(text) => {
            if let Some(masked) = mask_text(key, text, nested) {
                *text = masked;
            }
        }
        Value::Number(number) => {
            if let Some(masked) = mask_number(key, number) {
                *value = masked.into();
            }
        }
        Value::Array(items) => {
            for item in items {
                walk(key, item, nested);
            }
        }
        Value::Object(members) => {
            if members.keys().any(|name| !find(name).is_empty()) {
                mask_names(members);
            }
            for (name, member) in members {
                match kind_by_key(name) {
                    Some(kind) => replace(kind, member),
                    None => walk(name, member, nested),
                }
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

fn mask_text(key: &str, text: &str, nested: usize) -> Option<String> {
    if is_phone_key(key)
        && find(text).is_empty()
        && let Some(digits) = digits_below_key(text)
    {
        return Some(mask_phone(&digits));
    }
    if is_person_key(key) && !text.is_empty() {
        return (text != "[name]").then(|| "[name]".to_owned());
    }
    let nested = in_nested(text, nested, |value, nested| walk(key, value, nested));
    match nested.unwrap_or_else(|| mask(text)) {
        Cow::Borrowed(_) => None,
        Cow::Owned(masked) => Some(masked),
    }
}

/// A number that is one of those people have, written without quotes. A score or a share is none.
fn mask_number(key: &str, number: &Number) -> Option<String> {
    if number.is_f64() {
        return None;
    }
    let digits = number.to_string();
    let whole = |found: &Found| found.at.end == digits.len();
    if let Some(found) = find(&digits).iter().find(|found| whole(found)) {
        return Some(mask_of(&digits, found));
    }
    let below_key = digits_below_key(&digits).filter(|_| is_phone_key(key));
    below_key.map(|digits| mask_phone(&digits))
}

/// Replaces every text below a key that names a secret. Numbers stay: a count of tokens is no token.
fn replace(kind: Kind, value: &mut Value) {
    match value {
        Value::String(text) if !text.is_empty() => *text = format!("[{}]", kind.as_str()),
        Value::Array(items) => items.iter_mut().for_each(|item| replace(kind, item)),
        Value::Object(members) => members.values_mut().for_each(|member| replace(kind, member)),
        _ => {}
    }
}

/// Member names that meet under one mask get further stars, so that no member is lost.
fn mask_names(members: &mut Map<String, Value>) {
    for (name, member) in mem::take(members) {
        let mut name = mask(&name).into_owned();
        while members.contains_key(&name) {
            name.push('*');
        }
        members.insert(name, member);
    }
}

/// A text in which the JSON that it is has been changed, borrowed where nothing of it was; `None` where it
/// is no JSON, or no level is left to be looked into.
pub(super) fn in_nested(
    text: &str,
    nested: usize,
    change: impl FnOnce(&mut Value, usize),
) -> Option<Cow<'_, str>> {
    let nested = nested.checked_sub(1).filter(|_| is_json(text))?;
    let before = parse_leniently(text, NESTED_DEPTH_MAX).ok()?;
    let mut after = before.clone();
    change(&mut after, nested);
    Some(if after == before { Cow::Borrowed(text) } else { Cow::Owned(after.to_string()) })
}

/// Whether a text looks like an object or a list.
fn is_json(text: &str) -> bool {
    let text = text.trim_ascii();
    (text.starts_with('{') && text.ends_with('}')) || (text.starts_with('[') && text.ends_with(']'))
}
