//! Replaces personal data by masks.
//!
//! A text is masked until nothing more is found, so that masking twice changes nothing, even in a hostile text. Only
//! texts with a finding pay for a second pass. A verifier searches masked texts with the same scanner, so a change to
//! what the scanner finds must raise the version of the rules.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::ops::Range;

use super::digit::digits_of;
use super::kind::Kind;
use super::rule::HIDDEN;
use super::scan::{Found, ScanScope, scan};

/// The most passes over one text. The second finds something only in hostile texts.
const MAX_PASSES: usize = 8;

/// Finds personal data and secrets of every kind in a text, left to right, without overlap.
///
/// One pass, which allocates nothing if it finds nothing.
#[must_use]
pub fn find(text: &str) -> Vec<Found> {
    scan(text, ScanScope::Full)
}

/// As [`find`], in the value below a name. If the value is digits alone, a name such as `order_id` or `media_id` says
/// that they number a thing.
pub(super) fn find_below(name: &str, text: &str) -> Vec<Found> {
    let found = find(text);
    let is_number = || text.len() <= 19 && text.bytes().all(|byte| byte.is_ascii_digit());
    if found.is_empty() || name.is_empty() || !is_number() {
        return found;
    }
    if find(&format!("{name}: {text}")).is_empty() { Vec::new() } else { found }
}

/// The text with a mask for everything that [`find`] finds: `***456` for a phone number,
/// `j***@***.com` for an e-mail address, `[card ***242]`, and only the kind for values of which no
/// part is useful.
///
/// Masking twice changes nothing.
///
/// ```
/// use moltbot_audit::redact::mask;
/// assert_eq!(mask("call 0788 123 456 or john@mail.com"), "call ***456 or j***@***.com");
/// let nobodys = "order 7f0c9f6e-3a5c-4b2e-8f60-0f4a1f0f2b11, 15,000 RWF on 24/11/2026";
/// assert_eq!(mask(nobodys), nobodys);
/// ```
#[must_use]
pub fn mask(text: &str) -> Cow<'_, str> {
    let mut masked = Cow::Borrowed(text);
    // A mask may uncover something beside it, so we search again. This nearly always finds nothing.
    for _ in 0..MAX_PASSES {
        let found = find(&masked);
        // Most texts return here.
        if found.is_empty() {
            break;
        }
        let Some(next) = with_masks(&masked, masks(&masked, found)) else { break };
        masked = Cow::Owned(next);
    }
    masked
}

/// The masked text, cut to at most `max_len` bytes. It is masked before it is cut, because a scan
/// does not recognise half a number.
///
/// Masking the result changes nothing.
#[must_use]
pub fn mask_and_truncate(text: &str, max_len: usize) -> Cow<'_, str> {
    let mut shown = mask(text);
    // The cut may make other digits look like a number that breaks off, and a mask may be longer than what it
    // replaces.
    for _ in 0..MAX_PASSES {
        if shown.len() <= max_len {
            return shown;
        }
        shown = cut(shown, max_len);
        if find(&shown).is_empty() {
            return shown;
        }
        shown = Cow::Owned(mask(&shown).into_owned());
    }
    shown = cut(shown, max_len);
    while let Some(first) = find(&shown).first() {
        shown = cut(shown, first.at.start);
    }
    shown
}

fn cut(text: Cow<'_, str>, max_len: usize) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[..text.floor_char_boundary(max_len)]),
        Cow::Owned(mut text) => {
            text.truncate(text.floor_char_boundary(max_len));
            Cow::Owned(text)
        }
    }
}

/// The mask of one finding.
pub(super) fn mask_of(text: &str, found: &Found) -> String {
    let written = &text[found.at.clone()];
    match found.kind {
        Kind::Card | Kind::Iban => {
            let digits = digits_of(written);
            format!("[{} ***{}]", found.kind.as_str(), &digits[digits.len().saturating_sub(3)..])
        }
        Kind::Email => mask_email(written),
        Kind::Phone => mask_phone(&digits_of(written)),
        kind => format!("[{}]", kind.as_str()),
    }
}

/// Masks a phone number: `***` and its last three digits.
pub(super) fn mask_phone(digits: &str) -> String {
    format!("***{}", &digits[digits.len().saturating_sub(3)..])
}

/// Masks an e-mail address: it keeps the first letter and a valid top-level domain, `j***@***.com`.
fn mask_email(email: &str) -> String {
    let first =
        email.chars().next().filter(|c| c.is_alphabetic()).map_or(String::new(), String::from);
    let is_domain = |last: &&str| last.len() <= 10 && last.chars().all(char::is_alphabetic);
    let top_level = email.rsplit('.').next().filter(is_domain).unwrap_or("***");
    format!("{first}***@***.{top_level}")
}

/// A part of a text, and its replacement.
pub(super) type Mask = (Range<usize>, String);

/// Applies these masks, and masks everything else that is found except phone numbers that `shown` accepts. `None` if
/// there is nothing to mask.
pub(super) fn mask_contacts(
    text: &str,
    names: Vec<Mask>,
    shown: impl Fn(&str) -> bool,
) -> Option<String> {
    let contacts = |text: &str| contacts(text, &shown);
    let mut masked = with_masks(text, names.into_iter().chain(contacts(text)).collect())?;
    for _ in 1..MAX_PASSES {
        match with_masks(&masked, contacts(&masked)) {
            Some(next) => masked = next,
            None => return Some(masked),
        }
    }
    // A verifier does not accept a masked text in which it still finds something.
    Some(HIDDEN.to_owned())
}

/// Masks for everything found except phone numbers that `shown` accepts.
fn contacts(text: &str, shown: impl Fn(&str) -> bool) -> Vec<Mask> {
    let is_shown = |found: &Found| found.kind == Kind::Phone && shown(&text[found.at.clone()]);
    let mut found = find(text);
    found.retain(|found| !is_shown(found));
    masks(text, found)
}

fn masks(text: &str, found: Vec<Found>) -> Vec<Mask> {
    found.into_iter().map(|found| (found.at.clone(), mask_of(text, &found))).collect()
}

/// The text with its masks, or `None` if there are none. If two overlap, the one that begins first
/// wins, or the longer one, and also covers the other's part.
pub(super) fn with_masks(text: &str, mut masks: Vec<Mask>) -> Option<String> {
    if masks.is_empty() {
        return None;
    }
    masks.sort_by_key(|(at, _)| (at.start, Reverse(at.end)));
    let mut masked = String::with_capacity(text.len());
    let mut from = 0;
    for (at, mask) in masks {
        if at.start >= from {
            masked.push_str(&text[from..at.start]);
            masked.push_str(&mask);
        }
        from = from.max(at.end);
    }
    masked.push_str(&text[from..]);
    Some(masked)
}
