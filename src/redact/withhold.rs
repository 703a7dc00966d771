//! Keeps secrets, signed URLs and raw media out of the store.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::RedactionKey;
use super::key_rules::{KeyKind, kind_withheld, name_and_values};
use super::kind::Kind;
use super::mask::with_masks;
use super::mask_json::{MAX_NESTED, in_nested};
use super::scan::{Found, ScanScope, scan};

/// Replaces what must not be stored, anywhere in a payload, by its kind, its length in bytes and its keyed hash:
/// `[secret 43 0f3a…]`. It recognises such values by prefix, by shape and by the name of their key, also in JSON
/// inside a text.
///
/// Numbers are replaced too, if [`KeyKind::takes_number`] says so. Flags stay.
pub(crate) fn withhold(value: &mut Value, key: &RedactionKey) {
    keep_out(value, key, MAX_NESTED);
}

fn keep_out(value: &mut Value, key: &RedactionKey, nested: usize) {
    if let Some((name, secrets)) = name_and_values(value)
        && let Some(kind) = kind_withheld(&name)
    {
        for secret in secrets {
            under(kind, secret, key);
        }
    }
    match value {
        Value::String(text) => {
            let inner = in_nested(text, nested, |value, nested| keep_out(value, key, nested));
            if let Some(Cow::Owned(inner)) = inner {
                *text = inner;
            }
            withhold_in_text(text, key);
        }
        Value::Array(items) => {
            for item in items {
                keep_out(item, key, nested);
            }
        }
        Value::Object(members) if is_node_buffer(members) => {
            *value = Value::String(marker(Kind::Media, &value.to_string(), key));
        }
        Value::Object(members) => {
            withhold_in_names(members, key);
            for (name, member) in members {
                match kind_withheld(name) {
                    Some(kind) => under(kind, member, key),
                    None => keep_out(member, key, nested),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Replaces secrets in an idempotency key, and phone numbers by their keyed hash. The result is the same each time,
/// so that the key still deduplicates.
pub(crate) fn withhold_in_key(idempotency_key: &str, key: &RedactionKey) -> String {
    let found = scan(idempotency_key, ScanScope::Full).into_iter();
    let masks = found.filter_map(|Found { at, kind }| {
        let written = &idempotency_key[at.clone()];
        let instead = match kind {
            Kind::Media | Kind::Secret | Kind::SignedUrl => marker(kind, written, key),
            Kind::Phone => key.hash_of_found_phone(written),
            Kind::MessageId => format!("message-{}", key.pseudonym("message", written)),
            _ => return None,
        };
        Some((at, instead))
    });
    with_masks(idempotency_key, masks.collect()).unwrap_or_else(|| idempotency_key.to_owned())
}

/// Bytes as Node.js writes them: `{"type":"Buffer","data":[255,216,…]}`.
fn is_node_buffer(members: &Map<String, Value>) -> bool {
    members.len() == 2
        && members.get("type").is_some_and(|kind| kind == "Buffer")
        && members.get("data").is_some_and(Value::is_array)
}

/// The name of a member may be a secret itself.
fn withhold_in_names(members: &mut Map<String, Value>, key: &RedactionKey) {
    if members.keys().all(|name| name.len() < 12 || scan(name, ScanScope::AtRest).is_empty()) {
        return;
    }
    for (mut name, member) in std::mem::take(members) {
        withhold_in_text(&mut name, key);
        members.insert(name, member);
    }
}

/// Replaces every text and number below a key that names a secret.
fn under(named: KeyKind, value: &mut Value, key: &RedactionKey) {
    let Some(kind) = named.withheld() else { return };
    match value {
        Value::String(text) if !text.is_empty() && !is_marker(text) => {
            *text = marker(kind, text, key);
        }
        Value::Number(number) => {
            let written = number.to_string();
            if named.takes_number(written.len()) {
                *value = Value::String(marker(kind, &written, key));
            }
        }
        Value::Array(items) => {
            for item in items {
                under(named, item, key);
            }
        }
        Value::Object(members) => {
            withhold_in_names(members, key);
            for member in members.values_mut() {
                under(named, member, key);
            }
        }
        Value::String(_) | Value::Null | Value::Bool(_) => {}
    }
}

fn withhold_in_text(text: &mut String, key: &RedactionKey) {
    let found = scan(text, ScanScope::AtRest);
    if found.is_empty() {
        return;
    }
    let marked = |Found { at, kind }: Found| (at.clone(), marker(kind, &text[at], key));
    let masks = found.into_iter().map(marked).collect();
    if let Some(masked) = with_masks(text, masks) {
        *text = masked;
    }
}

fn marker(kind: Kind, removed: &str, key: &RedactionKey) -> String {
    let kind = kind.as_str();
    format!("[{kind} {} {}]", removed.len(), key.pseudonym(kind, removed))
}

/// Whether the text is what [`marker`] makes, so that withholding twice changes nothing.
fn is_marker(text: &str) -> bool {
    let inside = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let Some(mut parts) = inside.map(|inside| inside.split(' ')) else { return false };
    let kinds = [Kind::Media, Kind::Secret, Kind::SignedUrl];
    parts.next().is_some_and(|kind| kinds.iter().any(|known| known.as_str() == kind))
        && parts.next().is_some_and(|len| len.parse::<usize>().is_ok())
        && parts.next().is_some_and(|hash| hash.len() == 12 && hash.bytes().all(is_hex))
        && parts.next().is_none()
}

fn is_hex(byte: u8) -> bool {
    byte.is_ascii_hexdigit()
}
