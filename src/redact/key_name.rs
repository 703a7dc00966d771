//! Tells what a value is by the name of its key, in any case style. The names are in
//! `key_names.txt`.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::key_words::Name;
use super::kind::Kind;

/// What a name says of the values below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyKind {
    /// A street, which no reader may see.
    Address,
    /// A day of birth.
    BirthDate,
    /// A one-time code, a PIN or a card's check, as text or number.
    Code,
    /// A phone number or a user's id if it is nothing but digits.
    Digits,
    /// An e-mail address.
    Email,
    /// Something about a person's health.
    Health,
    /// Raw content.
    Media,
    /// The number of an identity card or a passport.
    NationalId,
    /// A password, which may be short.
    Password,
    /// What was sent or read as a whole.
    Payload,
    /// A person's name.
    Person,
    /// A phone number, however it is written.
    Phone,
    /// Nothing, although the name ends like one that does.
    Plain,
    /// A credential.
    Secret,
    /// A link that is a key to what it names.
    SignedUrl,
}

impl KeyKind {
    fn named(kind: &str) -> Option<Self> {
        Some(match kind {
            "address" => Self::Address,
            "birth_date" => Self::BirthDate,
            "code" => Self::Code,
            "digits" => Self::Digits,
            "email" => Self::Email,
            "health" => Self::Health,
            "media" => Self::Media,
            "national_id" => Self::NationalId,
            "password" => Self::Password,
            "payload" => Self::Payload,
            "person" => Self::Person,
            "phone" => Self::Phone,
            "plain" => Self::Plain,
            "secret" => Self::Secret,
            "signed_url" => Self::SignedUrl,
            _ => return None,
        })
    }

    /// What never enters the store.
    pub(super) const fn withheld(self) -> Option<Kind> {
        match self {
            Self::Code | Self::Password | Self::Secret => Some(Kind::Secret),
            Self::Media => Some(Kind::Media),
            Self::SignedUrl => Some(Kind::SignedUrl),
            _ => None,
        }
    }

    /// The replacement for a value that is always masked.
    pub(super) const fn mask(self) -> Option<&'static str> {
        match self {
            Self::Address => Some("[address]"),
            Self::BirthDate => Some("[birth_date]"),
            Self::Code | Self::Password | Self::Secret => Some("[secret]"),
            Self::Health => Some("[health]"),
            Self::Media => Some("[media]"),
            Self::NationalId => Some("[national_id]"),
            Self::Person => Some("[name]"),
            Self::SignedUrl => Some("[signed_url]"),
            _ => None,
        }
    }

    /// Whether a number of so many digits is one of the kind: below a credential's name a short one
    /// counts something.
    pub(super) const fn takes_number(self, digits: usize) -> bool {
        match self {
            Self::Password | Self::Secret | Self::Media | Self::SignedUrl => digits >= 4,
            _ => true,
        }
    }
}

/// What a value under this key is; `None` if the table does not say.
pub(super) fn kind_of(key: &str) -> Option<KeyKind> {
    let table = &*TABLE;
    let mut name = Name::new(key);
    loop {
        if let Some(kind) = table.kind(&name) {
            return Some(kind);
        }
        let digits = name.last_word().bytes().rev().take_while(u8::is_ascii_digit).count();
        if digits > 0 && digits < name.last_word().len() {
            name.shorten(name.glued.len() - digits);
        } else if name.count > 1 && table.qualifiers.contains(name.last_word()) {
            name.shorten(name.last_start());
        } else {
            let single = name.glued.strip_suffix('s').map(str::len)?;
            name.shorten(single);
            // A count of tokens is no token.
            return table.kind(&name).filter(|kind| kind.withheld().is_none());
        }
    }
}

/// What under this key must not enter the store.
pub(super) fn kind_withheld(key: &str) -> Option<KeyKind> {
    if !TABLE.may_be_withheld(key) {
        return None;
    }
    kind_of(key).filter(|kind| kind.withheld().is_some())
}

/// What secret the name of a value in a text promises.
pub(super) fn secret_kind(name: &str) -> Option<KeyKind> {
    let kind = if name.len() < 3 { None } else { kind_withheld(name) };
    kind.filter(|kind| kind.withheld() == Some(Kind::Secret))
}

/// Whether a word that ends a text may be the last of a secret's name, or one of the words that a sentence assigns
/// by: by its last four letters. Most words end in others: this spares the look for where the word begins.
#[inline]
pub(super) fn may_end_name(text: &[u8]) -> bool {
    text.last_chunk().is_none_or(|end: &[u8; 4]| {
        u32::from_ne_bytes(*end) & 0x8080_8080 != 0 || has_bit(&TABLE.word_ends, ending_bit(*end))
    })
}

/// Whether a secret's name may end with this word of a sentence.
pub(super) fn ends_secret_name(word: &str) -> bool {
    has_bit(&TABLE.last_words, word_bit(word))
}

const fn has_bit(bits: &[u64], bit: usize) -> bool {
    bits[bit / 64] & 1 << (bit % 64) != 0
}

/// Whether the key says that digits below it are a phone number, however they are written.
pub(super) fn is_phone_key(key: &str) -> bool {
    kind_of(key) == Some(KeyKind::Phone)
}

/// Whether the name says which of several values it is, and not what they are: `old`, `value`.
pub(super) fn is_qualifier(name: &str) -> bool {
    matches!(name, "after" | "before") || TABLE.qualifiers.contains(name)
}

