//! The name that a value in a text is assigned to, as configuration files, programs, XML, command lines and people
//! write it. Every look is bounded.

use crate::redact::key_name::{
    KeyKind, ends_secret_name, may_end_secret_name, may_end_secret_word, secret_kind,
};

/// Longest name before a value.
const NAME_MAX: usize = 48;

/// Words that stand between a name and the sign that assigns to it: `token: &'static str = "…"`.
const TYPES: [&str; 13] = [
    "any",
    "char",
    "const",
    "let",
    "mut",
    "securestring",
    "static",
    "str",
    "string",
    "text",
    "val",
    "var",
    "varchar",
];

/// Words that a sentence assigns by, in English, French and Kinyarwanda.
const LINKS: [&str; 7] = ["are", "est", "ari", "is", "ni", "sont", "was"];

/// Most words between what a sentence is about and its value: `the code for your account at the shop is …`.
const WORDS_MAX: usize = 9;

/// A secret's name that a value is assigned to, and by which sign: a space where people only write it beside.
#[derive(Clone, Copy)]
pub(super) struct Assigned {
    pub(super) kind: KeyKind,
    pub(super) joint: u8,
}

/// What secret a value at `at` is by the name before it, where white space, quotes, a tag or a call lies between:
/// `"api_key": "…"`, `apiKey := "…"`, `<apiKey>…`, `set("API_KEY", "…")`, `--api-key …`.
pub(super) fn assigned(text: &str, at: usize) -> Option<Assigned> {
    let bytes = text.as_bytes();
    // Behind a word and a space, as most values stand, there is no sign.
    if let [.., before, word, b' '] = &bytes[..at]
        && word.is_ascii_alphanumeric()
    {
        if !may_end_secret_name(*before, *word) {
            return None;
        }
        let start = at - 1 - last_word(text, at - 1).len();
        if !matches!(bytes[..start].last(), Some(b'-' | b'_')) {
            return None;
        }
        let name = name_before(text, at - 1);
        let kind = name.starts_with('-').then(|| secret_kind(name))?;
        return kind.map(|kind| Assigned { kind, joint: b' ' });
    }
    let value = unwrapped(bytes, at);
    let end = skip_back(bytes, value, 12, is_white_or_quote);
    let gap = &bytes[end..value];
    let joint = *bytes.get(end.checked_sub(1)?)?;
    let name_end = match joint {
        b'=' | b':' if !gap.is_empty() => operator_start(bytes, end),
        b'>' if end >= 2 && bytes[end - 2] == b'=' => operator_start(bytes, end),
        // A block of YAML.
        b'>' | b'|' if gap.contains(&b'\n') && bytes[..end - 1].ends_with(b": ") => end - 3,
        b'>' => return in_tag(text, end - 1),
        b',' | b'(' if gap.iter().any(|byte| is_quote(*byte)) => end - 1,
        _ => return None,
    };
    let is_call = matches!(joint, b',' | b'(');
    if is_call && joint == b',' && !bytes[..name_end].last().is_some_and(|byte| is_quote(*byte)) {
        return None;
    }
    let is_equal =
        bytes[name_end..end].iter().any(|byte| matches!(byte, b'=' | b',' | b'(' | b'|' | b'>'));
    let kind = kind_before(text, name_end)?;
    Some(Assigned { kind, joint: if is_equal { b'=' } else { b':' } })
}

/// What secret the sign at `at`, inside of a token, assigns to.
pub(super) fn assigned_by(text: &str, at: usize) -> Option<KeyKind> {
    kind_before(text, operator_start(text.as_bytes(), at + 1))
}

