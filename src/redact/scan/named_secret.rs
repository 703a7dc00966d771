//! Finds values that are secret because of the name beside them.

use std::ops::Range;

use super::assignment::{Assignment, assigned, assigned_by, assigned_to, may_be_named};
use super::byte_class::{COLON, DIGIT, SIGN, WIDE};
use super::context;
use super::name_before::skip_back;
use super::prefix::KEY_MAX;
use super::sentence::{is_said_behind, said_before};
use crate::redact::key_rules::KeyKind;

/// The sign of a sentence that assigns by `is` or the like, or by a name alone.
const SAID: u8 = b' ';

/// The fewest and the most bytes of a code that is named only after it. The most are eight digits in groups of one.
const CODE_MIN: usize = 4;
const CODE_MAX: usize = 15;

/// The part of a token that is a secret because of the name beside it: `password=…`, `api_key: …`, `your code is …`.
/// The name may be in another token.
pub(super) fn find(text: &str, token: Range<usize>, any: u8) -> Option<Range<usize>> {
    if any & (SIGN | COLON | WIDE) != 0
        && let Some(at) = in_token(text, &token)
    {
        return Some(at);
    }
    let is_named = may_be_named(text, token.start);
    let has_digit = any & DIGIT != 0;
    if !is_named && !has_digit {
        return None;
    }
    let at = token.start..value_end(text.as_bytes(), &token);
    // A code in groups is a single value.
    let code = if has_digit { with_groups(text, at.clone()) } else { at.clone() };
    if is_named && let Some(by) = assigned(text, token.start) {
        let at = if by.kind == KeyKind::Code { code } else { at };
        return is_value(by, &text[at.clone()]).then_some(at);
    }
    if !has_digit {
        return None;
    }
    if is_named && let Some(by) = said_before(text, token.start) {
        let is_secret =
            is_value(by, &text[code.clone()]) && !context::is_price(text, code.start, code.end);
        return is_secret.then_some(code);
    }
    let may_be_code = (CODE_MIN..=CODE_MAX).contains(&code.len());
    let is_told = may_be_code && is_said_behind(text, &code) && is_code(&text[code.clone()]);
    is_told.then_some(code)
}

/// Where the value ends, without the punctuation after it.
fn value_end(bytes: &[u8], token: &Range<usize>) -> usize {
    let is_sign = |byte: u8| matches!(byte, b',' | b';' | b'.' | b'!' | b'?' | b':');
    skip_back(bytes, token.end, token.len(), is_sign)
}

/// Whether a sentence says that three digits are a code.
pub(super) fn is_short_code(text: &str, start: usize) -> bool {
    may_be_named(text, start)
        && assigned(text, start)
            .or_else(|| said_before(text, start))
            .is_some_and(|by| by.kind == KeyKind::Code)
        && !context::is_price(text, start, start + 3)
}

fn in_token(text: &str, token: &Range<usize>) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    if let Some(start) = password_of_user(text, token) {
        let by = Assignment { kind: KeyKind::Password, joint: b'=' };
        if is_value(by, &text[start..text.floor_char_boundary(token.end.min(start + KEY_MAX))]) {
            return Some(start..token.end);
        }
    }
    for at in token.clone().filter(|at| matches!(bytes[*at], b'=' | b':' | b'%')) {
        let Some(sign) = sign_len(&bytes[at..token.end]) else { continue };
        let behind = &bytes[at + sign..token.end];
        let signs = behind.iter().take_while(|byte| matches!(byte, b'=' | b':')).count();
        let start = at + sign + signs + quote_len(&behind[signs..]);
        let rest = &bytes[start..token.end];
        // If the token ends with the sign, its value is the next token. Digits before a sign are not a name: `18:00`.
        let is_name = |byte: &u8| !byte.is_ascii_digit() && !matches!(byte, b'=' | b':');
        if rest.is_empty() || !bytes[token.start..at].iter().any(is_name) && at > token.start {
            continue;
        }
        let name = if sign == 1 { assigned_by(text, at + 1) } else { assigned_to(text, at) };
        let Some(kind) = name else { continue };
        let ends =
            |nth: &usize| matches!(rest[*nth], b'&' | b';' | b',') || quote_len(&rest[*nth..]) > 0;
        let len = (0..rest.len().min(KEY_MAX)).find(ends).unwrap_or(rest.len());
        let value = text[start..start + len].trim_end_matches(['.', '!', '?']);
        // The first part of a very long value is enough to decide.
        let part = &value[..value.floor_char_boundary(KEY_MAX)];
        let joint = if bytes[at] == b':' { b':' } else { b'=' };
        if is_value(Assignment { kind, joint }, part) {
            let at = start..start + value.len();
            return Some(if kind == KeyKind::Code { with_groups(text, at) } else { at });
        }
    }
    None
}

