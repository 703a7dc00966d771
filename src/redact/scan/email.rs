//! E-mail addresses, also internationalised (RFC 6531) and percent-encoded.

use std::ops::Range;

use super::class::{AT, DIGIT, MARK, WIDE};
use super::{Found, Kind};

/// Longest address (RFC 5321).
const MAX_LEN: usize = 254;

/// What stands behind the dot of `photo@2x.png`.
const FILES: [&str; 10] = ["css", "gif", "html", "jpeg", "jpg", "js", "pdf", "png", "svg", "webp"];

/// Finds the addresses in a token.
pub(super) fn find(text: &str, token: Range<usize>, any: u8, found: &mut Vec<Found>) {
    // Encoded, an at sign is a mark and digits.
    if any & (AT | WIDE) == 0 && any & (MARK | DIGIT) != MARK | DIGIT {
        return;
    }
    let mut from = token.start;
    let mut at = token.start;
    while at < token.end {
        let Some(len) = at_sign(&text.as_bytes()[at..token.end]) else {
            at += 1;
            continue;
        };
        let local = &text[from..at];
        let local = local.chars().rev().take_while(|c| is_local(*c)).map(char::len_utf8).sum();
        let domain = domain(&text[at + len..token.end]);
        if let Some(domain) = domain.filter(|_| {
            (1..MAX_LEN).contains(&local) && text[at - local..at].contains(|c| !is_unseen(c))
        }) {
            let end = at + len + domain;
            found.push(Found { at: at - local..end, kind: Kind::Email });
        }
        at += len;
        from = at;
    }
}

/// Length of the at sign that begins here.
fn at_sign(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [b'@', ..] => Some(1),
        [b'&', b'#', b'6', b'4', b';', ..] => Some(5),
        [b'%', b'4', b'0', ..] | [0xef, 0xbc, 0xa0, ..] | [0xef, 0xb9, 0xab, ..] => Some(3),
        _ => None,
    }
}

fn is_local(c: char) -> bool {
    c.is_alphanumeric() || "._%+-".contains(c) || is_unseen(c)
}

/// What has no width, and hides where an address is from who looks for one.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// A full stop, of Chinese and of full width too.
fn is_dot(c: char) -> bool {
    matches!(c, '.' | '\u{3002}' | '\u{ff0e}' | '\u{ff61}')
}

/// Length of the domain that begins here, where it is one: with a dot, and a top-level domain.
fn domain(rest: &str) -> Option<usize> {
    let is_domain = |c: &char| c.is_alphanumeric() || *c == '-' || is_dot(*c) || is_unseen(*c);
    let len = rest.chars().take(MAX_LEN).take_while(is_domain).map(char::len_utf8).sum();
    let domain = rest[..len].trim_end_matches(|c| c == '-' || is_dot(c) || is_unseen(c));
    let dot = domain.rfind(is_dot)?;
    let top = domain[dot..].trim_start_matches(|c| is_dot(c) || is_unseen(c));
    let name = domain[..dot].trim_matches(is_unseen);
    let is_top = top.chars().count() >= 2
        && top.chars().next().is_some_and(char::is_alphabetic)
        && !FILES.iter().any(|file| top.eq_ignore_ascii_case(file));
    (is_top && !name.is_empty()).then_some(domain.len())
}