/// Whether the key says that a person's name stands below it.
pub(super) fn is_person_key(key: &str) -> bool {
    kind_of(key) == Some(KeyKind::Person)
}

/// Words that a sentence assigns by, in English, French and Kinyarwanda.
pub(super) const LINKS: [&str; 7] = ["are", "est", "ari", "is", "ni", "sont", "was"];

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let table = Table::new(include_str!("key_names.txt"));
    #[cfg(feature = "testing")]
    let table = table.with(ADDED.get_or_init(String::new));
    table
});

/// What a test adds to the table before its first use.
#[cfg(feature = "testing")]
static ADDED: std::sync::OnceLock<String> = std::sync::OnceLock::new();

/// Adds lines to the table of this process; whether it was in time.
#[cfg(feature = "testing")]
pub(crate) fn add_names(lines: String) -> bool {
    ADDED.set(lines).is_ok()
}

struct Listed {
    kind: KeyKind,
    is_whole: bool,
}

struct Table {
    names: HashMap<String, Listed>,
    /// What a key may end with inside of its last word.
    endings: Vec<(String, KeyKind)>,
    /// What may stand anywhere in a key.
    anywhere: Vec<(String, KeyKind)>,
    qualifiers: HashSet<&'static str>,
    /// Has a bit for the last two letters of each name that is withheld, and of each qualifier: most keys
    /// end in none of them.
    withheld_ends: [u64; 16],
    /// Has a bit for the last word of each name of a secret, by its hash.
    last_words: [u64; 64],
    /// Has a bit for the last four letters of each word that may stand before a value.
    word_ends: [u64; 512],
}

impl Table {
    fn new(text: &'static str) -> Self {
        let mut table = Self {
            names: HashMap::new(),
            endings: Vec::new(),
            anywhere: Vec::new(),
            qualifiers: HashSet::new(),
            withheld_ends: [0; 16],
            last_words: [0; 64],
            word_ends: [0; 512],
        };
        for link in LINKS {
            table.note_word(link);
        }
        table.with(text)
    }

    /// The table with further lines of the form that the file has.
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
        if kind.withheld().is_some() {
            let whole = name.trim_start_matches(['=', '~', '*']);
            for word in
                [whole.rsplit('_').next().unwrap_or_default(), "yawe", "yanjye", "code", "kode"]
            {
                let bit = word_bit(word);
                self.last_words[bit / 64] |= 1 << (bit % 64);
                self.note_word(word);
            }
            self.note_end(&glued);
        }
        if name.starts_with('~') {
            self.endings.push((glued.clone(), kind));
        } else if name.starts_with('*') {
            self.anywhere.push((glued.clone(), kind));
        }
        self.names.insert(glued, Listed { kind, is_whole: name.starts_with('=') });
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

    /// Whether the key may be one of those that are withheld, by its last letters.
    fn may_be_withheld(&self, key: &str) -> bool {
        last_letters(key).is_none_or(|end| has_bit(&self.withheld_ends, end))
    }

    fn kind(&self, name: &Name) -> Option<KeyKind> {
        let glued = name.glued.as_str();
        let listed = name.starts().find_map(|start| {
            let listed = self.names.get(&glued[start..])?;
            (!listed.is_whole || start == name.component).then_some(listed.kind)
        });
        let ending = || self.endings.iter().find(|(ending, _)| glued.ends_with(ending.as_str()));
        let inside = || self.anywhere.iter().find(|(part, _)| glued.contains(part.as_str()));
        listed.or_else(|| ending().or_else(inside).map(|(_, kind)| *kind))
    }
}

/// The number of a bit for a word without case: by its length and its last four letters, so that a long word takes
/// no longer than a short one.
fn word_bit(word: &str) -> usize {
    let bytes = word.as_bytes();
    let end = bytes.last_chunk().copied().unwrap_or_else(|| {
        let mut end = [0; 4];
        end[..bytes.len()].copy_from_slice(bytes);
        end
    });
    // The bit that makes a capital small.
    let letters = u32::from_le_bytes(end) | 0x2020_2020;
    let length = u32::try_from(bytes.len()).unwrap_or_default();
    let hash = (letters ^ length << 24).wrapping_mul(0x9e37_79b1);
    usize::from(u16::try_from(hash >> 20).unwrap_or_default())
}

/// The number of a bit for the last four letters of a word, without case. What is no letter stands before the word.
#[inline]
fn ending_bit([fourth, third, before, last]: [u8; 4]) -> usize {
    let letter = |byte: u8| if byte.is_ascii_alphabetic() { usize::from(byte & 31) } else { 0 };
    let third = letter(third);
    let fourth = if third == 0 { 0 } else { letter(fourth) };
    (letter_pair(last, before) * 32 + third) ^ (fourth * 997)
}

/// The last two letters of a key, digits and signs behind them apart; `None` if they are not of ASCII.
fn last_letters(key: &str) -> Option<usize> {
    let letters =
        key.bytes().rev().skip_while(|byte| byte.is_ascii() && !byte.is_ascii_alphabetic());
    let mut letters = letters.filter(|byte| !matches!(byte, b'_' | b'-'));
    let (last, before) = (letters.next()?, letters.next()?);
    let are_letters = last.is_ascii_alphabetic() && before.is_ascii_alphabetic();
    are_letters.then(|| letter_pair(last, before))
}

/// The number of a bit for two letters, without case.
const fn letter_pair(last: u8, before: u8) -> usize {
    (last & 31) as usize * 32 + (before & 31) as usize
}
