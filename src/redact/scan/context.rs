//! Looks at the text before and after a candidate. Every search is bounded.

use super::name_before;
use super::words::Words;
use crate::redact::key_rules::{KeyKind, kind_of};

/// Currencies of the region, and those in which it is paid from abroad.
static CURRENCIES: Words<14> = Words::new([
    "bif", "cdf", "eur", "fcfa", "franc", "francs", "frs", "frw", "frws", "kes", "rwf", "tzs",
    "ugx", "usd",
]);

/// Texts right before a number in a link or in an idempotency key.
const LINKS: [&str; 14] = [
    "tel:",
    "wa.me/",
    "wa.me/+",
    "phone=",
    "phone=+",
    "callto:",
    "sms:",
    "smsto:",
    "whatsapp:",
    "msisdn=",
    "phone:",
    ":to:",
    ":from:",
    ":phone:",
];

/// Whether an authentication scheme's name stands before `at`.
pub(super) fn is_after_scheme(text: &str, at: usize, scheme: &str) -> bool {
    let before = &text.as_bytes()[..at];
    let is_between = |byte: &&u8| matches!(byte, b' ' | b':' | b'"' | b'\'' | b'\t');
    let gap = before.iter().rev().take(4).take_while(is_between).count();
    let end = at - gap;
    let last = before[..end].last().map(u8::to_ascii_lowercase);
    if gap == 0 || last != scheme.bytes().last() {
        return false;
    }
    let word = end.checked_sub(scheme.len()).map(|start| &before[start..end]);
    let begins = |start: usize| start == 0 || !before[start - 1].is_ascii_alphanumeric();
    word.is_some_and(|word| word.eq_ignore_ascii_case(scheme.as_bytes()))
        && begins(end - scheme.len())
}

/// Whether a link to a phone contains what stands at `at`.
pub(super) fn is_linked(text: &str, at: usize) -> bool {
    let before = &text.as_bytes()[..at];
    LINKS.iter().any(|link| {
        let start = before.len().checked_sub(link.len()).map(|start| &before[start..]);
        start.is_some_and(|start| start.eq_ignore_ascii_case(link.as_bytes()))
    })
}

/// What the name of a value at `at` says, if it names a phone number.
pub(super) fn phone_name(text: &str, at: usize) -> Option<KeyKind> {
    name_before::name_of(text, at).and_then(|named| kind_of_phone(named.name()))
}

/// The name of a product such as `iphone` or `headphone` does not name a phone number.
fn kind_of_phone(name: &str) -> Option<KeyKind> {
    const THINGS: [&[u8]; 5] = [b"iphone", b"smartphone", b"headphone", b"earphone", b"microphone"];
    let is_thing = |thing: &&[u8]| {
        name.as_bytes().windows(thing.len()).any(|part| part.eq_ignore_ascii_case(thing))
    };
    let kind = kind_of(name).filter(|kind| matches!(kind, KeyKind::Digits | KeyKind::Phone))?;
    (!THINGS.iter().any(is_thing)).then_some(kind)
}

/// Whether a currency stands before or after an amount.
pub(super) fn is_price(text: &str, start: usize, end: usize) -> bool {
    let behind = text[end..].trim_start_matches([' ', '\u{a0}', '\u{202f}']);
    let len = behind.bytes().take(12).take_while(u8::is_ascii_alphabetic).count();
    let before = text[..start].trim_end_matches([' ', '\u{a0}']);
    behind.len() + 8 > text.len() - end
        && (CURRENCIES.has(&behind[..len]) || behind.starts_with(['$', '€']) || is_percent(behind))
        || before.ends_with(['$', '€'])
        || CURRENCIES.has(word_before(text, start, b" :"))
}

/// Whether a text begins with a percent sign that encodes no character.
fn is_percent(text: &str) -> bool {
    let is_code = |bytes: &[u8]| bytes.len() == 2 && bytes.iter().all(u8::is_ascii_hexdigit);
    text.starts_with('%') && !text.as_bytes().get(1..3).is_some_and(is_code)
}

/// Whether the code of a merchant for mobile money stands at `at`: `momo code 123456`,
/// `momo: 123456`, `merchant code: 123456`.
pub(super) fn is_momo_code(text: &str, at: usize, end: usize) -> bool {
    let before = &text.as_bytes()[at.saturating_sub(28)..at];
    if before.ends_with(b"*182*8*1*") {
        return true;
    }
    let is_link =
        |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b' ' | b':' | b'-' | b'=' | b'_');
    let words = before.iter().rev().take_while(|byte| is_link(byte)).count();
    let words = &before[before.len() - words..];
    let has =
        |word: &[u8]| words.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word));
    let is_assigned = words.trim_ascii_end().ends_with(b":") || words.ends_with(b"=");
    if has(b"momo") {
        return has(b"code")
            || has(b"kode")
            || has(b"momopay")
            || is_assigned && !is_price(text, at, end);
    }
    (has(b"mtn") || has(b"merchant")) && (has(b"code") || has(b"kode"))
}

/// Whether a unit follows the digits: `788123456 bytes`.
pub(super) fn is_counted(text: &str, end: usize) -> bool {
    static UNITS: Words<27> = Words::new([
        "bits",
        "byte",
        "bytes",
        "events",
        "followers",
        "gb",
        "hits",
        "items",
        "kb",
        "kib",
        "lines",
        "mb",
        "messages",
        "mib",
        "ms",
        "ns",
        "octets",
        "pcs",
        "pieces",
        "points",
        "records",
        "requests",
        "rows",
        "tokens",
        "us",
        "users",
        "views",
    ]);
    let behind = text[end..].trim_start_matches([' ', '\u{a0}']);
    let len = behind.bytes().take(12).take_while(u8::is_ascii_alphabetic).count();
    UNITS.has(&behind[..len])
}

/// The word before `at`, skipping these signs between.
pub(super) fn word_before<'a>(text: &'a str, at: usize, between: &[u8]) -> &'a str {
    let bytes = text.as_bytes();
    let end = name_before::skip_back(bytes, at, 4, |byte| between.contains(&byte));
    let is_of_word = |byte: u8| byte.is_ascii_alphabetic() || !byte.is_ascii();
    text.get(name_before::skip_back(bytes, end, 24, is_of_word)..end).unwrap_or_default()
}
