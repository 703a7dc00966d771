//! Recognises secrets by the name before their value.

use super::name_before::{LINKS, is_of_word, last_word, name_before_sign, name_of, operator_start};
use super::own_code::is_ones_own_code;
use crate::redact::key_rules::{KeyKind, ends_secret_name, may_end_name, secret_kind};

/// The most digits at the end of a name.
const DIGITS_MAX: usize = 4;

/// The kind of secret that a name announces, and the sign that assigns the value. It is a space if the value only
/// follows the name.
#[derive(Clone, Copy)]
pub(super) struct Assignment {
    pub(super) kind: KeyKind,
    pub(super) joint: u8,
}

/// Whether a name or a sentence may stand before a value at `at`. Most values follow a word and a space, and then the
/// word's last letters decide.
pub(super) fn may_be_named(text: &str, at: usize) -> bool {
    match &text.as_bytes()[..at] {
        [before @ .., b' '] if before.last().is_some_and(u8::is_ascii_alphabetic) => {
            may_end_name(before) && {
                let word = last_word(text, at - 1);
                let start = at - 1 - word.len();
                let is_flag = start > 0 && matches!(text.as_bytes()[start - 1], b'-' | b'_');
                is_flag || ends_secret_name(word) || LINKS.has(word)
            }
        }
        // Digits alone are not a name.
        [rest @ .., last, b' '] if last.is_ascii_digit() => {
            let before = rest.iter().rev().take(DIGITS_MAX).find(|byte| !byte.is_ascii_digit());
            before.is_some_and(|byte| !matches!(byte, b' ' | b'\n'))
        }
        _ => true,
    }
}

/// The kind of secret that the name before `at` announces.
#[inline]
pub(super) fn assigned(text: &str, at: usize) -> Option<Assignment> {
    if let [before @ .., b' '] = &text.as_bytes()[..at]
        && before.last().is_some_and(|byte| is_of_word(*byte))
        && !may_end_name(before)
    {
        return None;
    }
    let named = name_of(text, at)?;
    let kind = kind_of_phrase(named.phrase)?;
    Some(Assignment { kind, joint: named.joint })
}

/// The kind of secret to which the sign that ends at `end`, inside a token, assigns a value.
pub(super) fn assigned_by(text: &str, end: usize) -> Option<KeyKind> {
    assigned_to(text, operator_start(text.as_bytes(), end))
}

/// The kind of secret that the name before the sign at `at` announces.
pub(super) fn assigned_to(text: &str, at: usize) -> Option<KeyKind> {
    kind_of_phrase(name_before_sign(text, at)?)
}

fn kind_of_phrase(phrase: &str) -> Option<KeyKind> {
    secret_kind(phrase).or_else(|| is_ones_own_code(phrase).then_some(KeyKind::Code))
}
