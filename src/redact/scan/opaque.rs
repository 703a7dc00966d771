//! Recognises digits that are not a number: those of a UUID, a hash or a time.

use super::byte_class::{TOKEN, class_of, is_hex};
use super::phone;

/// The kinds of this crate's keyed hashes.
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

/// Length of the UUID, the time, or the hash (16 or more hex digits with a letter) that begins at `at`, if no letter
/// or digit precedes it.
pub(super) fn len_at(text: &str, at: usize) -> Option<usize> {
    let rest = &text.as_bytes()[at..];
    let first = rest.first_chunk().filter(|_| rest.len() >= 12)?;
    // Most groups of digits are shorter, and return here.
    if rest[4] != b'-' && !is_hex(*first) {
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
    // A number is still a number if letters that look like hex follow it directly. Of hashes with 32 or more digits,
    // as MD5 has, one in thousands begins like a number by chance.
    (len >= 32 || len >= 16 && !phone::is_bare(&token[..digits])).then_some(len)
}

/// The end of the token that begins here, if it is a UUID with at most a comma or a full stop after it. It is the
/// most frequent token of logs, so we recognise it without a search for its end.
pub(super) fn uuid_end(bytes: &[u8], start: usize) -> Option<usize> {
    let rest = &bytes[start..];
    let is_in_token = |at: usize| rest.get(at).is_some_and(|byte| class_of(*byte) & TOKEN != 0);
    if rest.get(8) != Some(&b'-') || !rest.get(..36).is_some_and(is_uuid) {
        return None;
    }
    let len = if is_in_token(36) && !rest[36].is_ascii_alphanumeric() { 37 } else { 36 };
    (!is_in_token(len)).then_some(start + len)
}

/// Whether a token is a keyed hash of this crate, and nothing else except a comma or a full stop. It must have a
/// letter, because twelve digits would look like a number.
pub(super) fn is_one_keyed_hash(written: &str) -> bool {
    let token = match written.as_bytes() {
        [whole @ .., last] if !last.is_ascii_alphanumeric() => whole,
        whole => whole,
    };
    let Some((before, hash)) = token.split_last_chunk::<12>() else { return false };
    let Some((b'-', kind)) = before.split_last() else { return false };
    // Only the letters among hex digits have this bit.
    let has_letter = hash.iter().fold(0, |bits, byte| bits | byte) & 0x40 != 0;
    has_letter
        && are_hex_fours(hash, 0, 4)
        && are_hex_fours(hash, 4, 8)
        && !hash.starts_with(b"07")
        && KINDS.iter().any(|known| known.as_bytes() == kind)
}

/// The end of a token of at most three digits with no further digits after it, and how many digits
/// it has. If none came before either, it is not part of a number.
pub(super) fn small_end(bytes: &[u8], start: usize) -> Option<(usize, usize)> {
    let mut at = start;
    while bytes.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
        if at > start + 3 {
            return None;
        }
    }
    let (digits_end, mut space) = (at, None);
    while at < digits_end + 4 {
        match bytes.get(at) {
            // Of the separators, only a space is not part of the token.
            Some(b' ') => space = space.or(Some(at)),
            Some(b',' | b'.' | b';' | b':' | b'!' | b'?') => {}
            _ => break,
        }
        at += 1;
    }
    let end = match bytes.get(at) {
        None => space.or(Some(at)),
        Some(byte) if byte.is_ascii_alphabetic() => space,
        Some(_) => None,
    };
    end.map(|end| (end, digits_end - start))
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

/// `2026-11-24T03:21:45`, or with a space (RFC 3339, section 5.6). Its fraction is not a number either.
fn is_time(bytes: &[u8]) -> bool {
    bytes[4] == b'-'
        && bytes.iter().enumerate().all(|(index, byte)| match index {
            4 | 7 => *byte == b'-',
            10 => matches!(byte, b'T' | b't' | b' '),
            13 | 16 => *byte == b':',
            _ => byte.is_ascii_digit(),
        })
}

/// Whether 36 bytes are a UUID.
fn is_uuid(bytes: &[u8]) -> bool {
    let has_dashes = [8, 13, 18, 23].iter().all(|at| bytes[*at] == b'-');
    has_dashes
        && [(0, 4), (9, 14), (19, 24), (28, 32)].iter().all(|(a, b)| are_hex_fours(bytes, *a, *b))
}

/// Whether four bytes at each of two places are hex digits.
fn are_hex_fours(bytes: &[u8], first: usize, second: usize) -> bool {
    let mut fours = [0; 8];
    fours[..4].copy_from_slice(&bytes[first..first + 4]);
    fours[4..].copy_from_slice(&bytes[second..second + 4]);
    is_hex(fours)
}
