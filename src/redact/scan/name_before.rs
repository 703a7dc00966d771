//! Finds the name before a value in a text, as configuration files, programs, XML, URLs, command lines, errors and
//! truncated JSON write it. Every search is bounded.

use super::byte_class::letters_before;
use super::words::Words;
use crate::redact::key_rules;

/// The longest name before a value, in bytes.
const NAME_MAX: usize = 48;

/// Words that stand between a name and the sign that assigns to it: `token: &'static str = "…"`.
static TYPES: Words<13> = Words::new([
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
]);

/// Words that a sentence assigns by.
pub(super) static LINKS: Words<7> = Words::new(key_rules::LINKS);

/// A name, and the sign that assigns a value to it.
#[derive(Clone, Copy)]
pub(super) struct NameBefore<'a> {
    /// The name with the words before it, because some names are several words: `mot de passe`.
    pub(super) phrase: &'a str,
    /// `=`, or a sign that means the same; `:`, after which a remark may stand; or a space.
    pub(super) joint: u8,
}

impl<'a> NameBefore<'a> {
    /// The name without the words before it.
    pub(super) fn name(self) -> &'a str {
        name_before(self.phrase, self.phrase.len())
    }
}

/// The name of the value at `at`: `api_key=…`, `"api_key": "…"`, `apiKey := "…"`, `<apiKey>…`, `set("API_KEY", "…")`,
/// `--api-key …`, `phone: Some("…`, `Key (phone)=(…`, `["phone", "…`, `{"name": "phone", "value": "…`.
pub(super) fn name_of(text: &str, at: usize) -> Option<NameBefore<'_>> {
    // Most values follow a word and a space: there is no sign then.
    match &text.as_bytes()[..at] {
        [before @ .., b' '] if before.last().is_some_and(|byte| is_of_word(*byte)) => {
            flag_before(text, at - 1)
        }
        _ => column_of(text, at).or_else(|| name_by_sign(text, at)),
    }
}

/// `--api-key …`, `ENV API_KEY …`, of which the name ends at `end`.
fn flag_before(text: &str, end: usize) -> Option<NameBefore<'_>> {
    let start = end - last_word(text, end).len();
    if !matches!(text.as_bytes()[..start].last(), Some(b'-' | b'_')) {
        return None;
    }
    let phrase = name_before(text, end);
    let is_variable = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    let is_name = phrase.starts_with('-') || phrase.bytes().all(is_variable);
    is_name.then_some(NameBefore { phrase, joint: b' ' })
}

fn name_by_sign(text: &str, at: usize) -> Option<NameBefore<'_>> {
    let bytes = text.as_bytes();
    let value = behind_sign(bytes, unwrapped(bytes, at));
    let end = gap_start(bytes, value);
    let gap = &bytes[end..value];
    let is_quoted = || gap.iter().any(|byte| is_quote(*byte));
    let name_end = match &bytes[..end] {
        [.., b'=' | b':'] | [.., b'=', b'>'] => operator_start(bytes, end),
        [.., b'%', b'3', b'D' | b'd' | b'A' | b'a'] => end - 3,
        // A block of YAML.
        [before @ .., b'>' | b'|'] if gap.contains(&b'\n') && before.ends_with(b": ") => end - 3,
        [.., b'>'] => return tag_before(text, end - 1),
        [.., b','] if is_quoted() && bytes[..end - 1].last().is_some_and(|b| is_quote(*b)) => {
            end - 1
        }
        // The value is part of the member's name: `client_phone_447…`.
        [.., b'_'] if end == at => end - 1,
        // A call, or a type that wraps its value.
        [.., b'('] if is_quoted() || end == at => end - 1,
        _ => return None,
    };
    // In JSON, no remark follows a name in quotes.
    let is_pair = || is_quoted() && bytes[..name_end].last().is_some_and(|byte| is_quote(*byte));
    let signs = &bytes[name_end..end];
    let is_equal = signs.iter().any(|byte| matches!(byte, b'=' | b',' | b'(' | b'|' | b'>' | b'%'));
    let phrase = name_before_sign(text, name_end)?;
    Some(NameBefore { phrase, joint: if is_equal || is_pair() { b'=' } else { b':' } })
}

/// The name before a sign, with the words before it. Quotes, brackets and a type may stand between.
pub(super) fn name_before_sign(text: &str, at: usize) -> Option<&str> {
    let bytes = text.as_bytes();
    let is_around = |byte: u8| is_white_or_quote(byte) || matches!(byte, b']' | b')' | b'*');
    let mut end = skip_back(bytes, gap_start(bytes, at), 6, is_around);
    for _ in 0..3 {
        let word = last_word(text, end);
        if word.is_empty() || !TYPES.has(word) && !LINKS.has(word) {
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
    let name = name_before(text, end);
    // `10:30` and `18:` are times.
    if name.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if name.eq_ignore_ascii_case("value") {
        return Some(name_of_pair(text, end - name.len()));
    }
    Some(phrase_before(text, end))
}

/// In `name="apiKey" value="…"`, the name is itself the value of a name.
fn name_of_pair(text: &str, value: usize) -> &str {
    let is_between =
        |byte: u8| is_white_or_quote(byte) || matches!(byte, b',' | b'<' | b'>' | b'/' | b'{');
    name_before(text, skip_back(text.as_bytes(), value, 12, is_between))
}

/// The tag that ends at `at`: `<apiKey>`, `<entry name="apiKey">`.
fn tag_before(text: &str, at: usize) -> Option<NameBefore<'_>> {
    let bytes = text.as_bytes();
    let end = skip_back(bytes, at, 1, is_quote);
    let phrase = name_before(text, end);
    let opens = bytes[..end - phrase.len()].last()?;
    let is_tag = if end == at { *opens == b'<' || *opens == b':' } else { is_quote(*opens) };
    is_tag.then_some(NameBefore { phrase, joint: b'=' })
}

/// The column of a value in the detail of a Postgres error, or in a statement: `Key (tenant, phone)=(a7, 447…`,
/// `insert into t (tenant, phone) values ('a7', '447…`.
fn column_of(text: &str, at: usize) -> Option<NameBefore<'_>> {
    /// The longest names, and the longest values, that are looked at.
    const MAX: usize = 200;
    const BETWEEN: [&str; 3] = [")=(", ") values (", ") VALUES ("];
    let bytes = text.as_bytes();
    let value = skip_back(bytes, at, 1, |byte| byte == b'\'');
    if !matches!(&bytes[..value], [.., b',', b' '] | [.., b'=' | b' ', b'(']) {
        return None;
    }
    let before = &text[text.ceil_char_boundary(value.saturating_sub(MAX))..value];
    let (names, values) = BETWEEN.iter().find_map(|between| before.rsplit_once(between))?;
    let (_, names) = names.rsplit_once('(')?;
    let nth = if values.contains(')') { None } else { Some(values.matches(", ").count()) };
    let phrase = names.split(", ").nth(nth?)?.trim_matches('"');
    Some(NameBefore { phrase, joint: b'=' })
}

