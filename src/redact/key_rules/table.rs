//! The table of names, `key_names.txt`, with bit sets that rule out most words quickly.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::kind::KeyKind;
use super::words::KeyWords;

/// Words that a sentence assigns by, in English, French and Kinyarwanda.
pub(in crate::redact) const LINKS: [&str; 7] = ["are", "est", "ari", "is", "ni", "sont", "was"];

pub(super) static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let table = Table::new(include_str!("key_names.txt"));
    #[cfg(feature = "testing")]
    let table = table.with(ADDED.get_or_init(String::new));
    table
});

/// Lines that a test adds to the table before its first use.
#[cfg(feature = "testing")]
static ADDED: std::sync::OnceLock<String> = std::sync::OnceLock::new();

/// Adds lines to the table of this process. False if the table is in use already.
#[cfg(feature = "testing")]
pub(crate) fn add_names(lines: String) -> bool {
    ADDED.set(lines).is_ok()
}

/// What may stand before a name and says where it matches.
const SIGNS: [char; 4] = ['=', '~', '*', '^'];

struct Listed {
    kind: KeyKind,
    is_whole: bool,
}

pub(super) struct Table {
    names: HashMap<String, Listed>,
    /// Names that match the end of the last word of a key.
    endings: Vec<(String, KeyKind)>,
    /// Names that match anywhere in a key.
    anywhere: Vec<(String, KeyKind)>,
    /// Names that match the first words of a key.
    beginnings: Vec<(String, KeyKind)>,
    pub(super) qualifiers: HashSet<&'static str>,
    /// One bit for the last two letters of each name whose values are withheld, and of each qualifier. Most keys end
    /// in other letters.
    withheld_ends: [u64; 16],
    /// One bit for the first three letters of each name that matches the first words of a key.
    first_letters: [u64; 512],
    /// One bit for the last word of each name of a secret, by the word's hash.
    pub(super) last_words: [u64; 64],
    /// One bit for the last four letters of each word that may stand before a value.
    pub(super) word_ends: [u64; 512],
}

impl Table {
    fn new(text: &'static str) -> Self {
        let mut table = Self {
            names: HashMap::new(),
            endings: Vec::new(),
            anywhere: Vec::new(),
            beginnings: Vec::new(),
            qualifiers: HashSet::new(),
            withheld_ends: [0; 16],
            first_letters: [0; 512],
            last_words: [0; 64],
            word_ends: [0; 512],
        };
        for link in LINKS {
            table.note_word(link);
        }
        table.with(text)
    }

    /// The table with further lines, in the form of the file.
    fn with(mut self, text: &'static str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        for (kind, names) in lines.filter_map(|line| line.split_once(':')) {
            for name in names.split_ascii_whitespace() {
                if let Some(kind) = KeyKind::named(kind) {
                    self.insert(name, kind);
                } else {
                    self.qualifiers.insert(name);
                    self.note_end(name);
                }
            }
        }
        self
    }

    fn insert(&mut self, name: &str, kind: KeyKind) {
        let glued: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        let whole = name.trim_start_matches(SIGNS);
        let signs = &name[..name.len() - whole.len()];
        if kind.withheld().is_some() {
            for word in
                [whole.rsplit('_').next().unwrap_or_default(), "yawe", "yanjye", "code", "kode"]
            {
                let bit = word_bit(word);
                self.last_words[bit / 64] |= 1 << (bit % 64);
                self.note_word(word);
            }
            self.note_end(&glued);
        }
        for (sign, names) in
            [('~', &mut self.endings), ('*', &mut self.anywhere), ('^', &mut self.beginnings)]
        {
            if signs.contains(sign) {
                names.push((glued.clone(), kind));
            }
        }
        if signs.contains('^')
            && let Some(bit) = first_letters(&glued)
        {
            self.first_letters[bit / 64] |= 1 << (bit % 64);
        }
        self.names.insert(glued, Listed { kind, is_whole: signs.contains('=') });
    }

    fn note_end(&mut self, name: &str) {
        if let Some(end) = last_letters(name) {
            self.withheld_ends[end / 64] |= 1 << (end % 64);
        }
        self.note_word(name);
    }

    fn note_word(&mut self, word: &str) {
        let end = match word.as_bytes() {
            [.., fourth, third, before, last] => [*fourth, *third, *before, *last],
            [third, before, last] => [b' ', *third, *before, *last],
            [before, last] => [b' ', b' ', *before, *last],
            _ => return,
        };
        let bit = ending_bit(end);
        self.word_ends[bit / 64] |= 1 << (bit % 64);
    }

    /// Whether the values of a key may have to be withheld. Its last letters decide, and its first ones.
    pub(super) fn may_be_withheld(&self, key: &str) -> bool {
        last_letters(key).is_none_or(|end| has_bit(&self.withheld_ends, end))
            || self.may_begin_name(key)
            || key.rfind(['.', '/']).is_some_and(|dot| self.may_begin_name(&key[dot + 1..]))
    }

    fn may_begin_name(&self, part: &str) -> bool {
        first_letters(part).is_none_or(|start| has_bit(&self.first_letters, start))
    }

    pub(super) fn kind(&self, name: &KeyWords) -> Option<KeyKind> {
        let glued = name.glued.as_str();
        let parts = [Some(glued), glued.get(name.component..)];
        if parts.into_iter().flatten().any(|part| self.may_begin_name(part))
            && let Some((_, kind)) =
                self.beginnings.iter().find(|(first, _)| name.begins_with(first))
        {
            return Some(*kind);
        }
        let listed = name.starts().find_map(|start| {
            let listed = self.names.get(&glued[start..])?;
            (!listed.is_whole || start == name.component).then_some(listed.kind)
        });
        let ending = || self.endings.iter().find(|(ending, _)| glued.ends_with(ending.as_str()));
        let inside = || self.anywhere.iter().find(|(part, _)| glued.contains(part.as_str()));
        listed.or_else(|| ending().or_else(inside).map(|(_, kind)| *kind))
    }
}

