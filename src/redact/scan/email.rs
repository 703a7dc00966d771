//! Finds e-mail addresses, also internationalised (RFC 6531) and percent-encoded ones.

use std::ops::Range;

use super::found::Found;
use crate::redact::kind::Kind;

/// The longest address (RFC 5321).
const MAX_LEN: usize = 254;

/// Endings of file names such as `photo@2x.png`.
const FILES: [&str; 10] = ["css", "gif", "html", "jpeg", "jpg", "js", "pdf", "png", "svg", "webp"];

/// Finds the addresses in a token.
pub(super) fn find(text: &str, token: Range<usize>, found: &mut Vec<Found>) {
    let mut from = token.start;
    let mut at = token.start;
    while at < token.end {
        let Some(len) = at_sign(&text.as_bytes()[at..token.end]) else {
            at += 1;
            continue;
        };
        let is_alone = at == token.start && at + len == token.end;
        let address = if is_alone {
            set_apart(text, at..at + len)
        } else {
            let local = local_before(&text[from..at]);
            let domain = domain(&text[at + len..token.end]);
            domain.filter(|_| local > 0).map(|domain| at - local..at + len + domain)
        };
        found.extend(address.map(|at| Found { at, kind: Kind::Email }));
        at += len;
        from = at;
    }
}

/// The address whose at sign is spelled out in the bracket that opens here: `jean(at)mail.rw`,
/// `jean [at] mail [dot] rw`.
pub(super) fn spelled(text: &str, open: usize) -> Option<Range<usize>> {
    let sign = bracketed(&text[open..], &["at", "arobase", "a", "@"])?;
    set_apart(text, open..open + sign)
}

/// The address around an at sign, with at most one space on each side of the sign.
fn set_apart(text: &str, sign: Range<usize>) -> Option<Range<usize>> {
    let before = &text[..sign.start];
    let before = before.strip_suffix(' ').unwrap_or(before);
    let local = local_before(before);
    let has_letter = before[before.len() - local..].contains(char::is_alphabetic);
    let start = before.len() - local;
    let from = sign.end + usize::from(text[sign.end..].starts_with(' '));
    let is_name = |c: &char| c.is_alphanumeric() || *c == '-';
    let name: usize =
        text[from..].chars().take(MAX_LEN).take_while(is_name).map(char::len_utf8).sum();
    let domain = match dot_in_words(&text[from + name..]) {
        // In `mail (dot) co.rw` the rest is a domain already.
        Some(dot) if name > 0 => {
            let rest = &text[from + name + dot..];
            let is_top = |c: &char| c.is_alphanumeric() || matches!(c, '.' | '-');
            let top: usize =
                rest.chars().take(MAX_LEN).take_while(is_top).map(char::len_utf8).sum();
            (top >= 2).then_some(name + dot + top)
        }
        _ => domain(&text[from..]),
    };
    domain.filter(|_| has_letter).map(|domain| start..from + domain)
}

/// Length of a spelled-out full stop in brackets: ` (dot) `.
fn dot_in_words(text: &str) -> Option<usize> {
    let blank = usize::from(text.starts_with(' '));
    let dot = bracketed(&text[blank..], &["dot", "point", "."])?;
    let end = blank + dot;
    Some(end + usize::from(text[end..].starts_with(' ')))
}

/// Length of one of these words in the bracket that opens here.
fn bracketed(text: &str, words: &[&str]) -> Option<usize> {
    let inner = text.strip_prefix(['(', '[', '{', '<'])?;
    words.iter().find_map(|word| {
        let start = inner.get(..word.len())?;
        let closes = inner[word.len()..].starts_with([')', ']', '}', '>']);
        (closes && start.eq_ignore_ascii_case(word)).then_some(word.len() + 2)
    })
}

/// Length of the local part that ends a text. It must have a visible character.
fn local_before(text: &str) -> usize {
    let len: usize =
        text.chars().rev().take(MAX_LEN).take_while(|c| is_local(*c)).map(char::len_utf8).sum();
    let is_seen = text[text.len() - len..].contains(|c| !is_unseen(c));
    if is_seen && len < MAX_LEN { len } else { 0 }
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

/// An invisible character, which can hide an address from a search.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// A full stop, also the Chinese and the full-width one.
fn is_dot(c: char) -> bool {
    matches!(c, '.' | '\u{3002}' | '\u{ff0e}' | '\u{ff61}')
}

/// Length of the domain that begins here, if it has a dot and a top-level domain.
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
