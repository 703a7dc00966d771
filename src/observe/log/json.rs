//! Writes JSON into a reusable string.

use std::fmt::Write;

use super::RAW_MAX;
use crate::json::{ESCAPED_LEN_MAX, write_line_string};
use crate::redact::{self, LogField};

/// The mark behind a text that was cut. It has no digits, which could continue a number before it.
const CUT: &str = " [cut]";

/// Writes a text as it may be shown below a name, in at most `max_len` bytes.
pub(super) fn push_masked(
    out: &mut String,
    named: LogField,
    name: &str,
    text: &str,
    max_len: usize,
) {
    let text = &text[..text.floor_char_boundary(RAW_MAX)];
    let shown = named.mask(name, text);
    if fits(&shown, max_len) {
        push_clean(out, &shown);
        return;
    }
    // Masked before it is cut, because a scan does not recognise half a number.
    let room = max_len - CUT.len() - 2;
    let shown = redact::mask_and_truncate(&shown, longest(&shown, room));
    push_clean(out, &shown);
    out.pop();
    out.push_str(CUT);
    out.push('"');
}

/// Writes a masked text so that its JSON form holds nothing to mask either: there a tab before `@a.com` ends with the
/// letter of an address. Such a text gets blanks and apostrophes instead of escapes.
fn push_clean(out: &mut String, text: &str) {
    let start = out.len();
    write_line_string(text, out);
    let written = &out[start..];
    if written.len() == text.len() + 2 || redact::find(written).is_empty() {
        return;
    }
    out.truncate(start);
    let plain = text
        .replace(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'), " ")
        .replace(['"', '\\'], "'");
    write_line_string(&redact::mask_and_truncate(&plain, text.len()), out);
}

/// Writes a number. JSON has no infinities and no NaN, so these become texts.
pub(super) fn push_float(out: &mut String, value: f64) {
    if !value.is_finite() {
        let name = if value.is_nan() {
            "NaN"
        } else if value > 0.0 {
            "inf"
        } else {
            "-inf"
        };
        write_line_string(name, out);
    } else if let Some(number) = serde_json::Number::from_f64(value) {
        // A `String` takes everything.
        _ = write!(out, "{number}");
    }
}

fn fits(text: &str, max_len: usize) -> bool {
    text.len() * 6 + 2 <= max_len
        || (text.len() + 2 <= max_len
            && text
                .bytes()
                .map(|byte| usize::from(ESCAPED_LEN_MAX[usize::from(byte)]))
                .sum::<usize>()
                + 2
                <= max_len)
}

/// How many bytes of a text fit into `room` once they are escaped.
fn longest(text: &str, room: usize) -> usize {
    let mut len = 0;
    let has_room = |byte: &u8| {
        len += usize::from(ESCAPED_LEN_MAX[usize::from(*byte)]);
        len <= room
    };
    text.as_bytes().iter().copied().take_while(has_room).count()
}
