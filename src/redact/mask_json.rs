//! Masks personal data in a JSON value: keys and values of every type.

use std::borrow::Cow;
use std::mem;
use std::net::IpAddr;

use serde_json::{Map, Number, Value};

use super::key_rules::{KeyKind, is_qualifier, kind_of, name_and_values};
use super::mask::{find, find_below, mask, mask_of, mask_phone};
use super::phone::digits_below;
use super::scan::Found;
use crate::json::parse_leniently;

/// How many levels of JSON inside texts of JSON are searched.
pub(super) const MAX_NESTED: usize = 4;

/// How deep such JSON may be nested. All levels of texts together must fit on a thread's stack.
const NESTED_DEPTH_MAX: usize = 128;

/// Masks personal data and secrets anywhere in a value: in texts, numbers, member names, and in
/// JSON inside a text. The name of a key decides too: every value under `access_token`,
/// `from_number` or `patient_name`, in any case style, is masked.
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

/// Masks a value below this key, and searches so many levels of nested JSON.
pub(super) fn walk(key: &str, value: &mut Value, nested: usize) {
    walk_below(kind_of(key), key, value, nested);
}

fn walk_below(kind: Option<KeyKind>, key: &str, value: &mut Value, nested: usize) {
    if let Some(kind) = kind
        && kind.mask().is_some()
        && kind != KeyKind::Person
    {
        replace(kind, value);
        return;
    }
    if let Some((name, values)) = name_and_values(value) {
        for value in values {
            walk(&name, value, nested);
        }
    }
    match value {
        Value::String(text) => {
            if let Some(masked) = mask_text(kind, key, text, nested) {
                *text = masked;
            }
        }
        Value::Number(number) => {
            if let Some(masked) = mask_number(kind, key, number) {
                *value = masked.into();
            }
        }
        Value::Array(items) => {
            for item in items {
                walk_below(kind, key, item, nested);
            }
        }
        Value::Object(members) => {
            if members.keys().any(|name| !find(name).is_empty()) {
                mask_names(members);
            }
            for (name, member) in members {
                walk_below(kind_in(key, name), name, member, nested);
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

/// What a member's name says about its value. In `{"profile": {"name": …}}` both names together say it.
fn kind_in(outer: &str, name: &str) -> Option<KeyKind> {
    let says_little =
        || !outer.is_empty() && (matches!(name, "name" | "code") || is_qualifier(name));
    kind_of(name).or_else(|| match says_little() {
        true if matches!(name, "after" | "before") => kind_of(outer),
        true => kind_of(&format!("{outer}_{name}")),
        false => None,
    })
}

fn mask_text(kind: Option<KeyKind>, key: &str, text: &str, nested: usize) -> Option<String> {
    if kind == Some(KeyKind::Person) {
        return (!text.is_empty() && text != "[name]").then(|| "[name]".to_owned());
    }
    if let Some(kind) = kind
        && find(text).is_empty()
    {
        if let Some(digits) = digits_below(kind, text) {
            return Some(mask_phone(&digits));
        }
        if kind == KeyKind::Email && text.contains('@') {
            return (text != "[email]").then(|| "[email]".to_owned());
        }
    }
    let nested = in_nested(text, nested, |value, nested| walk(key, value, nested));
    match nested.unwrap_or_else(|| mask_below(key, text)) {
        Cow::Borrowed(_) => None,
        Cow::Owned(masked) => Some(masked),
    }
}

/// Masks a text below a name, as [`mask`] does.
pub(super) fn mask_below<'a>(name: &str, text: &'a str) -> Cow<'a, str> {
    if find_below(name, text).is_empty() { Cow::Borrowed(text) } else { mask(text) }
}

/// The mask of a number without quotes, if it is a person's. A score or a share is not.
fn mask_number(kind: Option<KeyKind>, key: &str, number: &Number) -> Option<String> {
    let mut digits = number.to_string();
    if number.is_f64() {
        // Some parsers turn whole numbers into `447911123456.0`.
        digits.truncate(digits.strip_suffix(".0")?.len());
    } else {
        let whole = |found: &Found| found.at.end == digits.len();
        if let Some(found) = find_below(key, &digits).iter().find(|found| whole(found)) {
            return Some(mask_of(&digits, found));
        }
    }
    digits_below(kind?, &digits).map(|digits| mask_phone(&digits))
}

/// Replaces the values below a name that says they are private. Flags stay, except those about a person's health.
fn replace(kind: KeyKind, value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| replace(kind, item)),
        Value::Object(members) => members.values_mut().for_each(|member| replace(kind, member)),
        _ => {
            if let Some(mask) = masked_whole(kind, value) {
                *value = mask.into();
            }
        }
    }
}

fn masked_whole(kind: KeyKind, value: &Value) -> Option<&'static str> {
    let is_masked = match value {
        Value::String(text) if kind == KeyKind::Address && is_of_a_machine(text) => false,
        Value::String(text) => !text.is_empty(),
        Value::Number(number) => kind.takes_number(number.to_string().len()),
        Value::Bool(_) => kind == KeyKind::Health,
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    };
    kind.mask().filter(|_| is_masked)
}

/// Whether an address belongs to a machine: `10.0.0.7:5432`, `db.internal:5432`, a URL, a place in memory.
pub(super) fn is_of_a_machine(text: &str) -> bool {
    let has_port = || {
        text.rsplit_once(':').is_some_and(|(host, port)| {
            port.parse::<u16>().is_ok() && host.bytes().all(|byte| byte.is_ascii_graphic())
        })
    };
    text.parse::<IpAddr>().is_ok() || text.contains("://") || text.starts_with("0x") || has_port()
}

/// Masks the names of members. If two masks are equal, one gets further stars, so that no member is lost.
fn mask_names(members: &mut Map<String, Value>) {
    for (name, member) in mem::take(members) {
        let mut name = mask(&name).into_owned();
        while members.contains_key(&name) {
            name.push('*');
        }
        members.insert(name, member);
    }
}

/// Changes the JSON that a text consists of. The text is borrowed if nothing changed. `None` if it is not JSON, or no
/// level is left.
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
