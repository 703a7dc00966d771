//! What a mask looks like: the forms that a rule may leave in the place of a value.

use super::decide::pseudonym_prefix;
use super::health::looks_medical;
use super::rule::HIDDEN;
use super::scan::{Kind, Scope, scan};

/// What masks of contacts and secrets leave, beside numbers and addresses.
const CONTACTS: [&str; 6] =
    ["[media]", "[message_id]", "[momo_code]", "[national_id]", "[secret]", "[signed_url]"];

/// What masks of known names and terms leave.
const NAMES: [&str; 3] = ["[medical]", "[name]", "[vendor]"];

/// Whether contacts were masked in a text, vendors' numbers apart.
pub(super) fn is_masked_contacts(text: &str) -> bool {
    // An internal reader sees vendors' numbers beside masks of others.
    text == HIDDEN || is_masked(text, &[], |kind| kind == Kind::Phone)
}

/// Whether contacts and known names were masked in a text.
pub(super) fn is_masked_text(text: &str) -> bool {
    text == HIDDEN || is_masked(text, &NAMES, |_| false)
}

/// Whether what masks left of a text looks medical.
pub(super) fn looks_medical_masked(text: &str) -> bool {
    looks_medical(&text.replace("[medical]", "[name]"))
}

/// Whether a mask stands in a text, and nothing that a mask should stand for. By the rules of every
/// build, and not by those of this one.
fn is_masked(text: &str, names: &[&str], is_shown: impl Fn(Kind) -> bool) -> bool {
    (has_masked_digits_or_address(text)
        || CONTACTS.iter().chain(names).any(|mask| text.contains(mask)))
        && scan(text, Scope::Full).iter().all(|found| is_shown(found.kind))
}

/// `***456`, also in `[card ***242]`, or `j***@***.com`.
fn has_masked_digits_or_address(text: &str) -> bool {
    let is_masked = |run: &[u8]| run.starts_with(b"***") && run[3..].iter().all(u8::is_ascii_digit);
    text.contains("***@***.") || text.as_bytes().windows(6).any(is_masked)
}

/// Whether a text is a keyed hash as the field's ids have it: its kind, and twelve hex digits.
pub(super) fn is_pseudonym(key: &str, text: &str) -> bool {
    let hash = text.strip_prefix(pseudonym_prefix(key)).and_then(|rest| rest.strip_prefix('-'));
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    hash.is_some_and(|hash| hash.len() == 12 && hash.bytes().all(is_hex))
}

/// Whether a text is what is left of a phone number: `***` and three digits, or nothing.
pub(super) fn is_masked_phone(text: &str) -> bool {
    let shown = text.strip_prefix("***");
    let is_digits =
        |digits: &str| digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
    text == HIDDEN || shown.is_some_and(is_digits)
}
