//! Finds a listed Kinyarwanda verb or adjective behind what is written in one word with it: `ntimwayiguze` has `gura`.

use std::collections::{HashMap, HashSet};

/// Ways to compare, and items. The head of `trade.txt` says how to read it.
pub(super) const TABLE: &str = include_str!("trade_words/kinyarwanda.txt");

/// Fewest letters of a verb with what goes before it, and without. Shorter ones look like words of other languages.
const MIN_VERB: usize = 6;
const MIN_FORM: usize = 3;

/// Most letters of a morpheme before a verb, and of a noun class.
const MAX_PREFIX: usize = 3;

/// What may follow a verb in the same word.
const ENCLITICS: [&str; 6] = ["", "ho", "ko", "mo", "se", "yo"];

/// How the end of a stem changes in the perfective, longer ends first.
const PERFECTIVES: [(&str, &str); 18] = [
    ("nd", "nze"),
    ("nt", "nse"),
    ("nk", "nse"),
    ("ng", "nze"),
    ("sh", "shije"),
    ("r", "ye"),
    ("t", "se"),
    ("k", "tse"),
    ("g", "ze"),
    ("d", "ze"),
    ("z", "je"),
    ("s", "she"),
    ("m", "mye"),
    ("n", "nye"),
    ("b", "bye"),
    ("v", "vuye"),
    ("y", "ye"),
    ("w", "we"),
];

#[derive(Default)]
pub(super) struct Kinyarwanda {
    /// What goes before a verb: whether, who, when and to whom.
    morphemes: HashSet<&'static str>,
    /// What goes before an adjective, after the class of its noun.
    classes: HashSet<&'static str>,
    adjectives: HashSet<&'static str>,
    /// Weights of verbs, by the form without what goes before it.
    forms: HashMap<String, i32>,
}

impl Kinyarwanda {
    pub(super) fn insert(&mut self, how: &str, item: &'static str, weight: i32) {
        match how {
            "adjective" => drop(self.adjectives.insert(item)),
            "class" => drop(self.classes.insert(item)),
            "form" => self.insert_form(item.to_owned(), weight),
            "morpheme" => drop(self.morphemes.insert(item)),
            _ => forms(item).into_iter().for_each(|form| self.insert_form(form, weight)),
        }
    }

    fn insert_form(&mut self, form: String, weight: i32) {
        if form.len() >= MIN_FORM {
            let known = self.forms.entry(form).or_insert(weight);
            *known = weight.max(*known);
        }
    }

    /// The weight of the listed verb that a word is a form of.
    pub(super) fn verb(&self, word: &str) -> Option<i32> {
        if word.len() < MIN_VERB {
            return None;
        }
        let starts = self.starts_of_form(word);
        let bare = ENCLITICS.iter().filter_map(|enclitic| word.strip_suffix(enclitic));
        bare.flat_map(|bare| starts.iter().filter_map(|start| self.forms.get(bare.get(*start..)?)))
            .max()
            .copied()
    }

    /// Where the form of a verb may begin: behind one or more morphemes.
    fn starts_of_form(&self, word: &str) -> Vec<usize> {
        let mut starts = vec![0];
        for end in 1..word.len() {
            let is_behind = |start: &usize| {
                end - start <= MAX_PREFIX
                    && word.get(*start..end).is_some_and(|part| self.morphemes.contains(part))
            };
            if starts.iter().rev().take(MAX_PREFIX).any(is_behind) {
                starts.push(end);
            }
        }
        starts.remove(0);
        starts
    }

    /// Whether a word is a listed adjective or pronoun that agrees with a noun.
    pub(super) fn is_adjective(&self, word: &str) -> bool {
        (1..=MAX_PREFIX)
            .filter_map(|length| word.split_at_checked(length))
            .any(|(class, rest)| self.classes.contains(class) && self.adjectives.contains(rest))
    }
}

/// The forms of a verb, which is listed as `gura`: also the subjunctive, the perfective, the passive, the applicative, the
/// reciprocal and the habitual.
fn forms(verb: &str) -> Vec<String> {
    let stem = verb.strip_suffix('a').unwrap_or(verb);
    let perfective = perfective(stem);
    let passive_perfective = perfective.trim_end_matches('e').to_owned() + "we";
    let last_vowel = stem.bytes().rev().find(|byte| is_vowel(*byte));
    let endings: [&str; 12] = if matches!(last_vowel, Some(b'e' | b'o')) {
        ["a", "e", "wa", "we", "era", "ere", "eye", "erwa", "erwe", "ana", "anye", "aga"]
    } else {
        ["a", "e", "wa", "we", "ira", "ire", "iye", "irwa", "irwe", "ana", "anye", "aga"]
    };
    let mut forms: Vec<_> = endings.iter().map(|ending| stem.to_owned() + ending).collect();
    forms.extend([perfective, passive_perfective]);
    forms
}

fn perfective(stem: &str) -> String {
    let mut ends = PERFECTIVES.iter();
    let changed = ends.find_map(|(end, to)| Some(stem.strip_suffix(end)?.to_owned() + to));
    changed.unwrap_or_else(|| stem.to_owned() + "ye")
}

/// Whether a word is made of syllables as Kinyarwanda has them: consonants that go together, and a vowel.
pub(super) fn has_syllables(word: &str) -> bool {
    let (mut rest, mut is_first) = (word, true);
    while !rest.is_empty() {
        let Some(vowel) = rest.bytes().position(is_vowel) else { return false };
        let (Some(onset), Some(behind)) = (rest.get(..vowel), rest.get(vowel + 1..)) else {
            return false;
        };
        if !is_onset(onset) || (onset.is_empty() && !is_first) {
            return false;
        }
        (rest, is_first) = (behind, false);
    }
    !is_first
}

/// Whether consonants go together at the beginning of a syllable: a nasal, a consonant, and `y` or `w`.
fn is_onset(consonants: &str) -> bool {
    let rest = consonants.strip_prefix(['m', 'n']).unwrap_or(consonants);
    let of_two = ["pf", "sh", "ts"].iter().find_map(|two| rest.strip_prefix(two));
    let of_one = || rest.strip_prefix(|c: char| "bcdfghjklmnprstvz".contains(c));
    let rest = of_two.or_else(of_one).unwrap_or(rest);
    let rest = rest.strip_prefix('y').unwrap_or(rest);
    rest.strip_prefix('w').unwrap_or(rest).is_empty()
}

fn is_vowel(byte: u8) -> bool {
    matches!(byte, b'a' | b'e' | b'i' | b'o' | b'u')
}
