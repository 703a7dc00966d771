//! Finds known names in a text, in any spelling, in one pass.
//!
//! The names form a trie of folded letters. A walk begins at each word of the text, and ends at the first letter that
//! continues no name. It skips a space in the text if a name has one there, or if the name is spelled letter by
//! letter. So spaces, signs and accents make no difference, and the time does not depend on how many names there are.

use std::collections::HashMap;
use std::ops::Range;

use super::fold::{Letter, letters};
use super::spellings::{Spelling, is_joining, is_legal_form};

/// The most spellings that are kept for one request.
const MAX_SPELLINGS: usize = 20_000;

/// The most letters of a spelling. They bound the walk at each word of a text.
const MAX_LETTERS: usize = 128;

/// The most letters of a word that is a legal form of a company.
const MAX_LEGAL_FORM: usize = 16;

/// The names of one request, and what each is.
#[derive(Default)]
pub(super) struct NameTrie {
    /// Places in `places`, by the place before and the next letter. The first place is 0.
    next: HashMap<(usize, char), usize>,
    places: Vec<TrieNode>,
    spellings: usize,
}

#[derive(Clone, Copy, Default)]
struct TrieNode {
    /// True if a word of a name ends here and another one follows.
    is_break: bool,
    /// What the name that ends here is, and whether it needs a capital.
    name: Option<(&'static str, bool)>,
}

impl NameTrie {
    /// True if there are as many spellings as are kept: some may be missing.
    pub(super) fn is_full(&self) -> bool {
        self.spellings >= MAX_SPELLINGS
    }

    /// Adds one spelling of a name. If it was added before, its first meaning stays.
    pub(super) fn insert(&mut self, spelling: &Spelling, what: &'static str) {
        let len = spelling.words.iter().map(|word| word.chars().count()).sum::<usize>();
        if len == 0 || len > MAX_LETTERS || self.is_full() {
            return;
        }
        if self.places.is_empty() {
            self.places.push(TrieNode::default());
        }
        let mut at = 0;
        for (nth, word) in spelling.words.iter().enumerate() {
            if nth > 0 {
                self.places[at].is_break = true;
            }
            for c in word.chars() {
                let free = self.places.len();
                at = *self.next.entry((at, c)).or_insert(free);
                if at == free {
                    self.places.push(TrieNode::default());
                }
            }
        }
        match &mut self.places[at].name {
            Some((_, needs_capital)) => *needs_capital &= spelling.needs_capital,
            name @ None => {
                *name = Some((what, spelling.needs_capital));
                self.spellings += 1;
            }
        }
    }

    /// The names in a text, left to right, and what each is.
    pub(super) fn find(&self, text: &str) -> Vec<(Range<usize>, &'static str)> {
        if self.places.is_empty() {
            return Vec::new();
        }
        let letters = letters(text);
        let mut found = Vec::new();
        let mut at = 0;
        while at < letters.len() {
            match self.longest(text, &letters, at) {
                Some((end, what)) => {
                    let end = with_legal_form(&letters, end, what);
                    let range = letters[at].start..letters[end].end;
                    found.push((with_bracket(text, range), what));
                    at = end + 1;
                }
                None => at += 1,
            }
        }
        found
    }

    /// The last letter of the longest name that begins here.
    fn longest(&self, text: &str, letters: &[Letter], at: usize) -> Option<(usize, &'static str)> {
        if !letters[at].begins {
            return None;
        }
        let has_capital = text[letters[at].start..].starts_with(|c: char| !c.is_lowercase());
        let (mut place, mut in_word, mut is_spelled, mut longest) = (0, 0, false, None);
        for (index, letter) in letters.iter().enumerate().skip(at).take(2 * MAX_LETTERS) {
            if letter.is_separator() {
                if !self.places[place].is_break {
                    // A space after the first letter: the name may be spelled letter by letter.
                    is_spelled |= index == at + 1;
                    if !is_spelled || in_word > 1 {
                        break;
                    }
                }
                in_word = 0;
                continue;
            }
            in_word += 1;
            let Some(next) = self.next.get(&(place, letter.c)) else { break };
            place = *next;
            if is_spelled && in_word > 1 {
                break;
            }
            if let Some((what, needs_capital)) = self.places[place].name
                && (has_capital || !needs_capital)
                && ends_word(letters, index)
            {
                longest = Some((index, what));
            }
        }
        longest
    }
}

/// True if the word ends with this letter.
fn ends_word(letters: &[Letter], index: usize) -> bool {
    letters.get(index + 1).is_none_or(|next| next.is_separator() || next.begins)
}

/// The last letter of the legal form that follows a vendor's name, if one does: `Ltd`, `et Fils SARL`.
fn with_legal_form(letters: &[Letter], mut end: usize, what: &str) -> usize {
    let mut at = end;
    while what == "vendor" && letters.get(at + 1).is_some_and(Letter::is_separator) {
        let rest = letters[at + 2..].iter().take(MAX_LEGAL_FORM);
        let word: String = rest.map(|letter| letter.c).take_while(|c| *c != ' ').collect();
        at += 1 + word.chars().count();
        if is_legal_form(&word) {
            end = at;
        } else if !is_joining(&word) {
            break;
        }
    }
    end
}

/// The range, extended by the bracket that closes one inside it: `Plug and Co (fictitious)`.
fn with_bracket(text: &str, mut range: Range<usize>) -> Range<usize> {
    for (open, close) in [('(', ')'), ('[', ']'), ('{', '}')] {
        let count = |c: char| text[range.clone()].matches(c).count();
        if count(open) > count(close) && text[range.end..].starts_with(close) {
            range.end += close.len_utf8();
        }
    }
    range
}
