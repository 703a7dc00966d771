//! The name that a value in a text is assigned to, as configuration files, programs, XML, command lines and people
//! write it. Every look is bounded.

use super::class::letters_before;
use super::words::Words;
use crate::redact::key_name::{self, KeyKind, ends_secret_name, may_end_name, secret_kind};

/// Longest name before a value.
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
static LINKS: Words<7> = Words::new(key_name::LINKS);

/// Words that say what digits before them are used for: `… as your code`.
static AS: Words<2> = Words::new(["as", "comme"]);

/// Most words between what a sentence is about and its value: `the code for your account at the shop is …`.
const WORDS_MAX: usize = 9;

/// A secret's name that a value is assigned to, and by which sign: a space where people only write it beside.
#[derive(Clone, Copy)]
pub(super) struct Assigned {
    pub(super) kind: KeyKind,
    pub(super) joint: u8,
}

/// Whether a name or a sentence may stand before a value at `at`. Behind a word and a space, as most values stand, the
/// word's last letters say so.
pub(super) fn may_be_named(text: &str, at: usize) -> bool {
    match &text.as_bytes()[..at] {
        [before @ .., b' '] if before.last().is_some_and(u8::is_ascii_alphabetic) => {
            may_end_name(before) && {
                let word = last_word(text, at - 1);
                let start = at - 1 - word.len();
                let is_flag = start > 0 && matches!(text.as_bytes()[start - 1], b'-' | b'_');
                is_flag || ends_secret_name(word) || LINKS.has(word)
            }
        }
        // Of digits alone nothing is the name.
        [rest @ .., last, b' '] if last.is_ascii_digit() => {
            let digits = rest.iter().rev().take_while(|byte| byte.is_ascii_digit()).take(NAME_MAX);
            let before = rest.iter().rev().nth(digits.count());
            before.is_some_and(|byte| !matches!(byte, b' ' | b'\n'))
        }
        _ => true,
    }
}

/// What secret a value at `at` is by the name before it, where white space, quotes, a tag or a call lies between:
/// `"api_key": "…"`, `apiKey := "…"`, `<apiKey>…`, `set("API_KEY", "…")`, `--api-key …`.
#[inline]
pub(super) fn assigned(text: &str, at: usize) -> Option<Assigned> {
    // Behind a word and a space, as most values stand, there is no sign.
    match &text.as_bytes()[..at] {
        [before @ .., b' '] if before.last().is_some_and(u8::is_ascii_alphanumeric) => {
            if may_end_name(before) {
                assigned_by_space(text, at - 1)
            } else {
                None
            }
        }
        _ => assigned_by_sign(text, at),
    }
}

/// `--api-key …`, `ENV API_KEY …`, from where the name ends.
fn assigned_by_space(text: &str, end: usize) -> Option<Assigned> {
    let start = end - last_word(text, end).len();
    if !matches!(text.as_bytes()[..start].last(), Some(b'-' | b'_')) {
        return None;
    }
    let name = name_before(text, end);
    let is_variable = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    let is_name = name.starts_with('-') || name.bytes().all(is_variable);
    let kind = is_name.then(|| secret_kind(name))??;
    Some(Assigned { kind, joint: b' ' })
}

fn assigned_by_sign(text: &str, at: usize) -> Option<Assigned> {
    let bytes = text.as_bytes();
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
    // In JSON, a remark is beside no name in quotes.
    let is_pair = bytes[..name_end].last().is_some_and(|byte| is_quote(*byte))
        && gap.iter().any(|byte| is_quote(*byte));
    let is_equal = is_pair
        || bytes[name_end..end].iter().any(|byte| matches!(byte, b'=' | b',' | b'(' | b'|' | b'>'));
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
    let Some(rest) = text[at..].strip_prefix(' ') else { return false };
    // Longer than the longest.
    let link = rest.bytes().take(5).take_while(u8::is_ascii_alphabetic).count();
    if !LINKS.has(&rest[..link]) && !AS.has(&rest[..link]) {
        return false;
    }
    let sentence = &rest[..rest.floor_char_boundary(64.min(rest.len()))];
    let sentence = sentence.split(['.', '!', '?', '\n']).next().unwrap_or_default();
    let Some(said) = sentence.get(link..).and_then(|said| said.strip_prefix(' ')) else {
        return false;
    };
    let mut ends = said.match_indices(' ').map(|(end, _)| end).chain([said.len()]).take(WORDS_MAX);
    ends.any(|end| secret_said(said, end, last_word(said, end)) == Some(KeyKind::Code))
}

/// `your code`, `votre code`, `kode yawe`, `enter the code`: whose else than a person's would it be?
fn is_ones_own_code(phrase: &str) -> bool {
    static CODES: Words<2> = Words::new(["code", "kode"]);
    static OWN: Words<7> = Words::new(["mon", "my", "ton", "votre", "yanjye", "yawe", "your"]);
    // What a code may be of, and still be a person's own.
    static SENDERS: Words<6> =
        Words::new(["facebook", "google", "instagram", "telegram", "uber", "whatsapp"]);
    // What one does with a code that one was sent.
    static VERBS: Words<10> = Words::new([
        "enter",
        "entrez",
        "injiza",
        "koresha",
        "saisir",
        "saisissez",
        "shyiramo",
        "tapez",
        "type",
        "use",
    ]);
    static ARTICLES: Words<5> = Words::new(["ce", "iyi", "le", "the", "this"]);
    let mut words = phrase.rsplit([' ', '\'']).filter(|word| !word.is_empty());
    let (Some(last), Some(before)) = (words.next(), words.next()) else { return false };
    let is_sent = |before: &str| {
        let verb =
            if ARTICLES.has(before) { words.clone().next().unwrap_or_default() } else { before };
        OWN.has(before) || SENDERS.has(before) || VERBS.has(verb)
    };
    CODES.has(last) && is_sent(before) || CODES.has(before) && OWN.has(last)
}

/// What the name that ends before a sign says, over quotes, brackets and a type.
fn kind_before(text: &str, at: usize) -> Option<KeyKind> {
    let bytes = text.as_bytes();
    let mut end = skip_back(bytes, at, 6, |byte| {
        is_white_or_quote(byte) || matches!(byte, b']' | b')' | b'*')
    });
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
    // `10:30` and `18:` are times.
    if name_before(text, end).bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let phrase = phrase_before(text, end);
    let own_code = || is_ones_own_code(phrase).then_some(KeyKind::Code);
    secret_kind(phrase).or_else(|| kind_of_pair(text, end)).or_else(own_code)
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
    match letters_before(text.as_bytes(), at) {
        Some(len) => &text[at - len..at],
        None => ending(text, at, |byte| byte.is_ascii_alphanumeric() || !byte.is_ascii()),
    }
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