/// Length of the sign that assigns a value. It may be percent-encoded.
fn sign_len(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [b'=' | b':', ..] => Some(1),
        [b'%', b'3', b'D' | b'd' | b'A' | b'a', ..] => Some(3),
        _ => None,
    }
}

/// Length of a quote or an ampersand as URLs and HTML write it inside a token.
fn quote_len(bytes: &[u8]) -> usize {
    match bytes {
        [b'%', b'2', b'2' | b'6' | b'7', ..] => 3,
        [b'&', b'#', b'3', b'4' | b'9', b';', ..] => 5,
        _ if bytes.starts_with(b"&quot;") => 6,
        _ => 0,
    }
}

/// Where the password begins in `curl -u user:password`.
fn password_of_user(text: &str, token: &Range<usize>) -> Option<usize> {
    let bytes = text.as_bytes();
    let is_between = |byte: u8| matches!(byte, b'"' | b'\'' | b' ' | b'=');
    let end = skip_back(bytes, token.start, 4, is_between);
    let before = &bytes[..end];
    let is_flag = end < token.start && (before.ends_with(b" -u") || before.ends_with(b" --user"));
    let colon = bytes[token.clone()].iter().take(KEY_MAX).position(|byte| *byte == b':');
    colon.filter(|_| is_flag).map(|colon| token.start + colon + 1)
}

/// `482 913`, `48 29 13`, `4 8 2 9`: codes are shown in groups of one length.
fn with_groups(text: &str, at: Range<usize>) -> Range<usize> {
    const DIGITS_MAX: usize = 8;
    let bytes = text.as_bytes();
    let len = at.len();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let is_joined = bytes.get(at.end) == Some(&b' ') && is_digit(at.end + 1);
    if !is_joined || !(1..=4).contains(&len) || !at.clone().all(is_digit) {
        return at;
    }
    let mut end = at.end;
    while end - at.start <= 2 * DIGITS_MAX
        && let Some((b' ', group)) = bytes.get(end..=end + len).and_then(<[u8]>::split_first)
        && group.iter().all(u8::is_ascii_digit)
    {
        end += 1 + len;
    }
    let groups = (end - at.start + 1) / (len + 1);
    let goes_on = match &bytes[end..] {
        [b' ' | b'-' | b'.' | b',' | b':' | b'/', byte, ..] => byte.is_ascii_digit(),
        [byte, ..] => byte.is_ascii_alphanumeric(),
        [] => false,
    };
    if goes_on || !(4..=DIGITS_MAX).contains(&(groups * len)) { at } else { at.start..end }
}

/// Digits, also in groups or after a letter as in `G-482913`.
fn is_code(value: &str) -> bool {
    if value.len() > CODE_MAX {
        return false;
    }
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let digits_alone =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b' '));
    let code =
        value.split_once('-').filter(|(first, _)| first.len() == 1).map_or(value, |(_, code)| code);
    (4..=10).contains(&digits) && digits_alone(code)
}

/// Whether a text beside the name of a secret is the secret, and not a remark about it.
fn is_value(by: Assignment, value: &str) -> bool {
    let Assignment { kind, joint } = by;
    let has = |is: fn(&u8) -> bool| value.as_bytes().iter().any(is);
    if value.starts_with(['*', '$']) || value.contains("***") || value.starts_with("//") {
        return false;
    }
    let has_digit = has(u8::is_ascii_digit);
    if has_digit && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return match kind {
            KeyKind::Code => (3..=10).contains(&value.len()),
            KeyKind::Password => value.len() >= 4,
            _ => false,
        };
    }
    if kind == KeyKind::Code && is_code(value) {
        return true;
    }
    let has_letter = has(u8::is_ascii_alphabetic);
    let is_assigned = joint == b'=';
    let is_random = has_digit && has_letter && value.len() >= if is_assigned { 6 } else { 8 };
    let is_mixed = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && value.len() >= 16;
    // After a colon, a word of a language is a remark.
    let is_password = (is_assigned || has_digit) && value.len() >= 4 && kind == KeyKind::Password;
    match (kind, joint) {
        (KeyKind::Code, SAID) => false,
        (KeyKind::Secret, SAID) => is_random && value.len() >= 12,
        _ => is_random || is_mixed || is_password,
    }
}
