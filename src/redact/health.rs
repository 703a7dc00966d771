//! Whether a text looks medical, in English, French and Kinyarwanda.
//!
//! Words are compared, not understood. When in doubt it is health: an external pack then shows less. The
//! request's category decides first, or what a photo shows; a request that ended before it had a category
//! counts as one about health.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::fold::{Letter, letters, shortened};

/// Kinds, ways to compare, and words.
pub(super) const TABLE: &str = include_str!("health_words.txt");

/// Fewest letters of a beginning that is compared in loose spelling.
const MIN_LOOSE: usize = 6;

/// Fewest letters of a beginning, an ending or a stem.
const MIN_PART: usize = 4;

/// Fewest letters of a Kinyarwanda stem that may be glued to what goes before it.
const MIN_GLUED: usize = 6;

/// How many words before and after a part of the body may say what is wrong with it.
const NEAR: usize = 5;

static LEXICON: LazyLock<Lexicon> = LazyLock::new(Lexicon::new);

/// How sure a text's words are about a person's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sign {
    /// It may be about health: the text is hidden.
    Weak,
    /// It names a disease or a medicine: the whole request is about health.
    Strong,
}

#[derive(Default)]
struct Lexicon {
    words: HashMap<&'static str, Sign>,
    starts: HashMap<&'static str, Sign>,
    /// Beginnings in loose spelling.
    loose: HashMap<String, Sign>,
    ends: HashMap<&'static str, Sign>,
    stems: HashMap<&'static str, Sign>,
    /// Words that say whose a part of a body is, the parts, and what may befall one.
    owners: HashSet<&'static str>,
    parts: HashSet<&'static str>,
    troubles: HashSet<&'static str>,
    /// Emoji.
    emoji: HashSet<char>,
    /// Phrases by their first word.
    phrases: HashMap<&'static str, Vec<(Vec<&'static str>, Sign)>>,
}

/// Whether a text looks medical.
pub(crate) fn looks_medical(text: &str) -> bool {
    sign(text).is_some()
}

/// The surest sign of health in a text.
pub(super) fn sign(text: &str) -> Option<Sign> {
    let words = words(text);
    let of_words = words.iter().filter_map(|word| LEXICON.sign_of(word)).max();
    let of_phrases = (0..words.len()).filter_map(|at| LEXICON.sign_of_phrase(&words[at..])).max();
    let of_parts = || LEXICON.has_part_in_trouble(&words).then_some(Sign::Weak);
    let of_emoji = || text.chars().any(|c| LEXICON.emoji.contains(&c)).then_some(Sign::Weak);
    of_words.max(of_phrases).or_else(of_parts).or_else(of_emoji)
}

