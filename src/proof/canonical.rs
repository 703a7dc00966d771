//! Canonical JSON, RFC 8785.

use std::fmt::Write as _;

use serde_json::{Map, Number, Value};

use crate::json::write_string;

/// Writes a value in the canonical form of RFC 8785 (JSON Canonicalization Scheme): the same bytes for
/// the same data, independent of key order, number format and white space.
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
    let mut out = String::with_capacity(256);
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
            for (index, (key, member)) in in_order(members).enumerate() {
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
pub(super) fn in_order(members: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    // Below U+E000, whose first byte this is, the order of UTF-8 bytes is that of UTF-16 code units.
    let is_low = members.keys().all(|key| key.bytes().all(|byte| byte < 0xEE));
    // A map is already sorted by bytes, unless the host builds serde_json to keep insertion order.
    let is_ordered = is_low && members.keys().is_sorted();
    let mut sorted = Vec::new();
    if !is_ordered {
        sorted.extend(members);
        sorted.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
    }
    is_ordered.then_some(members).into_iter().flatten().chain(sorted)
}

fn write_number(number: &Number, out: &mut String) {
    match number.as_i64() {
        Some(integer) => write_integer(integer, out),
        None => write_double(number.as_f64().unwrap_or_default(), out),
    }
}

/// Appends an integer as RFC 8785 writes it: as a double.
pub(crate) fn write_integer(integer: i64, out: &mut String) {
    const MAX_SAFE: i64 = (1 << 53) - 1;
    if (-MAX_SAFE..=MAX_SAFE).contains(&integer) {
        // Writing to a String cannot fail.
        let _ok = write!(out, "{integer}");
    } else {
        #[allow(clippy::cast_precision_loss, reason = "what RFC 8785 asks for")]
        write_double(integer as f64, out);
    }
}

pub(super) fn write_double(double: f64, out: &mut String) {
    out.push_str(ryu_js::Buffer::new().format(double));
}
