//! What never enters the store: secrets, signed URLs, raw media.

use serde_json::{Map, Value};

use super::RedactionKey;
use super::mask::masked;
use super::phone::{FoundPhone, find_phones};
use super::secret::{Kind, find_secrets, kind_by_key};

/// Replaces what must not be stored, anywhere in a payload, by what it was, its length in bytes and
/// its keyed hash: `[secret 43 0f3a…]`. A first version; it knows common forms by prefix, by shape and
/// by the name of the key they stand under.
///
/// Numbers and flags stay, whatever their key: a count of tokens is no token.
pub(crate) fn withhold(value: Value, key: &RedactionKey) -> Value {
    match value {
        Value::String(text) => Value::String(withhold_in_text(text, key)),
        Value::Array(items) => {
            items.into_iter().map(|item| withhold(item, key)).collect::<Vec<_>>().into()
        }
        Value::Object(members) if is_node_buffer(&members) => {
            Value::String(marker(Kind::Media, &Value::Object(members).to_string(), key))
        }
        Value::Object(members) => {
            let members = members.into_iter();
            members
                .map(|(name, member)| withhold_member(name, member, key))
                .collect::<Map<_, _>>()
                .into()
        }
        other => other,
    }
}

/// Replaces secrets in an idempotency key, and phone numbers by their keyed hash: the same each time,
/// so that the key still deduplicates.
pub(crate) fn withhold_in_key(idempotency_key: &str, key: &RedactionKey) -> String {
    let text = withhold_in_text(idempotency_key.to_owned(), key);
    let hashed = |phone: FoundPhone| {
        let hash = key.pseudonym("phone", phone.subscriber());
        (phone.at, format!("phone-{hash}"))
    };
    let masks = find_phones(&text).into_iter().map(hashed).collect();
    masked(&text, masks).unwrap_or(text)
}

/// Bytes as Node.js writes them: `{"type":"Buffer","data":[255,216,…]}`.
fn is_node_buffer(members: &Map<String, Value>) -> bool {
    members.len() == 2
        && members.get("type").is_some_and(|kind| kind == "Buffer")
        && members.get("data").is_some_and(Value::is_array)
}

fn withhold_member(name: String, member: Value, key: &RedactionKey) -> (String, Value) {
    // A secret may stand in the name itself.
    let kept_name = withhold_in_text(name, key);
    let member = match kind_by_key(&kept_name) {
        Some(kind) => under(kind, member, key),
        None => withhold(member, key),
    };
    (kept_name, member)
}

/// Replaces every text below a key that names a secret.
fn under(kind: Kind, value: Value, key: &RedactionKey) -> Value {
    match value {
        Value::String(text) if !text.is_empty() && !is_marker(&text) => {
            Value::String(marker(kind, &text, key))
        }
        Value::Array(items) => {
            items.into_iter().map(|item| under(kind, item, key)).collect::<Vec<_>>().into()
        }
        Value::Object(members) => members
            .into_iter()
            .map(|(name, member)| (withhold_in_text(name, key), under(kind, member, key)))
            .collect::<Map<_, _>>()
            .into(),
        other => other,
    }
}

fn withhold_in_text(text: String, key: &RedactionKey) -> String {
    let secrets = find_secrets(&text).into_iter();
    let masks = secrets.map(|(at, kind)| (at.clone(), marker(kind, &text[at], key))).collect();
    masked(&text, masks).unwrap_or(text)
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
