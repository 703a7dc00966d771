//! Digits that are no number: those of a UUID, a hash, a time.

use std::ops::Range;

use super::class::{TOKEN, class_of};
use super::phone;

/// What this crate's keyed hashes are of.
const KINDS: [&str; 10] = [
    "attempt",
    "consent",
    "job",
    "media",
    "message",
    "outreach",
    "phone",
    "provider_call",
    "provider_message",
    "vendor",
];

/// Length of the UUID, the time, or the hash (16 or more hex digits, letters among them) that begins
/// at `at`, where no letter or digit precedes.
pub(super) fn len_at(text: &str, at: usize) -> Option<usize> {
    let rest = &text.as_bytes()[at..];
    if rest.len() < 12 {
        return None;
    }
    if rest.get(..36).is_some_and(is_uuid) {
        return Some(36);
    }
    if rest.get(..19).is_some_and(is_time) {
        let fraction = rest[19..].iter().take_while(|b| **b == b'.' || b.is_ascii_digit()).count();
        return Some(19 + fraction);
    }
    let len = rest.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let ends = rest.get(len).is_none_or(|byte| !byte.is_ascii_alphanumeric());
    let token = &rest[..len];
    let digits = token.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !ends || digits == len {
        return None;
    }
    if len == 12 {
        return is_keyed_hash(text, at).then_some(len);
    }
    // A number with something glued to it that looks like hex is still a number. Of 32 or more digits,
    // as MD5 and longer have, one in thousands begins like a number by chance.
    (len >= 32 || len >= 16 && !phone::is_bare(&token[..digits])).then_some(len)
}

/// The end of the token that begins here, where it is a UUID and nothing else but a comma or a full stop:
/// the most frequent token of a log, told without looking for its end byte by byte.
pub(super) fn uuid_end(bytes: &[u8], start: usize) -> Option<usize> {
    let rest = &bytes[start..];
    let is_in_token = |at: usize| rest.get(at).is_some_and(|byte| class_of(*byte) & TOKEN != 0);
    if rest.get(8) != Some(&b'-') || !rest.get(..36).is_some_and(is_uuid) {
        return None;
    }
    let len = if is_in_token(36) && !rest[36].is_ascii_alphanumeric() { 37 } else { 36 };
    (!is_in_token(len)).then_some(start + len)
}

/// Whether a token is a keyed hash of this crate, with a letter in it, and nothing else but a comma or a
/// full stop: twelve digits would look like a number.
pub(super) fn is_one_keyed_hash(token: &[u8]) -> bool {
    let end = token.iter().rposition(u8::is_ascii_alphanumeric).map_or(0, |last| last + 1);
    let Some(start) = end.checked_sub(12).filter(|start| *start > 1 && token.len() <= end + 1)
    else {
        return false;
    };
    let hash = &token[start..end];
    hash.iter().all(u8::is_ascii_hexdigit)
        && hash.iter().any(u8::is_ascii_alphabetic)
        && !hash.starts_with(b"07")
        && token[start - 1] == b'-'
        && KINDS.iter().any(|kind| token[..start - 1] == *kind.as_bytes())
}

/// Whether a token is at most three digits, with no more of them behind: part of no number, where none
/// came before.
pub(super) fn is_small(bytes: &[u8], token: &Range<usize>) -> bool {
    let is_between = |byte: &&u8| matches!(byte, b' ' | b',' | b'.' | b';' | b':' | b'!' | b'?');
    let digits = bytes[token.clone()].iter().take(4).take_while(|b| b.is_ascii_digit()).count();
    let behind = token.start + digits;
    let gap = bytes[behind..].iter().take(4).take_while(is_between).count();
    matches!(digits, 1..=3)
        && behind + gap >= token.end
        && bytes.get(behind + gap).is_none_or(u8::is_ascii_alphabetic)
}

/// Whether twelve hex digits are a keyed hash of this crate: `vendor-0f3a…`, `[secret 43 0f3a…]`.
fn is_keyed_hash(text: &str, at: usize) -> bool {
    let before = &text.as_bytes()[..at];
    let in_marker = text.as_bytes().get(at + 12) == Some(&b']') && before.last() == Some(&b' ');
    in_marker
        || KINDS.iter().any(|kind| {
            let start = before.len().checked_sub(kind.len() + 1).map(|start| &before[start..]);
            start.is_some_and(|s| s.starts_with(kind.as_bytes()) && s.ends_with(b"-"))
        })
}

/// `2026-11-24T03:21:45`, or with a space (RFC 3339, section 5.6): its fraction is no number either.
fn is_time(bytes: &[u8]) -> bool {
    bytes[4] == b'-'
        && bytes.iter().enumerate().all(|(index, byte)| match index {
            4 | 7 => *byte == b'-',
            10 => matches!(byte, b'T' | b't' | b' '),
            13 | 16 => *byte == b':',
            _ => byte.is_ascii_digit(),
        })
}

fn is_uuid(bytes: &[u8]) -> bool {
    bytes[8] == b'-'
        && bytes.iter().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}
