//! Whether a text speaks of trade more than of anything else, in English, French and Kinyarwanda.
//!
//! A list of words cannot cover every way to speak of an illness: `nothing stays down` has no medical word. So a text
//! needs evidence that it is about trade. Each word weighs for trade or against it, and a word that nobody listed
//! weighs against it. Words are compared, not understood.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::fold::{Letter, letters, shortened};

/// Weights, ways to compare, and words. The head of the first says how to read them.
pub(super) const TABLES: [&str; 6] = [
    include_str!("trade_words/trade.txt"),
    include_str!("trade_words/trade_phrases.txt"),
    include_str!("trade_words/plain.txt"),
    include_str!("trade_words/talk.txt"),
    include_str!("trade_words/doubt.txt"),
    include_str!("trade_words/hide.txt"),
];

/// The weight of a word that nothing outweighs.
const HIDE: i32 = -100;

/// What a word weighs that is not listed: it may be one of health.
const UNLISTED: i32 = -1;

/// What a number weighs that is long enough for a price, and its fewest digits.
const PRICE: i32 = 1;
const MIN_PRICE: usize = 4;

/// Fewest letters of the beginning of a word, and of a Kinyarwanda stem.
const MIN_START: usize = 3;
const MIN_STEM: usize = 4;

/// Fewest and most letters in which a Kinyarwanda verb says who does it.
const MIN_SUBJECT: usize = 2;
const MAX_SUBJECT: usize = 8;

static LEXICON: LazyLock<Lexicon> = LazyLock::new(Lexicon::new);

#[derive(Default)]
struct Lexicon {
    words: HashMap<&'static str, i32>,
    starts: HashMap<&'static str, i32>,
    /// Ends of Kinyarwanda words.
    stems: HashMap<&'static str, i32>,
    /// How Kinyarwanda verbs begin, which say who does it: a person or a thing.
    subjects: HashMap<&'static str, i32>,
    /// Phrases by their first word, the longest first.
    phrases: HashMap<&'static str, Vec<Phrase>>,
    /// Words of small talk.
    talk: HashSet<&'static str>,
}

struct Phrase {
    /// The words behind the first.
    rest: Vec<&'static str>,
    weight: i32,
    is_talk: bool,
}

/// What the words of a text weigh together.
struct Weighed {
    sum: i32,
    has_evidence: bool,
    hides: bool,
    is_talk: bool,
}

/// Whether a text has evidence of trade that nothing outweighs, or is small talk: a greeting, a number, a yes.
pub(super) fn speaks_of_trade(text: &str) -> bool {
    let weighed = LEXICON.weigh(text);
    weighed.is_talk || (weighed.has_evidence && !weighed.hides && weighed.sum >= 0)
}

impl Weighed {
    const NOTHING: Self = Self { sum: 0, has_evidence: false, hides: false, is_talk: true };

    fn add(&mut self, weight: i32, is_talk: bool) {
        self.sum = self.sum.saturating_add(weight);
        self.has_evidence |= weight > 0;
        self.hides |= weight <= HIDE;
        self.is_talk &= is_talk;
    }
}

impl Lexicon {
    fn new() -> Self {
        let mut lexicon = Self::default();
        let lines = TABLES.iter().flat_map(|table| table.lines());
        for line in lines.filter(|line| !line.starts_with('#')) {
            let Some((head, items)) = line.split_once(':') else { continue };
            let Some((weight, how)) = head.split_once(' ') else { continue };
            let is_talk = weight == "talk";
            let weight = if weight == "hide" { HIDE } else { weight.parse().unwrap_or(0) };
            if how == "phrase" {
                lexicon.insert_phrases(items, weight, is_talk);
                continue;
            }
            if is_talk {
                lexicon.talk.extend(items.split_whitespace());
            }
            let known = match how {
                "start" => &mut lexicon.starts,
                "stem" => &mut lexicon.stems,
                "subject" => &mut lexicon.subjects,
                _ => &mut lexicon.words,
            };
            known.extend(items.split_whitespace().map(|item| (item, weight)));
        }
        for phrases in lexicon.phrases.values_mut() {
            phrases.sort_by_key(|phrase| std::cmp::Reverse(phrase.rest.len()));
        }
        lexicon
    }

