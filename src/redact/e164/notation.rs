//! How people and programs write a number.

use super::error::PhoneError;
use crate::redact::digit::{digit, is_between, percent_encoded};

/// The most digits of an extension.
const MAX_EXTENSION: usize = 11;

/// A number as its text gives it.
pub(super) struct WrittenNumber {
    /// Its digits, in ASCII.
    pub(super) digits: String,
    /// True if the text itself says that they begin with a calling code.
    pub(super) is_international: bool,
    /// The digits of its extension.
    pub(super) extension: Option<String>,
}

/// Reads a number in any written form: with separators, in digits of any script, as a `tel:` URI, as a link or
/// address of WhatsApp, with an extension.
pub(super) fn read(text: &str) -> Result<WrittenNumber, PhoneError> {
    let (text, is_link) = without_address(text);
    let (number, extension) = text.split_at(end_of_number(text));
    let (digits, has_plus) = digits(number)?;
    let extension =
        Some(extension).filter(|text| !text.is_empty()).map(extension_of).transpose()?;
    Ok(WrittenNumber { digits, is_international: has_plus || is_link, extension })
}

/// The number inside `tel:`, `whatsapp:`, `https://wa.me/…`, `…@s.whatsapp.net`; and true if such an address holds
/// only whole numbers.
fn without_address(text: &str) -> (&str, bool) {
    const SCHEMES: [&str; 10] = [
        "tel:",
        "sms:",
        "smsto:",
        "callto:",
        "phone:",
        "whatsapp:",
        "https:",
        "http:",
        "//",
        "www.",
    ];
    const LINKS: [&str; 8] = [
        "wa.me/",
        "wa.me/+",
        "api.whatsapp.com/send?phone=",
        "api.whatsapp.com/send/?phone=",
        "web.whatsapp.com/send?phone=",
        "web.whatsapp.com/send/?phone=",
        "send?phone=",
        "send/?phone=",
    ];
    let mut rest = text.trim_matches(|char: char| is_between(char));
    while let Some(inner) = SCHEMES.iter().find_map(|scheme| strip(rest, scheme)) {
        rest = inner.trim_start();
    }
    if let Some(inner) = LINKS.iter().find_map(|link| strip(rest, link)) {
        return (inner.split(['?', '&', '/']).next().unwrap_or(inner), true);
    }
    let address = rest.split_once('@').filter(|(_, host)| {
        ["s.whatsapp.net", "c.us", "whatsapp.net"]
            .iter()
            .any(|known| host.eq_ignore_ascii_case(known))
    });
    // An address may name one of the account's devices: 250788123456:12@…
    let account = address.map(|(user, _)| user.split([':', '_']).next().unwrap_or(user));
    account.map_or((rest, false), |account| (account, true))
}

fn strip<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let start = text.get(..prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

/// Where the extension begins: at the first letter, comma, semicolon or hash after a digit.
fn end_of_number(text: &str) -> usize {
    let mut has_digit = false;
    let begins = |(_, char): &(usize, char)| {
        has_digit |= digit(*char).is_some();
        has_digit && (char.is_ascii_alphabetic() || matches!(char, ',' | ';' | '#'))
    };
    // The letter in `%2B` begins no extension.
    let mut chars = text.char_indices().filter(|(at, _)| !is_escaped(text, *at));
    chars.find(begins).map_or(text.len(), |(at, _)| at)
}

/// True inside a percent escape, after the percent sign.
fn is_escaped(text: &str, at: usize) -> bool {
    (1..=2).any(|back| at >= back && percent_encoded(text, at - back).is_some())
}

/// The digits before the extension, and true if a plus stands before them.
fn digits(text: &str) -> Result<(String, bool), PhoneError> {
    let (mut digits, mut has_plus) = (String::new(), false);
    let mut at = 0;
    while let Some(char) = text[at..].chars().next() {
        let is_escape = percent_encoded(text, at).is_some();
        let is_plus = matches!(char, '+' | '\u{ff0b}')
            || is_escape
                && text[at..].get(..3).is_some_and(|code| code.eq_ignore_ascii_case("%2b"));
        if is_plus && digits.is_empty() && !has_plus {
            has_plus = true;
        } else if let Some(value) = digit(char) {
            digits.push(char::from(b'0' + value));
        } else if is_plus || !is_escape && !is_between(char) {
            return Err(if digits.is_empty() && !text.chars().any(|char| digit(char).is_some()) {
                PhoneError::NoDigit
            } else {
                PhoneError::NotANumber
            });
        }
        at += if is_escape { 3 } else { char.len_utf8() };
    }
    Ok((digits, has_plus))
}

fn extension_of(text: &str) -> Result<String, PhoneError> {
    const WORDS: [&str; 12] =
        [";ext=", "extension", "extn", "ext", "poste", "x", "#", ",", ";", ".", ":", "="];
    let mut rest = text.trim();
    while let Some(inner) = WORDS.iter().find_map(|word| strip(rest, word)) {
        rest = inner.trim_start();
    }
    let digits: Option<String> =
        rest.chars().map(|char| digit(char).map(|value| char::from(b'0' + value))).collect();
    digits
        .filter(|digits| (1..=MAX_EXTENSION).contains(&digits.len()))
        .ok_or(PhoneError::NotANumber)
}
