//! Writes JSON into a reusable string.

use std::fmt::Write;

use super::RAW_MAX;
use crate::redact::{self, Named};

/// What stands behind a text that was cut. Without digits, which could go on with a number before it.
const CUT: &str = " [cut]";

/// Bytes that are looked at in one go: most texts have nothing to escape.
const STRIDE: usize = 16;

/// Writes a text as it may be shown below a name, in at most `max_len` bytes.
pub(super) fn push_masked(out: &mut String, named: Named, name: &str, text: &str, max_len: usize) {
    let text = &text[..text.floor_char_boundary(RAW_MAX)];
    let shown = named.mask(name, text);
    if fits(&shown, max_len) {
        push_clean(out, &shown);
        return;
    }
    // Masked before it is cut: half a number is none that a scan knows.
    let room = max_len - CUT.len() - 2;
    let shown = redact::mask_and_truncate(&shown, longest(&shown, room));
    push_clean(out, &shown);
    out.pop();
    out.push_str(CUT);
    out.push('"');
}

/// Writes a masked text so that it holds nothing to mask as JSON has it either: a tab before `@a.com` is
/// the letter of an address there. Such a text has blanks and apostrophes for what is escaped.
fn push_clean(out: &mut String, text: &str) {
    let start = out.len();
    push_text(out, text);
    let written = &out[start..];
    if written.len() == text.len() + 2 || redact::find(written).is_empty() {
        return;
    }
    out.truncate(start);
    let plain = text
        .replace(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'), " ")
        .replace(['"', '\\'], "'");
    push_text(out, &redact::mask_and_truncate(&plain, text.len()));
}

/// Writes a text in quotes.
pub(super) fn push_text(out: &mut String, text: &str) {
    out.push('"');
    let bytes = text.as_bytes();
    let mut from = 0;
    let mut at = 0;
    while at < bytes.len() {
        let stride: Option<&[u8; STRIDE]> = bytes[at..].first_chunk();
        if stride.is_some_and(|stride| !stride.iter().fold(false, |any, b| any | needs_escape(*b)))
        {
            at += STRIDE;
            continue;
        }
        let end = bytes.len().min(at + STRIDE);
        for next in at..end {
            if ESCAPED_LEN[usize::from(bytes[next])] == 1 {
                continue;
            }
            let (escape, len) = match bytes[next] {
                0xc2 | 0xe2 => match line_end(&bytes[next..]) {
                    Some(escape) => escape,
                    None => continue,
                },
                _ => ("", 1),
            };
            out.push_str(&text[from..next]);
            match escape {
                "" => push_escape(out, bytes[next]),
                _ => out.push_str(escape),
            }
            from = next + len;
        }
        at = end;
    }
    out.push_str(&text[from..]);
    out.push('"');
}

/// Writes a number that JSON has: JSON has neither infinities nor what is no number, which become
/// texts, as does what is too long for an unsigned number of 64 bits.
pub(super) fn push_float(out: &mut String, value: f64) {
    if !value.is_finite() {
        let name = if value.is_nan() {
            "NaN"
        } else if value > 0.0 {
            "inf"
        } else {
            "-inf"
        };
        push_text(out, name);
    } else if let Some(number) = serde_json::Number::from_f64(value) {
        // A `String` takes everything.
        _ = write!(out, "{number}");
    }
}

/// Whether a byte is escaped, or begins a character that ends a line for some readers.
#[expect(clippy::needless_bitwise_bool, reason = "without branches, a stride is looked at at once")]
fn needs_escape(byte: u8) -> bool {
    (byte < b' ') | (byte == b'"') | (byte == b'\\') | (byte == 0xc2) | (byte == 0xe2)
}

/// The escape of U+0085, U+2028 or U+2029, and how many bytes it stands for.
fn line_end(bytes: &[u8]) -> Option<(&'static str, usize)> {
    match bytes {
        [0xc2, 0x85, ..] => Some(("\\u0085", 2)),
        [0xe2, 0x80, 0xa8, ..] => Some(("\\u2028", 3)),
        [0xe2, 0x80, 0xa9, ..] => Some(("\\u2029", 3)),
        _ => None,
    }
}

fn push_escape(out: &mut String, byte: u8) {
    match byte {
        b'"' => out.push_str("\\\""),
        b'\\' => out.push_str("\\\\"),
        b'\n' => out.push_str("\\n"),
        b'\r' => out.push_str("\\r"),
        b'\t' => out.push_str("\\t"),
        _ => {
            _ = write!(out, "\\u{byte:04x}");
        }
    }
}

/// How many bytes each byte takes at most.
const ESCAPED_LEN: [u8; 256] = escaped_lens();

#[expect(clippy::cast_possible_truncation, reason = "there are 256 bytes")]
const fn escaped_lens() -> [u8; 256] {
    let mut lens = [1; 256];
    let mut byte = 0;
    while byte < 256 {
        lens[byte] = escaped_len(byte as u8);
        byte += 1;
    }
    lens
}

const fn escaped_len(byte: u8) -> u8 {
    match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
        0..b' ' => 6,
        // With the bytes behind it, as long as the escape of a line's end.
        0xc2 => 5,
        0xe2 => 4,
        _ => 1,
    }
}

fn fits(text: &str, max_len: usize) -> bool {
    text.len() * 6 + 2 <= max_len
        || (text.len() + 2 <= max_len
            && text.bytes().map(|byte| usize::from(ESCAPED_LEN[usize::from(byte)])).sum::<usize>()
                + 2
                <= max_len)
}

/// How much of a text has room, in its own bytes.
fn longest(text: &str, room: usize) -> usize {
    let mut len = 0;
    let has_room = |byte: &u8| {
        len += usize::from(ESCAPED_LEN[usize::from(*byte)]);
        len <= room
    };
    text.as_bytes().iter().copied().take_while(has_room).count()
}
