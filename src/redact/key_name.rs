//! What a value is by the name of its key, in any case style.

use std::borrow::Cow;

use serde_json::Value;

use super::scan::Kind;

/// What a value under this key is, by the last words of the key's name.
pub(super) fn kind_by_key(key: &str) -> Option<Kind> {
    let name = snake_case(key);
    if is_password_name(&name) {
        return Some(Kind::Secret);
    }
    // `MediaUrl0` counts, `base64` does not.
    let counted = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let name = if name.ends_with("base64") { &*name } else { counted };
    let mut words = name.rsplit('_');
    let (last, before) = (words.next()?, words.next().unwrap_or_default());
    match last {
        "apikey" | "auth" | "authorization" | "cookie" | "cookies" | "credential"
        | "credentials" | "dsn" | "jwt" | "otp" | "passphrase" | "pwd" | "secret" | "token" => {
            Some(Kind::Secret)
        }
        "key" => match before {
            "access" | "anon" | "api" | "encryption" | "private" | "secret" | "service" => {
                Some(Kind::Secret)
            }
            "role" if words.next() == Some("service") => Some(Kind::Secret),
            _ => None,
        },
        "role" if before == "service" => Some(Kind::Secret),
        "string" if before == "connection" => Some(Kind::Secret),
        "url" => match before {
            "image" | "media" | "presigned" | "recording" | "signed" => Some(Kind::SignedUrl),
            _ => None,
        },
        "base64" => Some(Kind::Media),
        "data" if matches!(before, "binary" | "image" | "media") => Some(Kind::Media),
        _ => None,
    }
}

/// Whether a name in snake case is a password's: glued to other words, cut in two, or short.
fn is_password_name(name: &str) -> bool {
    const ENDS: [&str; 5] = ["password", "passwd", "pass_word", "password_hash", "signature_256"];
    ENDS.iter().any(|end| name.ends_with(end)) || name == "pass" || name.ends_with("_pass")
}

/// Whether the name of a value in a text says that it is secret.
pub(super) fn is_secret_name(name: &str) -> bool {
    let name = name.trim_start_matches(|c: char| c.is_ascii_digit());
    name.len() >= 3 && kind_by_key(name) == Some(Kind::Secret)
}

/// What is secret by the name beside it, and no key's: of `{"name": "authorization", "value": …}` the
/// value, of `["authorization", "…"]` the second.
pub(super) fn named_beside(value: &mut Value) -> Option<(Kind, &mut Value)> {
    let (name, value) = match value {
        Value::Array(items) => match items.as_mut_slice() {
            [Value::String(name), value @ Value::String(_)] => (&*name, value),
            _ => return None,
        },
        Value::Object(members) if members.contains_key("value") => {
            let kind = members.get("name").or_else(|| members.get("key"))?.as_str();
            return kind.and_then(kind_by_key).zip(members.get_mut("value"));
        }
        _ => return None,
    };
    kind_by_key(name).map(|kind| (kind, value))
}

/// Whether the key says that digits below it are a phone number, however they are written.
pub(super) fn is_phone_key(key: &str) -> bool {
    let name = snake_case(key);
    name.contains("phone")
        || name.contains("msisdn")
        || matches!(&*name, "from_number" | "to_number" | "wa_id" | "wa_number" | "contact_hints")
}

/// Whether the key says that a person's name stands below it.
pub(super) fn is_person_key(key: &str) -> bool {
    const PEOPLE: [&str; 9] = [
        "client",
        "contact",
        "customer",
        "doctor",
        "patient",
        "prescriber",
        "profile",
        "sender",
        "user",
    ];
    let name = snake_case(key);
    (name.contains("name") && PEOPLE.iter().any(|person| name.contains(person)))
        || matches!(&*name, "doctor" | "first_name" | "patient" | "prescriber" | "push_name")
}

/// `apiKey`, `API-KEY` and `api key` as `api_key`.
pub(super) fn snake_case(key: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    if key.bytes().all(is_plain) && !key.contains("__") {
        return Cow::Borrowed(key);
    }
    let mut name = String::with_capacity(key.len() + 4);
    let mut after_lower = false;
    for c in key.chars() {
        if c.is_alphanumeric() {
            if c.is_uppercase() && after_lower {
                name.push('_');
            }
            name.extend(c.to_lowercase());
        } else if !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
        after_lower = c.is_lowercase() || c.is_numeric();
    }
    Cow::Owned(name)
}