/// What secret a sentence says that the value at `at` is: `your verification code is …`, `PIN ya MoMo ni …`, and of a
/// code also `cvv 913`.
pub(super) fn said(text: &str, at: usize) -> Option<Assigned> {
    let bytes = text.as_bytes();
    let [.., before, last, b' ' | b'\n'] = &bytes[..skip_back(bytes, at, 1, is_quote)] else {
        return None;
    };
    if !may_end_link(*before, *last) && !may_end_secret_word(*before, *last) {
        return None;
    }
    let end = skip_back(bytes, at, 3, is_white_or_quote);
    let word = last_word(text, end);
    if !LINKS.iter().any(|link| word.eq_ignore_ascii_case(link)) {
        let kind = secret_said(text, end, word).filter(|kind| *kind == KeyKind::Code)?;
        return Some(Assigned { kind, joint: b' ' });
    }
    let mut end = end - word.len();
    for _ in 0..WORDS_MAX {
        end = skip_back(bytes, end, 3, |byte| byte == b' ' || is_quote(byte));
        let word = last_word(text, end);
        if let Some(kind) = secret_said(text, end, word) {
            return Some(Assigned { kind, joint: b' ' });
        }
        if word.is_empty() {
            return None;
        }
        end -= word.len();
    }
    None
}

/// Whether one of [`LINKS`] ends with these two bytes.
const fn may_end_link(before: u8, last: u8) -> bool {
    matches!(
        [before.to_ascii_lowercase(), last.to_ascii_lowercase()],
        [b'r', b'e' | b'i'] | [b's', b't'] | [b'i' | b'a', b's'] | [b'n', b'i' | b't']
    )
}

/// What secret the words before `end` name, of which this is the last.
fn secret_said(text: &str, end: usize, last: &str) -> Option<KeyKind> {
    // Most words end no name, and a name is dear to look up.
    if !ends_secret_name(last) {
        return None;
    }
    let phrase = phrase_before(text, end);
    secret_kind(phrase).or_else(|| is_ones_own_code(phrase).then_some(KeyKind::Code))
}

/// Whether a sentence goes on to say that the value before `at` is a code: `… is your verification code`.
pub(super) fn is_said_behind(text: &str, at: usize) -> bool {
    let rest = &text[at..text.floor_char_boundary((at + 64).min(text.len()))];
    let Some(rest) = rest.strip_prefix(' ') else { return false };
    let sentence = rest.split(['.', '!', '?', '\n']).next().unwrap_or_default();
    let Some((link, said)) = sentence.split_once(' ') else { return false };
    let mut ends = said.match_indices(' ').map(|(end, _)| end).chain([said.len()]).take(WORDS_MAX);
    LINKS.iter().any(|known| link.eq_ignore_ascii_case(known))
        && ends.any(|end| secret_said(said, end, last_word(said, end)) == Some(KeyKind::Code))
}

/// `your code`, `votre code`, `kode yawe`: whose else than a person's would it be?
fn is_ones_own_code(phrase: &str) -> bool {
    const OWN: [&str; 7] = ["mon", "my", "ton", "votre", "yanjye", "yawe", "your"];
    // What a code may be of, and still be a person's own.
    const SENDERS: [&str; 6] = ["facebook", "google", "instagram", "telegram", "uber", "whatsapp"];
    let mut words = phrase.rsplit([' ', '\'']).filter(|word| !word.is_empty());
    let (Some(last), Some(before)) = (words.next(), words.next()) else { return false };
    let is = |word: &str, list: &[&str]| list.iter().any(|known| word.eq_ignore_ascii_case(known));
    let is_code = |word: &str| is(word, &["code", "kode"]);
    is_code(last) && (is(before, &OWN) || is(before, &SENDERS)) || is_code(before) && is(last, &OWN)
}

/// What the name that ends before a sign says, over quotes, brackets and a type.
fn kind_before(text: &str, at: usize) -> Option<KeyKind> {
    let bytes = text.as_bytes();
    let mut end = skip_back(bytes, at, 6, |byte| {
        is_white_or_quote(byte) || matches!(byte, b']' | b')' | b'*')
    });
    for _ in 0..3 {
        let word = last_word(text, end);
        if word.is_empty() || !TYPES.iter().any(|name| word.eq_ignore_ascii_case(name)) {
            break;
        }
        let is_between = |byte: u8| {
            matches!(byte, b' ' | b':' | b'&' | b'*' | b'\'' | b'[' | b']' | b'<' | b'?')
        };
        let before = skip_back(bytes, end - word.len(), 6, is_between);
        if before == end - word.len() {
            break;
        }
        end = before;
    }
    // `10:30` and `18:` are times.
    if last_word(text, end).bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    secret_kind(phrase_before(text, end)).or_else(|| kind_of_pair(text, end))
}

