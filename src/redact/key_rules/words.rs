//! Splits a key's name into words for comparison.

use crate::redact::fold::{Folded, fold};

/// The most bytes of a key that are looked at, from its end.
const KEY_MAX: usize = 96;
/// The most words of a key that are compared, from its end. Invisible characters may split a key into single letters.
const WORDS_MAX: usize = 96;

/// A key without case, accents and signs, and where its words begin.
pub(super) struct KeyWords {
    pub(super) glued: String,
    starts: [u8; WORDS_MAX],
    pub(super) count: usize,
    /// Where the part after the last dot begins.
    pub(super) component: usize,
}

impl KeyWords {
    pub(super) fn new(key: &str) -> Self {
        let key = &key[key.ceil_char_boundary(key.len().saturating_sub(KEY_MAX))..];
        let mut name = Self {
            glued: String::with_capacity(key.len()),
            starts: [0; WORDS_MAX],
            count: 0,
            component: 0,
        };
        let mut before = ' ';
        let mut chars = key.chars().peekable();
        while let Some(c) = chars.next() {
            let folded = fold(c);
            match folded {
                Folded::Accent => continue,
                Folded::Separator | Folded::Unseen => {
                    if matches!(c, '.' | '/') {
                        name.component = name.glued.len();
                    }
                    before = ' ';
                    continue;
                }
                Folded::Letter(_) | Folded::Letters(_) => {}
            }
            let next_is_small = chars.peek().is_some_and(|next| next.is_lowercase());
            let begins =
                before == ' ' || (c.is_uppercase() && (!before.is_uppercase() || next_is_small));
            if begins {
                name.begin_word();
            }
            match folded {
                Folded::Letter(c) => name.glued.push(c),
                Folded::Letters(letters) => name.glued.push_str(letters),
                Folded::Accent | Folded::Separator | Folded::Unseen => {}
            }
            before = c;
        }
        name
    }

    fn begin_word(&mut self) {
        if self.count == WORDS_MAX {
            self.starts.copy_within(1.., 0);
            self.count -= 1;
        }
        self.starts[self.count] = u8::try_from(self.glued.len()).unwrap_or(u8::MAX);
        self.count += 1;
    }

    pub(super) fn starts(&self) -> impl Iterator<Item = usize> {
        self.starts[..self.count].iter().map(|start| usize::from(*start))
    }

    /// Whether the key, or its part after the last dot, begins with these words.
    pub(super) fn begins_with(&self, words: &str) -> bool {
        [0, self.component].into_iter().any(|start| {
            let end = start + words.len();
            self.glued.get(start..end) == Some(words)
                && (end == self.glued.len() || self.starts().any(|start| start == end))
        })
    }

    pub(super) fn last_start(&self) -> usize {
        self.starts().last().unwrap_or_default()
    }

    pub(super) fn last_word(&self) -> &str {
        &self.glued[self.last_start()..]
    }

    pub(super) fn shorten(&mut self, len: usize) {
        self.glued.truncate(len);
        while self.count > 0 && usize::from(self.starts[self.count - 1]) >= len {
            self.count -= 1;
        }
    }
}
