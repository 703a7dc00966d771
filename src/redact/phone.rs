//! Phone numbers, with their digits.

use std::fmt;
use std::ops::Range;

use super::scan::{Kind, Scope, digits_of, scan, subscriber};

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

impl FoundPhone {
    /// The subscriber part, by which two ways of writing a number are the same number.
    #[must_use]
    pub fn subscriber(&self) -> &str {
        subscriber(&self.digits)
    }
}

/// Finds every phone number, left to right.
///
/// Digits may be of any script, and be set apart by spaces of any kind, dashes, dots, slashes, brackets
/// or invisible characters. What is inside a UUID, a hash, a secret or an e-mail address is no phone.
#[must_use]
pub fn find_phones(text: &str) -> Vec<FoundPhone> {
    let found = scan(text, Scope::Full).into_iter().filter(|found| found.kind == Kind::Phone);
    found
        .map(|found| FoundPhone { digits: digits_of(&text[found.at.clone()]), at: found.at })
        .collect()
}

/// The number below a key that names one, where the text has no form that is known.
pub(super) fn digits_below_key(text: &str) -> Option<String> {
    let digits = digits_of(text);
    let is_plain = text.len() <= 32 && !text.chars().any(char::is_alphabetic);
    (is_plain && (7..=15).contains(&digits.len())).then_some(digits)
}
