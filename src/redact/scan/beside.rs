//! Values that are secret by the name they stand beside.

use std::ops::Range;

use super::assigned::{Assigned, assigned, assigned_by, is_said_behind, may_be_named, said};
use super::class::{COLON, DIGIT, SIGN};
use super::context;
use super::prefix::KEY_MAX;
use crate::redact::key_name::KeyKind;

/// How a sentence assigns, by `is` or the like, or by a name alone.
const SAID: u8 = b' ';

/// The part of a token that is a secret by the name beside it: `password=…`, `api_key: …`, also across tokens, and
/// `your code is …`.
pub(super) fn value(text: &str, token: Range<usize>, any: u8) -> Option<Range<usize>> {
    if any & (SIGN | COLON) != 0
        && let Some(at) = in_token(text, &token)
    {
        return Some(at);
    }
    let is_named = may_be_named(text, token.start);
    let is_told_behind = any & DIGIT != 0 && is_said_behind(text, token.end);
    if !is_named && !is_told_behind {
        return None;
    }
    let value = text[token.clone()].trim_end_matches([',', ';', '.', '!', '?']);
    let at = token.start..token.start + value.len();
    if is_named && let Some(by) = assigned(text, token.start) {
        return is_value(by, value).then_some(at);
    }
    if any & DIGIT == 0 {
        return None;
    }
    if is_named && let Some(by) = said(text, token.start) {
        let at = with_second_half(text, at);
        return (is_value(by, value) && !context::is_price(text, at.start, at.end)).then_some(at);
    }
    (is_told_behind && is_code(value)).then_some(at)
}

/// Whether three digits are a code, as a sentence says.
pub(super) fn is_short_code(text: &str, start: usize) -> bool {
    may_be_named(text, start)
        && assigned(text, start)
            .or_else(|| said(text, start))
            .is_some_and(|by| by.kind == KeyKind::Code)
        && !context::is_price(text, start, start + 3)
}

fn in_token(text: &str, token: &Range<usize>) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    if let Some(start) = password_of_user(text, token) {
        let by = Assigned { kind: KeyKind::Password, joint: b'=' };
        if is_value(by, &text[start..text.floor_char_boundary(token.end.min(start + KEY_MAX))]) {
            return Some(start..token.end);
        }
    }
    for at in token.clone().filter(|at| matches!(bytes[*at], b'=' | b':')) {
        let behind = &bytes[at + 1..token.end];
        let start = at + 1 + behind.iter().take_while(|byte| matches!(byte, b'=' | b':')).count();
        let rest = &bytes[start..token.end];
        // What ends with its sign has the value behind it, and behind digits it is no name: `18:00`.
        let is_name = |byte: &u8| !byte.is_ascii_digit() && !matches!(byte, b'=' | b':');
        if rest.is_empty() || !bytes[token.start..at].iter().any(is_name) && at > token.start {
            continue;
        }
        let Some(kind) = assigned_by(text, at) else { continue };
        let ends = |byte: &u8| matches!(byte, b'&' | b';' | b',');
        let len = rest.iter().take(KEY_MAX).position(ends).unwrap_or(rest.len());
        let value = text[start..start + len].trim_end_matches(['.', '!', '?']);
        // Of a value that goes on and on, the first part says whether it is one.
        let part = &value[..value.floor_char_boundary(KEY_MAX)];
        if is_value(Assigned { kind, joint: bytes[at] }, part) {
            return Some(start..start + value.len());
        }
    }
    None
}

/// Where the password begins in `curl -u user:password`.
fn password_of_user(text: &str, token: &Range<usize>) -> Option<usize> {
    let bytes = text.as_bytes();
    let between = bytes[..token.start].iter().rev().take(4);
    let gap = between.take_while(|byte| matches!(byte, b'"' | b'\'' | b' ' | b'=')).count();
    let before = &bytes[..token.start - gap];
    let is_flag = gap > 0 && (before.ends_with(b" -u") || before.ends_with(b" --user"));
    let colon = bytes[token.clone()].iter().take(KEY_MAX).position(|byte| *byte == b':');
    colon.filter(|_| is_flag).map(|colon| token.start + colon + 1)
}

/// `482 913`: people are shown codes in halves.
fn with_second_half(text: &str, at: Range<usize>) -> Range<usize> {
    let is_half = |text: &str| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    let rest = &text.as_bytes()[at.end..];
    let ends = !rest.get(4).is_some_and(u8::is_ascii_alphanumeric);
    let second = text.get(at.end + 1..at.end + 4).is_some_and(is_half);
    let is_split = is_half(&text[at.clone()]) && rest.first() == Some(&b' ') && second && ends;
    if is_split { at.start..at.end + 4 } else { at }
}

/// Digits, also in halves or behind a letter as `G-482913`.
fn is_code(value: &str) -> bool {
    if value.len() > 12 {
        return false;
    }
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let digits_alone = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let code =
        value.split_once('-').filter(|(first, _)| first.len() == 1).map_or(value, |(_, code)| code);
    (4..=10).contains(&digits) && digits_alone(code)
}

/// Whether a text beside a secret's name is one, and not a remark on it.
fn is_value(by: Assigned, value: &str) -> bool {
    let Assigned { kind, joint } = by;
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
    // Beside a colon, a word of a language is a remark.
    let is_password = (is_assigned || has_digit) && value.len() >= 4 && kind == KeyKind::Password;
    match (kind, joint) {
        (KeyKind::Code, SAID) => false,
        (KeyKind::Secret, SAID) => is_random && value.len() >= 12,
        _ => is_random || is_mixed || is_password,
    }
}