pub(super) const fn has_bit(bits: &[u64], bit: usize) -> bool {
    bits[bit / 64] & 1 << (bit % 64) != 0
}

/// The bit of a word, without case. It depends on the length and the last four letters only, so that a long word
/// takes no longer than a short one.
pub(super) fn word_bit(word: &str) -> usize {
    let bytes = word.as_bytes();
    let end = bytes.last_chunk().copied().unwrap_or_else(|| {
        let mut end = [0; 4];
        end[..bytes.len()].copy_from_slice(bytes);
        end
    });
    // This bit turns a capital into a small letter.
    let letters = u32::from_le_bytes(end) | 0x2020_2020;
    let length = u32::try_from(bytes.len()).unwrap_or_default();
    let hash = (letters ^ length << 24).wrapping_mul(0x9e37_79b1);
    usize::from(u16::try_from(hash >> 20).unwrap_or_default())
}

/// The bit of the last four letters of a word, without case. A character that is not a letter stands before the word.
#[inline]
pub(super) fn ending_bit([fourth, third, before, last]: [u8; 4]) -> usize {
    let letter = |byte: u8| if byte.is_ascii_alphabetic() { usize::from(byte & 31) } else { 0 };
    let third = letter(third);
    let fourth = if third == 0 { 0 } else { letter(fourth) };
    (letter_pair(last, before) * 32 + third) ^ (fourth * 997)
}

/// The last two letters of a key, without the digits and signs after them. `None` if they are not ASCII.
fn last_letters(key: &str) -> Option<usize> {
    let letters =
        key.bytes().rev().skip_while(|byte| byte.is_ascii() && !byte.is_ascii_alphabetic());
    let mut letters = letters.filter(|byte| !matches!(byte, b'_' | b'-'));
    let (last, before) = (letters.next()?, letters.next()?);
    let are_letters = last.is_ascii_alphabetic() && before.is_ascii_alphabetic();
    are_letters.then(|| letter_pair(last, before))
}

/// The bit of the first three letters of a key, without case. `None` if they are not ASCII.
fn first_letters(key: &str) -> Option<usize> {
    let mut letters = key.bytes().filter(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii());
    let [first, second, third] = std::array::from_fn(|_| letters.next().unwrap_or(b'@'));
    let are_letters = first.is_ascii() && second.is_ascii() && third.is_ascii();
    are_letters.then(|| letter_pair(first, second) * 32 + usize::from(third & 31))
}

/// The bit of two letters, without case.
const fn letter_pair(last: u8, before: u8) -> usize {
    (last & 31) as usize * 32 + (before & 31) as usize
}
