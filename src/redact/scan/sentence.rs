//! Finds secrets that a sentence names: `your code is …`, `… is your code`.

use std::ops::Range;

use super::assignment::Assignment;
use super::context::word_before;
use super::name_before::{LINKS, is_quote, is_white_or_quote, last_word, phrase_before, skip_back};
use super::own_code::{
    ARTICLES, CODES, FOR, VERBS, is_code_for, is_ones_own_code, is_purpose, sentence_of,
};
use super::words::Words;
use crate::redact::key_rules::{KeyKind, ends_secret_name, may_end_name, secret_kind};

/// Words after digits that say what the digits are used for: `… as your code`.
static AS: Words<3> = Words::new(["as", "comme", "nka"]);

/// The most words between the subject of a sentence and its value: `the code for your account at the shop is …`.
const WORDS_MAX: usize = 9;

/// The kind of secret that a sentence says the value at `at` is: `your verification code is …`, `PIN ya MoMo ni …`. A
/// code may also follow its name directly: `cvv 913`.
pub(super) fn said_before(text: &str, at: usize) -> Option<Assignment> {
    let bytes = text.as_bytes();
    let [before @ .., b' ' | b'\n'] = &bytes[..skip_back(bytes, at, 1, is_quote)] else {
        return None;
    };
    if !may_end_name(before) {
        return None;
    }
    let end = skip_back(bytes, at, 3, is_white_or_quote);
    let word = last_word(text, end);
    if !LINKS.has(word) {
        let kind = secret_said(text, end, word).filter(|kind| *kind == KeyKind::Code)?;
        return Some(Assignment { kind, joint: b' ' });
    }
    let link = end - word.len();
    let mut end = link;
    for _ in 0..WORDS_MAX {
        end = skip_back(bytes, end, 3, |byte| byte == b' ' || is_quote(byte));
        let word = last_word(text, end);
        if let Some(kind) = secret_said(text, end, word) {
            return Some(Assignment { kind, joint: b' ' });
        }
        if word.is_empty() {
            return None;
        }
        end -= word.len();
        if CODES.has(word) && is_code_for(&text[end..link]) {
            return Some(Assignment { kind: KeyKind::Code, joint: b' ' });
        }
    }
    None
}

/// The kind of secret that the words before `end` name. `last` is the last of them.
fn secret_said(text: &str, end: usize, last: &str) -> Option<KeyKind> {
    // Most words do not end a name, and a lookup of a name is expensive.
    if !ends_secret_name(last) {
        return None;
    }
    let phrase = phrase_before(text, end);
    secret_kind(phrase).or_else(|| is_ones_own_code(phrase).then_some(KeyKind::Code))
}

/// Whether a sentence goes on to say that the value is a code: `… is your verification code`, `… is the code to confirm`,
/// `use … to log in`.
pub(super) fn is_said_behind(text: &str, value: &Range<usize>) -> bool {
    /// One more than the longest word that leads to a code, so that a longer word is not taken for it.
    const LINK_MAX: usize = 7;
    let behind = &text[value.end..];
    let Some(rest) = behind.strip_prefix(' ') else { return is_said_apart(behind) };
    let link = rest.bytes().take(LINK_MAX).take_while(u8::is_ascii_alphabetic).count();
    let link = &rest[..link];
    if FOR.has(link) && is_purpose(&rest[link.len()..]) {
        return VERBS.has(word_before(text, value.start, b" \""));
    }
    if !LINKS.has(link) && !AS.has(link) && link != "niyo" {
        return is_said_apart(behind);
    }
    let sentence = sentence_of(rest);
    let Some(said) = sentence.get(link.len()..).and_then(|said| said.strip_prefix(' ')) else {
        return false;
    };
    let mut ends = said.match_indices(' ').map(|(end, _)| end).chain([said.len()]).take(WORDS_MAX);
    ends.any(|end| secret_said(said, end, last_word(said, end)) == Some(KeyKind::Code))
        || is_the_code(said)
}

/// `… - your code`, `…: code to confirm`, `… (votre code)`: only the name of the code, set apart by a sign.
fn is_said_apart(behind: &str) -> bool {
    if !matches!(behind.as_bytes(), [b':' | b'(', ..] | [b' ', b'-' | b':' | b'(' | 0xe2, ..]) {
        return false;
    }
    let said = sentence_of(behind).trim_start_matches([' ', '-', ':', '(', '\u{2013}', '\u{2014}']);
    let gap = behind.len().min(64).saturating_sub(said.len());
    let said = said.split([')', ',', ';']).next().unwrap_or_default();
    let words = said.split(' ').take(WORDS_MAX).count();
    let is_name =
        || secret_said(said, said.len(), last_word(said, said.len())) == Some(KeyKind::Code);
    (2..=4).contains(&gap) && words < WORDS_MAX && (is_name() || is_code_for(said))
}

/// `the code`, followed only by what it is for or where it came from.
fn is_the_code(said: &str) -> bool {
    static FROM: Words<9> =
        Words::new(["i", "nous", "que", "sent", "that", "twakwoherereje", "wahawe", "we", "you"]);
    let mut words = said.splitn(3, ' ');
    let (Some(article), Some(code)) = (words.next(), words.next()) else { return false };
    let rest = words.next().unwrap_or_default();
    let first = rest.split(' ').next().unwrap_or_default();
    ARTICLES.has(article)
        && CODES.has(code)
        && (rest.is_empty()
            || FROM.has(first)
            || FOR.has(first) && is_purpose(&rest[first.len()..]))
}