impl Lexicon {
    fn new() -> Self {
        let mut lexicon = Self::default();
        for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
            let Some((head, items)) = line.split_once(':') else { continue };
            let Some((kind, how)) = head.split_once(' ') else { continue };
            let sign =
                if matches!(kind, "disease" | "medicine") { Sign::Strong } else { Sign::Weak };
            match how {
                "emoji" => lexicon.emoji.extend(items.chars().filter(|c| !c.is_ascii())),
                "phrase" => items.split(',').for_each(|phrase| lexicon.insert_phrase(phrase, sign)),
                _ => items.split_whitespace().for_each(|word| lexicon.insert(how, word, sign)),
            }
        }
        lexicon
    }

    fn insert(&mut self, how: &str, word: &'static str, sign: Sign) {
        let set = match how {
            "owner" => Some(&mut self.owners),
            "part" => Some(&mut self.parts),
            "trouble" => Some(&mut self.troubles),
            _ => None,
        };
        if let Some(set) = set {
            set.insert(word);
            return;
        }
        let known = match how {
            "end" => &mut self.ends,
            "start" => {
                let loose = loosely(word);
                if loose.len() >= MIN_LOOSE {
                    self.loose.insert(loose, sign);
                }
                &mut self.starts
            }
            "stem" => &mut self.stems,
            _ => &mut self.words,
        };
        known.insert(word, sign);
    }

    fn insert_phrase(&mut self, phrase: &'static str, sign: Sign) {
        let mut words = phrase.split_whitespace();
        if let Some(first) = words.next() {
            self.phrases.entry(first).or_default().push((words.collect(), sign));
        }
    }

    fn sign_of(&self, word: &str) -> Option<Sign> {
        let word = shortened(word);
        let loose = loosely(word);
        let starts = prefixes(word).filter_map(|start| self.starts.get(start));
        let loose = prefixes(&loose).filter_map(|start| self.loose.get(start));
        let ends = suffixes(word).filter_map(|end| self.ends.get(end));
        let stems = suffixes(word).filter(|end| is_stem(word, end));
        let stems = stems.filter_map(|stem| self.stems.get(stem));
        self.words
            .get(word)
            .into_iter()
            .chain(starts)
            .chain(loose)
            .chain(ends)
            .chain(stems)
            .copied()
            .max()
    }

    /// `my left knee is swollen`: a part of a person's body, near what may befall one.
    fn has_part_in_trouble(&self, words: &[String]) -> bool {
        let is_owner = |word: &&String| self.owners.contains(word.as_str());
        // Kinyarwanda says whose behind it: `ukuboko kwanjye`.
        let is_own = |word: &&String| word.ends_with("anjye") || word.ends_with("awe");
        words.iter().enumerate().any(|(at, word)| {
            let before = &words[at.saturating_sub(2)..at];
            let behind = &words[at + 1..words.len().min(at + 2)];
            let near = &words[at.saturating_sub(NEAR)..words.len().min(at + 1 + NEAR)];
            self.parts.contains(word.as_str())
                && (before.iter().any(|word| is_owner(&word))
                    || behind.iter().any(|word| is_own(&word)))
                && near.iter().any(|word| self.troubles.contains(word.as_str()))
        })
    }

    fn sign_of_phrase(&self, words: &[String]) -> Option<Sign> {
        let (first, rest) = words.split_first()?;
        let begins = |phrase: &&(Vec<&str>, Sign)| {
            phrase.0.len() <= rest.len()
                && phrase.0.iter().zip(rest).all(|(one, other)| one == other)
        };
        let phrases = self.phrases.get(first.as_str())?.iter().filter(begins);
        phrases.map(|(_, sign)| *sign).max()
    }
}

/// The words of a text, folded: split at separators, and also at a capital or a digit inside a word.
/// Single letters in a row are one more word: `H.I.V.`
fn words(text: &str) -> Vec<String> {
    let letters = letters(text);
    let mut words: Vec<String> = Vec::new();
    let mut whole = HashSet::new();
    for token in letters.split(Letter::is_separator).filter(|token| !token.is_empty()) {
        let mut parts = 0;
        for (index, letter) in token.iter().enumerate() {
            if index == 0 || letter.begins {
                words.push(String::new());
                parts += 1;
            }
            if let Some(word) = words.last_mut() {
                word.push(letter.c);
            }
        }
        if parts > 1 {
            whole.insert(token.iter().map(|letter| letter.c).collect::<String>());
        }
    }
    let mut spelled = String::new();
    for word in words.iter().map(String::as_str).chain([""]) {
        if word.len() == 1 {
            spelled.push_str(word);
        } else if spelled.len() > 2 {
            whole.insert(std::mem::take(&mut spelled));
        } else {
            spelled.clear();
        }
    }
    // Behind the others, so that they part no phrase.
    words.push(" ".to_owned());
    words.extend(whole);
    words
}

/// Whether a word is a stem with at most one vowel before it, or ends with a long one.
fn is_stem(word: &str, stem: &str) -> bool {
    let before = &word[..word.len() - stem.len()];
    stem.len() >= MIN_GLUED || matches!(before, "" | "a" | "i" | "u")
}

fn prefixes(word: &str) -> impl Iterator<Item = &str> {
    (MIN_PART..=word.len()).filter_map(|len| word.get(..len))
}

fn suffixes(word: &str) -> impl Iterator<Item = &str> {
    (MIN_PART..=word.len()).filter_map(|len| word.get(word.len() - len..))
}

/// A word as it sounds, roughly: `parasetamoll` and `paracetamol` are one.
fn loosely(word: &str) -> String {
    let mut loose = String::with_capacity(word.len());
    let mut chars = word.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied().unwrap_or(' ');
        let sound = match c {
            'c' if matches!(next, 'e' | 'i' | 'y') => 's',
            'c' | 'q' => 'k',
            'h' => continue,
            'p' if next == 'h' => 'f',
            'y' => 'i',
            'z' => 's',
            c => c,
        };
        if !loose.ends_with(sound) {
            loose.push(sound);
        }
    }
    loose
}
