//! Secrets that a sentence tells: `your code is …`, `… is your code`.

use std::ops::Range;

use super::assigned::Assigned;
use super::context::word_before;
use super::named::{LINKS, is_quote, is_white_or_quote, last_word, phrase_before, skip_back};
use super::words::Words;
use crate::redact::key_name::{KeyKind, ends_secret_name, may_end_name, secret_kind};

/// Words that say what digits before them are used for: `… as your code`.
static AS: Words<3> = Words::new(["as", "comme", "nka"]);

static CODES: Words<2> = Words::new(["code", "kode"]);

static OWN: Words<7> = Words::new(["mon", "my", "ton", "votre", "yanjye", "yawe", "your"]);

static ARTICLES: Words<5> = Words::new(["ce", "iyi", "le", "the", "this"]);

/// What one does with a code that one was sent, and the words that lead to one.
static VERBS: Words<14> = Words::new([
    "avec",
    "enter",
    "entrez",
    "injiza",
    "koresha",
    "saisir",
    "saisissez",
    "shyiramo",
    "tapez",
    "type",
    "ukoresheje",
    "use",
    "utilisez",
    "with",
]);

/// Words that lead to what a code is for.
static FOR: Words<8> = Words::new(["for", "kugira", "ngo", "pour", "ryo", "to", "wo", "yo"]);

/// How words begin that say what a one-time code is for.
const PURPOSES: [&str; 26] = [
    "accéder",
    "activ",
    "approuv",
    "approve",
    "authenti",
    "authori",
    "autoris",
    "confirm",
    "connect",
    "connexion",
    "emeza",
    "finalis",
    "gufungura",
    "kugenzura",
    "kwemeza",
    "kwinjira",
    "kwiyandikisha",
    "log",
    "reset",
    "réinitialis",
    "sign",
    "unlock",
    "valid",
    "verif",
    "vérifi",
    "winjir",
];

/// Most words between what a sentence is about and its value: `the code for your account at the shop is …`.
const WORDS_MAX: usize = 9;

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
    let link = end - word.len();
    let mut end = link;
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
        if CODES.has(word) && is_code_for(&text[end..link]) {
            return Some(Assigned { kind: KeyKind::Code, joint: b' ' });
        }
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

/// Whether a sentence goes on to say that the value is a code: `… is your verification code`, `… is the code to confirm`,
/// `use … to log in`.
pub(super) fn is_said_behind(text: &str, value: &Range<usize>) -> bool {
    /// Longer than the longest word that leads to a code.
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

/// `… - your code`, `…: code to confirm`, `… (votre code)`: no more than the code's name, set apart.
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

/// What is left of a sentence, of at most 64 bytes.
fn sentence_of(text: &str) -> &str {
    let sentence = &text[..text.floor_char_boundary(64.min(text.len()))];
    sentence.split(['.', '!', '?', '\n']).next().unwrap_or_default()
}

/// `the code`, with nothing behind it but what it is for or where it came from.
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

/// `code to confirm your payment`, `kode yo kwinjira`.
fn is_code_for(phrase: &str) -> bool {
    let mut rest = phrase;
    while let Some((word, behind)) = rest.split_once(' ') {
        if CODES.has(word) {
            let (leads, purpose) = behind.split_at(behind.find(' ').unwrap_or(behind.len()));
            return FOR.has(leads) && is_purpose(purpose);
        }
        rest = behind;
    }
    false
}

/// Whether one of the next words says what a one-time code is for: ` confirm`, ` your login`, ` vous connecter`.
fn is_purpose(text: &str) -> bool {
    sentence_of(text).split([' ', '\'']).take(4).any(|word| {
        PURPOSES.iter().any(|stem| {
            let start = word.get(..stem.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(stem))
        })
    })
}

/// `your code`, `votre code`, `kode yawe`, `enter the code`: whose else than a person's would it be? Also
/// `code to confirm`.
pub(super) fn is_ones_own_code(phrase: &str) -> bool {
    // What a code may be of, and still be a person's own.
    static SENDERS: Words<6> =
        Words::new(["facebook", "google", "instagram", "telegram", "uber", "whatsapp"]);
    let mut words = phrase.rsplit([' ', '\'']).filter(|word| !word.is_empty());
    let (Some(last), Some(before)) = (words.next(), words.next()) else { return false };
    let is_sent = |before: &str| {
        let verb =
            if ARTICLES.has(before) { words.clone().next().unwrap_or_default() } else { before };
        OWN.has(before) || SENDERS.has(before) || VERBS.has(verb)
    };
    CODES.has(last) && is_sent(before) || CODES.has(before) && OWN.has(last) || is_code_for(phrase)
}