/// The place of a bracket between an assigning sign and its value, as in `phones: ["…` and `Key (phone)=(…`. Without
/// one, the place of the value.
fn behind_sign(bytes: &[u8], value: usize) -> usize {
    let end = gap_start(bytes, value);
    let is_bracket = matches!(bytes[..end].last(), Some(b'(' | b'['));
    let bracket = end.saturating_sub(1);
    let is_assigned = matches!(bytes[..gap_start(bytes, bracket)].last(), Some(b'=' | b':'));
    if is_bracket && is_assigned { bracket } else { value }
}

/// The start of the white space and quotes that end at `end`, also as URLs and HTML write them.
fn gap_start(bytes: &[u8], end: usize) -> usize {
    const MAX: usize = 12;
    let mut start = end;
    while end - start < MAX {
        start -= match &bytes[..start] {
            [.., byte] if is_white_or_quote(*byte) => 1,
            [.., b'%', b'2', b'0' | b'2' | b'7'] => 3,
            [.., b'&', b'#', b'3', b'4' | b'9', b';'] => 5,
            before if before.ends_with(b"&quot;") => 6,
            _ => break,
        };
    }
    start
}

/// Whether a byte belongs to a word: to a letter of any script, or a digit.
pub(super) const fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

/// The start of the operator that ends at `end`: `:=`, `.=`, `?=`, `+=`, `=>`, `::=`.
pub(super) fn operator_start(bytes: &[u8], end: usize) -> usize {
    let is_sign = |byte: u8| matches!(byte, b'=' | b':' | b'?' | b'.' | b'+' | b'>' | b'|' | b'~');
    skip_back(bytes, end, 4, is_sign)
}

pub(super) fn skip_back(bytes: &[u8], end: usize, max: usize, is: impl Fn(u8) -> bool) -> usize {
    end - bytes[..end].iter().rev().take(max).take_while(|byte| is(**byte)).count()
}

pub(super) const fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`' | b'\\')
}

pub(super) const fn is_white_or_quote(byte: u8) -> bool {
    is_quote(byte) || matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// The name that ends right before `at`: `api_key` before the `=` of `api_key=…`.
fn name_before(text: &str, at: usize) -> &str {
    ending(text, at, |byte| is_of_word(byte) || matches!(byte, b'_' | b'-'))
}

/// The words that end right before `at`: `mot de passe`, `ijambo ry'ibanga`.
pub(super) fn phrase_before(text: &str, at: usize) -> &str {
    ending(text, at, |byte| is_of_word(byte) || matches!(byte, b'_' | b'-' | b' ' | b'\'' | b'.'))
}

pub(super) fn last_word(text: &str, at: usize) -> &str {
    match letters_before(text.as_bytes(), at) {
        Some(len) => &text[at - len..at],
        None => ending(text, at, is_of_word),
    }
}

fn ending(text: &str, at: usize, is: impl Fn(u8) -> bool) -> &str {
    let start = text.ceil_char_boundary(skip_back(text.as_bytes(), at, NAME_MAX, is)).min(at);
    match (&text.as_bytes()[..start], &text.as_bytes()[start..at]) {
        // The digits of a percent-encoded sign are not part of the name: `%22pin`.
        ([.., b'%'], [first, second, ..])
            if first.is_ascii_hexdigit() && second.is_ascii_hexdigit() =>
        {
            &text[start + 2..at]
        }
        _ => &text[start..at],
    }
}

/// Where a value begins, including the wrappers that Rust's `Debug` prints: `Some(String("…`.
fn unwrapped(bytes: &[u8], at: usize) -> usize {
    const WRAPPERS: [&[u8]; 4] = [b"Number(", b"Ok(", b"Some(", b"String("];
    let mut start = at;
    // At most two wrappers, one inside the other.
    for _ in 0..2 {
        let behind = skip_back(bytes, start, 3, |byte| matches!(byte, b'"' | b'\\'));
        let wrapper = WRAPPERS.iter().find(|wrapper| {
            let before = bytes[..behind].strip_suffix(**wrapper);
            // `PhoneNumber(…` is a name, not a wrapper.
            before.is_some_and(|before| !before.last().is_some_and(u8::is_ascii_alphanumeric))
        });
        match wrapper {
            Some(wrapper) => start = behind - wrapper.len(),
            None => break,
        }
    }
    start
}
