//! Folds texts for comparison: removes case, accents, width and invisible characters.
//!
//! This is not Unicode normalisation. It knows the letters of Latin scripts, composed or decomposed, and the Greek
//! and Cyrillic letters that look like them. Other letters are compared as they are, in lower case.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::digit::digit;

/// Most bytes of a word that are compared with lists of its beginnings and ends.
const MAX_WORD: usize = 40;

/// What a small letter is compared as.
static BASES: LazyLock<HashMap<char, &'static str>> = LazyLock::new(|| {
    let lines = include_str!("letters.txt").lines().filter(|line| !line.starts_with('#'));
    let rows = lines.filter_map(|line| line.split_once(' '));
    rows.flat_map(|(to, from)| from.chars().map(move |from| (from, to))).collect()
});

/// What a character is when texts are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Folded {
    /// An accent of the letter before it.
    Accent,
    /// A letter or a digit.
    Letter(char),
    /// Several letters that are written as one character.
    Letters(&'static str),
    /// White space or a sign. It ends a word.
    Separator,
    /// It has no width.
    Unseen,
}

/// Folds one character.
pub(super) fn fold(c: char) -> Folded {
    if c.is_ascii() {
        return if c.is_ascii_alphanumeric() {
            Folded::Letter(c.to_ascii_lowercase())
        } else {
            Folded::Separator
        };
    }
    if is_accent(c) {
        return Folded::Accent;
    }
    if is_unseen(c) {
        return Folded::Unseen;
    }
    if let Some(value) = digit(c) {
        return Folded::Letter(char::from(b'0' + value));
    }
    let lower = imitated(c).unwrap_or_else(|| c.to_lowercase().next().unwrap_or(c));
    match BASES.get(&lower) {
        Some(base) if base.len() == 1 => Folded::Letter(char::from(base.as_bytes()[0])),
        Some(base) => Folded::Letters(base),
        None if lower.is_alphanumeric() => Folded::Letter(lower),
        None => Folded::Separator,
    }
}

/// Marks that combine with the character before them.
fn is_accent(c: char) -> bool {
    matches!(
        c,
        '\u{300}'..='\u{36f}'
            | '\u{1ab0}'..='\u{1aff}'
            | '\u{1dc0}'..='\u{1dff}'
            | '\u{20d0}'..='\u{20ff}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{fe20}'..='\u{fe2f}'
    )
}

/// Characters without a width.
fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2064}'
            | '\u{2066}'..='\u{206f}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// The small letter that a full-width, circled or mathematical letter imitates.
fn imitated(c: char) -> Option<char> {
    let code = u32::from(c);
    let nth = match code {
        0xff21..=0xff3a => code - 0xff21,
        0xff41..=0xff5a => code - 0xff41,
        0x24b6..=0x24cf => code - 0x24b6,
        0x24d0..=0x24e9 => code - 0x24d0,
        0x1d400..=0x1d6a3 => (code - 0x1d400) % 26,
        _ => return None,
    };
    char::from_u32(u32::from('a') + nth)
}

/// One letter of a folded text, and where it stands in the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Letter {
    /// The folded letter, or a space in the place of a word separator.
    pub(super) c: char,
    /// Where the character begins, in bytes.
    pub(super) start: usize,
    /// Where it ends, including its accents.
    pub(super) end: usize,
    /// True if a word may begin here: after a separator, at a capital after a small letter, between a letter and a
    /// digit.
    pub(super) begins: bool,
}

impl Letter {
    pub(super) fn is_separator(&self) -> bool {
        self.c == ' '
    }
}

/// Folds a text. Consecutive separators become one.
pub(super) fn letters(text: &str) -> Vec<Letter> {
    let mut letters: Vec<Letter> = Vec::with_capacity(text.len());
    let mut before = ' ';
    for (start, c) in text.char_indices() {
        let letter = Letter { c, start, end: start + c.len_utf8(), begins: begins(before, c) };
        match fold(c) {
            Folded::Letter(c) => letters.push(Letter { c, ..letter }),
            Folded::Letters(folded) => {
                let parts = folded.chars().enumerate();
                letters.extend(parts.map(|(nth, c)| Letter {
                    c,
                    begins: nth == 0 && letter.begins,
                    ..letter
                }));
            }
            Folded::Separator => {
                if letters.last().is_some_and(|last| !last.is_separator()) {
                    letters.push(Letter { c: ' ', begins: false, ..letter });
                }
            }
            Folded::Accent | Folded::Unseen => {
                // An accent belongs to the letter before it.
                if let Some(last) = letters.last_mut()
                    && last.end == start
                    && !last.is_separator()
                {
                    last.end = letter.end;
                }
                continue;
            }
        }
        before = c;
    }
    letters
}

fn begins(before: char, c: char) -> bool {
    fold(before) == Folded::Separator
        || (before.is_lowercase() && c.is_uppercase())
        || is_digit(before) != is_digit(c)
}

fn is_digit(c: char) -> bool {
    digit(c).is_some()
}

/// The beginning of a word, as much of it as is compared.
pub(super) fn shortened(word: &str) -> &str {
    let mut lengths = (0..=word.len().min(MAX_WORD)).rev();
    lengths.find_map(|length| word.get(..length)).unwrap_or_default()
}

/// A text's words, folded, separated by single spaces.
pub(super) fn folded(text: &str) -> String {
    let folded: String = letters(text).iter().map(|letter| letter.c).collect();
    folded.trim().to_owned()
}
