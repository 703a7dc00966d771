//! Canonical JSON, RFC 8785.

use std::fmt::Write as _;

use serde_json::{Map, Number, Value};

/// Writes a value as RFC 8785 (JSON Canonicalization Scheme) has it: the same bytes for the same
/// data, whatever the key order, number format or white space it came in.
///
/// Numbers are IEEE 754 doubles, written as ECMAScript does (RFC 8785, section 3.2.2.3); integers
/// beyond ±(2⁵³−1) would collapse, which is why [`sanitise`](super::sanitise) turns them into
/// strings first.
///
/// ```
/// use moltbot_audit::proof::canonical;
/// use serde_json::json;
/// assert_eq!(canonical(&json!({ "b": 1.0, "a": [1e21, "é"] })), r#"{"a":[1e+21,"é"],"b":1}"#);
/// ```
#[must_use]
pub fn canonical(value: &Value) -> String {
    let mut out = String::with_capacity(128);
    write_value(value, &mut out);
    out
}

/// Appends what [`canonical`] returns.
pub(super) fn write_value(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => write_number(number, out),
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_value(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (index, (key, member)) in in_order(members).into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_string(key, out);
                out.push(':');
                write_value(member, out);
            }
            out.push('}');
        }
    }
}

/// The members in canonical order: by UTF-16 code units (RFC 8785, section 3.2.3).
pub(super) fn in_order(members: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut ordered: Vec<_> = members.iter().collect();
    let by_bytes = |a: &&String, b: &&String| a.cmp(b);
    // Below U+E000 the order of UTF-8 bytes is that of UTF-16 code units: no need to recode.
    if members.keys().all(|key| key.chars().all(|c| c < '\u{E000}')) {
        ordered.sort_unstable_by(|(a, _), (b, _)| by_bytes(a, b));
    } else {
        ordered.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
    }
    ordered
}

fn write_number(number: &Number, out: &mut String) {
    const MAX_SAFE: i64 = (1 << 53) - 1;
    if let Some(integer) = number.as_i64().filter(|n| (-MAX_SAFE..=MAX_SAFE).contains(n)) {
        out.push_str(&integer.to_string());
    } else {
        let double = number.as_f64().unwrap_or_default();
        out.push_str(ryu_js::Buffer::new().format(double));
    }
}

fn write_string(text: &str, out: &mut String) {
    out.push('"');
    let mut clean_from = 0;
    for (index, byte) in text.bytes().enumerate() {
        let escape: &str = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            0x08 => "\\b",
            b'\t' => "\\t",
            b'\n' => "\\n",
            0x0C => "\\f",
            b'\r' => "\\r",
            0..=0x1F => "",
            _ => continue,
        };
        out.push_str(&text[clean_from..index]);
        clean_from = index + 1;
        if escape.is_empty() {
            // Writing to a String cannot fail.
            let _ok = write!(out, "\\u{byte:04x}");
        } else {
            out.push_str(escape);
        }
    }
    out.push_str(&text[clean_from..]);
    out.push('"');
}
