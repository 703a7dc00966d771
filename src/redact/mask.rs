//! What stands in the place of personal data.

use std::cmp::Reverse;
use std::ops::Range;

use super::phone::{FoundPhone, find_phones};

/// Masks a phone number: `***` and its last three digits.
fn mask_phone(phone: &FoundPhone) -> String {
    let digits = &phone.digits;
    format!("***{}", &digits[digits.len().saturating_sub(3)..])
}

/// Masks an e-mail address: its first letter and a top-level domain that is one, `j***@***.com`.
fn mask_email(email: &str) -> String {
    let first = email.chars().next().map_or(String::new(), String::from);
    let is_domain = |last: &&str| last.len() <= 10 && last.chars().all(char::is_alphabetic);
    let top_level = email.rsplit('.').next().filter(is_domain).unwrap_or("***");
    format!("{first}***@***.{top_level}")
}

/// A part of a text, and what stands in its place.
pub(super) type Mask = (Range<usize>, String);

/// Masks for every phone number that is not `shown`, and for every e-mail address.
pub(super) fn contacts(text: &str, shown: impl Fn(&FoundPhone) -> bool) -> Vec<Mask> {
    let phones = find_phones(text).into_iter().filter(|phone| !shown(phone));
    let mut masks: Vec<Mask> = phones.map(|phone| (phone.at.clone(), mask_phone(&phone))).collect();
    masks.extend(find_emails(text).map(|at| (at.clone(), mask_email(&text[at]))));
    masks
}

/// The text with its masks, or `None` where there are none. Of two that overlap, the one that begins
/// first wins, or the longer one, and takes the other's part with it.
pub(super) fn masked(text: &str, mut masks: Vec<Mask>) -> Option<String> {
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

fn find_emails(text: &str) -> impl Iterator<Item = Range<usize>> {
    let is_local = |c: char| c.is_alphanumeric() || "._%+-".contains(c);
    let is_domain = |c: char| c.is_alphanumeric() || ".-".contains(c);
    text.match_indices('@').filter_map(move |(at, _)| {
        let local = text[..at].chars().rev().take_while(|c| is_local(*c)).map(char::len_utf8);
        let start = at - local.sum::<usize>();
        let domain = text[at + 1..].chars().take_while(|c| is_domain(*c)).map(char::len_utf8);
        let domain = text[at + 1..at + 1 + domain.sum::<usize>()].trim_end_matches(['.', '-']);
        let end = at + 1 + domain.len();
        (start < at && domain.contains('.')).then_some(start..end)
    })
}
