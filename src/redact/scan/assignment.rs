//! Secrets that a name before a value tells.

use super::name_before::{LINKS, is_of_word, last_word, name_before_sign, name_of, operator_start};
use super::own_code::is_ones_own_code;
use crate::redact::key_rules::{KeyKind, ends_secret_name, may_end_name, secret_kind};

/// Most digits at the end of a name.
const DIGITS_MAX: usize = 4;

/// The kind of secret that a name says a value is, and the sign that assigns it: a space if people only write it next to
/// the name.
#[derive(Clone, Copy)]
pub(super) struct Assignment {
    pub(super) kind: KeyKind,
    pub(super) joint: u8,
}

/// Whether a name or a sentence may stand before a value at `at`. Behind a word and a space, as most values stand, the
/// word's last letters say so.
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
        // Of digits alone nothing is the name.
        [rest @ .., last, b' '] if last.is_ascii_digit() => {
            let before = rest.iter().rev().take(DIGITS_MAX).find(|byte| !byte.is_ascii_digit());
            before.is_some_and(|byte| !matches!(byte, b' ' | b'\n'))
        }
        _ => true,
    }
}

/// What secret a value at `at` is by the name before it.
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

/// What secret the sign that ends at `end`, inside of a token, assigns to.
pub(super) fn assigned_by(text: &str, end: usize) -> Option<KeyKind> {
    assigned_to(text, operator_start(text.as_bytes(), end))
}

/// What secret the name before the sign at `at` tells.
pub(super) fn assigned_to(text: &str, at: usize) -> Option<KeyKind> {
    kind_of_phrase(name_before_sign(text, at)?)
}

fn kind_of_phrase(phrase: &str) -> Option<KeyKind> {
    secret_kind(phrase).or_else(|| is_ones_own_code(phrase).then_some(KeyKind::Code))
}
