//! Finds out what a value is from the name of its key, in any case style. The names are in
//! `key_names.txt`.

mod kind;
mod name_value_pair;
mod table;
mod words;

use self::table::{TABLE, ending_bit, has_bit, word_bit};
use self::words::KeyWords;
use super::kind::Kind;

pub(super) use self::kind::KeyKind;
pub(super) use self::name_value_pair::name_and_values;
pub(super) use self::table::LINKS;
#[cfg(feature = "testing")]
pub(crate) use self::table::add_names;

/// What a value under this key is; `None` if the table does not say.
pub(super) fn kind_of(key: &str) -> Option<KeyKind> {
    let table = &*TABLE;
    let mut name = KeyWords::new(key);
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
            // A plural such as `tokens` is a count, not a secret.
            return table.kind(&name).filter(|kind| kind.withheld().is_none());
        }
    }
}

/// The kind of a value under this key that must not enter the store.
pub(super) fn kind_withheld(key: &str) -> Option<KeyKind> {
    if !TABLE.may_be_withheld(key) {
        return None;
    }
    kind_of(key).filter(|kind| kind.withheld().is_some())
}

/// The kind of secret that the name of a value in a text announces.
pub(super) fn secret_kind(name: &str) -> Option<KeyKind> {
    let kind = if name.len() < 3 { None } else { kind_withheld(name) };
    kind.filter(|kind| kind.withheld() == Some(Kind::Secret))
}

/// Whether the last word of a text may end the name of a secret, or be a word that a sentence assigns by. Its last
/// four letters decide. Most words end in others, which saves the search for where the word begins.
#[inline]
pub(super) fn may_end_name(text: &[u8]) -> bool {
    text.last_chunk().is_none_or(|end: &[u8; 4]| {
        u32::from_ne_bytes(*end) & 0x8080_8080 != 0 || has_bit(&TABLE.word_ends, ending_bit(*end))
    })
}

/// Whether the name of a secret may end with this word of a sentence.
pub(super) fn ends_secret_name(word: &str) -> bool {
    has_bit(&TABLE.last_words, word_bit(word))
}

/// Whether the key says that digits below it are a phone number, however they are written.
pub(super) fn is_phone_key(key: &str) -> bool {
    kind_of(key) == Some(KeyKind::Phone)
}

/// Whether the name only tells values apart, and does not say what they are: `old`, `value`.
pub(super) fn is_qualifier(name: &str) -> bool {
    matches!(name, "after" | "before") || TABLE.qualifiers.contains(name)
}

/// Whether the key says that a person's name stands below it.
pub(super) fn is_person_key(key: &str) -> bool {
    kind_of(key) == Some(KeyKind::Person)
}
