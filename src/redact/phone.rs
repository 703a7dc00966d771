//! Phone numbers, with their digits.

use std::fmt;
use std::ops::Range;

use super::digit::digits_of;
use super::key_rules::KeyKind;
use super::kind::Kind;
use super::scan::{ScanScope, scan};

/// A phone number in a text.
#[derive(Clone, PartialEq, Eq)]
pub struct FoundPhone {
    /// Where it stands, in bytes.
    pub at: Range<usize>,
    /// Its digits, in ASCII, without `+` or `00`.
    pub digits: String,
}

impl fmt::Debug for FoundPhone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FoundPhone").field("at", &self.at).finish_non_exhaustive()
    }
}

/// Finds every phone number, left to right.
///
/// Digits may be of any script, and be separated by spaces of any kind, dashes, dots, slashes, brackets or invisible
/// characters. Digits inside a UUID, a hash, a secret or an e-mail address are not a phone number.
#[must_use]
pub fn find_phones(text: &str) -> Vec<FoundPhone> {
    let found = scan(text, ScanScope::Full).into_iter().filter(|found| found.kind == Kind::Phone);
    found
        .map(|found| FoundPhone { digits: digits_of(&text[found.at.clone()]), at: found.at })
        .collect()
}

/// The number below a key that names one, if the text has no known form.
pub(super) fn digits_below_key(text: &str) -> Option<String> {
    let digits = digits_of(text);
    let is_plain = text.len() <= 32 && !text.chars().any(char::is_alphabetic);
    let is_number = match digits.len() {
        // Numbers of small islands have this length, and so have prices of phones.
        5 | 6 => !digits.ends_with("00") && !text.contains(','),
        7..=15 => true,
        _ => false,
    };
    (is_plain && is_number).then_some(digits)
}

/// The digits below a name of this kind, if they identify a person: a phone number, or the id that WhatsApp gives a
/// business instead of one (`RW.13491208655302741918`).
pub(super) fn digits_below(kind: KeyKind, text: &str) -> Option<String> {
    match kind {
        KeyKind::Phone => digits_below_key(text).or_else(|| scoped_id(text)),
        KeyKind::Digits => {
            let digits = text.strip_prefix('+').unwrap_or(text);
            let is_bare = (8..=15).contains(&digits.len()) && is_digits(digits);
            let bare = (is_bare && !is_time(digits)).then(|| digits.to_owned());
            bare.or_else(|| scoped_id(text))
        }
        _ => None,
    }
}

/// WhatsApp's business-scoped user id, with or without its country.
fn scoped_id(text: &str) -> Option<String> {
    let (country, digits) = text.split_once('.').unwrap_or(("", text));
    let is_country =
        matches!(country.len(), 0 | 2) && country.bytes().all(|byte| byte.is_ascii_uppercase());
    let is_id = is_country && (10..=26).contains(&digits.len()) && is_digits(digits);
    (is_id && (country.len() == 2 || digits.len() >= 16)).then(|| digits.to_owned())
}

/// `20261124`, or seconds or milliseconds since 1970: `from` and `to` may hold times too.
fn is_time(digits: &str) -> bool {
    match digits.len() {
        8 => {
            let is_within = |at: usize, max: u8| {
                digits[at..at + 2].parse::<u8>().is_ok_and(|value| (1..=max).contains(&value))
            };
            matches!(&digits[..2], "19" | "20") && is_within(4, 12) && is_within(6, 31)
        }
        10 | 13 => matches!(&digits[..2], "15" | "16" | "17" | "18" | "19"),
        _ => false,
    }
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}