/// Of `name="apiKey" value="…"`, the name is the value of another.
fn kind_of_pair(text: &str, end: usize) -> Option<KeyKind> {
    let name = name_before(text, end);
    if !name.eq_ignore_ascii_case("value") {
        return None;
    }
    let is_between =
        |byte: u8| is_white_or_quote(byte) || matches!(byte, b',' | b'<' | b'>' | b'/' | b'{');
    let other = skip_back(text.as_bytes(), end - name.len(), 12, is_between);
    secret_kind(name_before(text, other))
}

/// What the tag says that ends at `at`: `<apiKey>`, `<entry name="apiKey">`.
fn in_tag(text: &str, at: usize) -> Option<Assigned> {
    let bytes = text.as_bytes();
    let end = skip_back(bytes, at, 1, is_quote);
    let name = name_before(text, end);
    let opens = bytes[..end - name.len()].last()?;
    let is_tag = if end == at { *opens == b'<' || *opens == b':' } else { is_quote(*opens) };
    let kind = secret_kind(name).filter(|_| is_tag)?;
    Some(Assigned { kind, joint: b'=' })
}

/// Where the operator begins that ends at `end`: `:=`, `.=`, `?=`, `+=`, `=>`, `::=`.
fn operator_start(bytes: &[u8], end: usize) -> usize {
    let is_sign = |byte: u8| matches!(byte, b'=' | b':' | b'?' | b'.' | b'+' | b'>' | b'|' | b'~');
    skip_back(bytes, end, 4, is_sign)
}

fn skip_back(bytes: &[u8], end: usize, max: usize, is: impl Fn(u8) -> bool) -> usize {
    end - bytes[..end].iter().rev().take(max).take_while(|byte| is(**byte)).count()
}

const fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`' | b'\\')
}

const fn is_white_or_quote(byte: u8) -> bool {
    is_quote(byte) || matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// The name that ends right before `at`: `api_key` before the `=` of `api_key=…`.
pub(super) fn name_before(text: &str, at: usize) -> &str {
    ending(text, at, |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') || !byte.is_ascii()
    })
}

/// The words that end right before `at`: `mot de passe`, `ijambo ry'ibanga`.
fn phrase_before(text: &str, at: usize) -> &str {
    ending(text, at, |byte| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'_' | b'-' | b' ' | b'\'' | b'.')
            || !byte.is_ascii()
    })
}

fn last_word(text: &str, at: usize) -> &str {
    ending(text, at, |byte| byte.is_ascii_alphanumeric() || !byte.is_ascii())
}

fn ending(text: &str, at: usize, is: impl Fn(u8) -> bool) -> &str {
    let start = text.ceil_char_boundary(skip_back(text.as_bytes(), at, NAME_MAX, is)).min(at);
    &text[start..at]
}

/// Where a value begins that Rust's `Debug` has wrapped: `Some(String("…`. Unwrapped, it is where it was.
pub(super) fn unwrapped(bytes: &[u8], at: usize) -> usize {
    const WRAPPERS: [&[u8]; 4] = [b"Number(", b"Ok(", b"Some(", b"String("];
    let mut start = at;
    // One in the other, and no more.
    for _ in 0..2 {
        let quotes = bytes[..start].iter().rev().take(3);
        let behind = start - quotes.take_while(|byte| matches!(byte, b'"' | b'\\')).count();
        let wrapper = WRAPPERS.iter().find(|wrapper| bytes[..behind].ends_with(wrapper));
        match wrapper {
            Some(wrapper) => start = behind - wrapper.len(),
            None => break,
        }
    }
    start
}
