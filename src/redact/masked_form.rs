//! The forms that a rule may leave in place of a value, and the form of a remark.

use super::digit::{digit, is_between};
use super::health::looks_medical;
use super::kind::Kind;
use super::rule::HIDDEN;
use super::scan::{ScanScope, scan};
use super::trade::speaks_of_trade;

/// The most digits in a row in a remark of the host's own code. A price fits, a phone number does not.
const NOTE_DIGITS_MAX: usize = 6;

/// The masks of contacts and secrets other than numbers and addresses.
const CONTACTS: [&str; 6] =
    ["[media]", "[message_id]", "[momo_code]", "[national_id]", "[secret]", "[signed_url]"];

/// The masks of known names and terms.
const NAMES: [&str; 3] = ["[medical]", "[name]", "[vendor]"];

/// The prefix of keyed hashes in a field. It is also hashed together with the id.
pub(super) fn pseudonym_prefix(key: &str) -> &str {
    key.trim_end_matches("_ids").trim_end_matches("_id")
}

/// Whether contacts were masked in a text, except vendors' numbers.
pub(super) fn is_masked_contacts(text: &str) -> bool {
    // An internal reader sees vendors' numbers beside the masks of others.
    text == HIDDEN || is_masked(text, &[], |kind| kind == Kind::Phone)
}

/// Whether contacts and known names were masked in a text.
pub(super) fn is_masked_text(text: &str) -> bool {
    text == HIDDEN || is_masked(text, &NAMES, |_| false)
}

/// Whether what masks left of a text may be about health: it looks medical, or does not speak of trade.
pub(super) fn may_be_medical_masked(text: &str) -> bool {
    let text = text.replace("[medical]", "[name]");
    looks_medical(&text) || !speaks_of_trade(&text)
}

/// Whether a text has a mask in it, and nothing that should be masked.
fn is_masked(text: &str, names: &[&str], is_shown: impl Fn(Kind) -> bool) -> bool {
    (has_masked_digits_or_address(text)
        || CONTACTS.iter().chain(names).any(|mask| text.contains(mask)))
        && scan(text, ScanScope::Full).iter().all(|found| is_shown(found.kind))
}

/// `***456`, also in `[card ***242]`, or `j***@***.com`.
fn has_masked_digits_or_address(text: &str) -> bool {
    let is_masked = |run: &[u8]| run.starts_with(b"***") && run[3..].iter().all(u8::is_ascii_digit);
    text.contains("***@***.") || text.as_bytes().windows(6).any(is_masked)
}

/// Whether a text is a keyed hash of this field's ids: the field's prefix, and twelve hex digits.
pub(super) fn is_pseudonym(key: &str, text: &str) -> bool {
    let hash = text.strip_prefix(pseudonym_prefix(key)).and_then(|rest| rest.strip_prefix('-'));
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    hash.is_some_and(|hash| hash.len() == 12 && hash.bytes().all(is_hex))
}

/// Whether a text is the mask of a phone number: `***` and three digits, or hidden whole.
pub(super) fn is_masked_phone(text: &str) -> bool {
    let shown = text.strip_prefix("***");
    let is_digits =
        |digits: &str| digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
    text == HIDDEN || shown.is_some_and(is_digits)
}

/// Whether a note is a remark of several words, rather than a code or a name, and holds no long number.
pub(super) fn is_remark(text: &str) -> bool {
    let mut digits = 0;
    for c in text.chars() {
        if digit(c).is_some() {
            digits += 1;
        } else if !is_between(c) && c != ',' {
            digits = 0;
        }
        if digits > NOTE_DIGITS_MAX {
            return false;
        }
    }
    text.is_empty() || text.trim().contains(char::is_whitespace)
}