    fn insert_phrases(&mut self, phrases: &'static str, weight: i32, is_talk: bool) {
        for phrase in phrases.split(',') {
            let mut words = phrase.split_whitespace();
            if let Some(first) = words.next() {
                let phrase = Phrase { rest: words.collect(), weight, is_talk };
                self.phrases.entry(first).or_default().push(phrase);
            }
        }
    }

    fn weigh(&self, text: &str) -> Weighed {
        let words = self.words(text);
        let (mut at, mut weighed) = (0, Weighed::NOTHING);
        while let Some(word) = words.get(at) {
            at += 1;
            if let Some(phrase) = self.phrase(word, &words[at..]) {
                at += phrase.rest.len();
                weighed.add(phrase.weight, phrase.is_talk);
            } else {
                let (weight, is_talk) = self.weight_of(word);
                weighed.add(weight, is_talk);
            }
        }
        weighed
    }

    /// The words of a text, folded. One that is not listed as it is written is split at capitals and digits inside it.
    fn words(&self, text: &str) -> Vec<String> {
        let letters = letters(text);
        let mut words = Vec::new();
        for token in letters.split(Letter::is_separator).filter(|token| !token.is_empty()) {
            let whole: String = token.iter().map(|letter| letter.c).collect();
            if self.words.contains_key(whole.as_str()) {
                words.push(whole);
                continue;
            }
            let mut part = String::new();
            for letter in token {
                if letter.begins && !part.is_empty() {
                    words.push(std::mem::take(&mut part));
                }
                part.push(letter.c);
            }
            words.push(part);
        }
        words
    }

    /// The longest phrase that begins with a word.
    fn phrase(&self, first: &str, rest: &[String]) -> Option<&Phrase> {
        self.phrases.get(first)?.iter().find(|phrase| {
            phrase.rest.len() <= rest.len()
                && phrase.rest.iter().zip(rest).all(|(one, other)| one == other)
        })
    }

    /// What a word weighs, and whether it is one of small talk. A single letter is what an apostrophe left.
    fn weight_of(&self, word: &str) -> (i32, bool) {
        if word.bytes().all(|byte| byte.is_ascii_digit()) {
            return (if word.len() >= MIN_PRICE { PRICE } else { 0 }, true);
        }
        let word = shortened(word);
        let singular = word.strip_suffix(['s', 'x']).unwrap_or(word);
        for word in [word, singular] {
            if let Some(weight) = self.words.get(word) {
                return (*weight, self.talk.contains(word));
            }
        }
        match self.weight_of_parts(word) {
            Some(weight) => (weight, false),
            None if word.chars().count() == 1 => (0, true),
            None => (UNLISTED, false),
        }
    }

    /// What is known of a word by its beginning and its end.
    fn weight_of_parts(&self, word: &str) -> Option<i32> {
        let mut starts = (MIN_START..=word.len()).rev().filter_map(|length| word.get(..length));
        let stems = (0..word.len()).filter_map(|from| word.get(from..));
        let mut stems = stems.take_while(|stem| stem.len() >= MIN_STEM);
        // The longest of each, of which the more doubtful counts.
        let start = starts.find_map(|start| self.starts.get(start));
        let stem = stems.find_map(|stem| self.stems.get(stem));
        let known = start.into_iter().chain(stem).min().copied();
        match (known, self.weight_of_subject(word)) {
            (Some(known), Some(subject)) => Some(known + subject.min(0)),
            (known, subject) => known.or(subject),
        }
    }

    /// What the beginning of a Kinyarwanda word weighs.
    fn weight_of_subject(&self, word: &str) -> Option<i32> {
        if !sounds_kinyarwanda(word) {
            return None;
        }
        let longest = MAX_SUBJECT.min(word.len().saturating_sub(1));
        let mut beginnings = (MIN_SUBJECT..=longest).rev().filter_map(|length| word.get(..length));
        beginnings.find_map(|beginning| self.subjects.get(beginning)).copied()
    }
}

/// Whether a word ends with a vowel and has the letters of Kinyarwanda.
fn sounds_kinyarwanda(word: &str) -> bool {
    word.ends_with(['a', 'e', 'i', 'o', 'u'])
        && word.bytes().all(|byte| byte.is_ascii_lowercase() && byte != b'q' && byte != b'x')
}
