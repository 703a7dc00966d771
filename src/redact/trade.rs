//! Whether a text speaks of trade and of nothing else, in English, French and Kinyarwanda.
//!
//! A list of medical words cannot cover every way to speak of an illness: `nothing stays down` has none. So the lists
//! here are of what may be shown, and a word on no list hides the text, unless much else in it is of trade. Words of doubt,
//! such as `mother`, need less. Words are compared, not understood.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::fold::{Letter, letters, shortened};
use super::kinyarwanda::{self, Kinyarwanda};

/// Weights, ways to compare, and words. The head of the first says how to read them.
pub(super) const TABLES: [&str; 11] = [
    include_str!("trade_words/trade.txt"),
    include_str!("trade_words/goods.txt"),
    include_str!("trade_words/trade_phrases.txt"),
    include_str!("trade_words/plain_a_l.txt"),
    include_str!("trade_words/plain_m_z.txt"),
    include_str!("trade_words/plain_parts.txt"),
    include_str!("trade_words/places.txt"),
    include_str!("trade_words/general.txt"),
    include_str!("trade_words/doubt.txt"),
    include_str!("trade_words/ill.txt"),
    kinyarwanda::TABLE,
];

/// The most that words of trade may outweigh. A long order names many goods, and may still say who is ill.
const TRADE_MAX: i32 = 6;

/// What a word weighs that is not listed. At most one such word is outweighed.
const UNLISTED: i32 = -6;

/// What a Kinyarwanda word weighs of which only the beginning is known. Verbs have more forms than any list.
const UNLISTED_VERB: i32 = -2;

/// The weight of a phrase that nothing outweighs.
const HIDE: i32 = -100;

/// What a number weighs that is long enough for a price, and its fewest digits.
const PRICE: i32 = 1;
const MIN_PRICE: usize = 4;

/// Fewest letters of the beginning of a word, of a Kinyarwanda stem, and of a word without its ending.
const MIN_START: usize = 3;
const MIN_STEM: usize = 4;
const MIN_UNINFLECTED: usize = 4;

/// Fewest and most letters in which a Kinyarwanda verb says who does it.
const MIN_SUBJECT: usize = 2;
const MAX_SUBJECT: usize = 8;

/// Endings of French and English words, longer ones first, and what an ending may have replaced.
const ENDINGS: [&str; 38] = [
    "erions", "aient", "erait", "erais", "erons", "eront", "antes", "ante", "ants", "erai", "erez",
    "eras", "ions", "ment", "ings", "ant", "ent", "ait", "ais", "era", "ons", "iez", "ing", "est",
    "ees", "ies", "ee", "es", "er", "ez", "ed", "ly", "e", "s", "x", "d", "r", "y",
];
const REPLACED: [&str; 5] = ["", "e", "er", "ir", "y"];

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
    kinyarwanda: Kinyarwanda,
}

struct Phrase {
    /// The words behind the first.
    rest: Vec<&'static str>,
    weight: i32,
}

/// What the words of a text weigh.
#[derive(Default)]
struct Weighed {
    trade: i32,
    doubt: i32,
}

/// Whether the words of trade in a text outweigh those of doubt and those that are not listed.
pub(super) fn speaks_of_trade(text: &str) -> bool {
    let weighed = LEXICON.weigh(text);
    weighed.trade.min(TRADE_MAX) >= weighed.doubt
}

impl Weighed {
    fn add(&mut self, weight: i32) {
        self.trade = self.trade.saturating_add(weight.max(0));
        self.doubt = self.doubt.saturating_sub(weight.min(0));
    }
}

impl Lexicon {
    fn new() -> Self {
        let mut lexicon = Self::default();
        let lines = TABLES.iter().flat_map(|table| table.lines());
        for line in lines.filter(|line| !line.starts_with('#')) {
            let Some((head, items)) = line.split_once(':') else { continue };
            let Some((weight, how)) = head.split_once(' ') else { continue };
            let weight = if weight == "hide" { HIDE } else { weight.parse().unwrap_or(HIDE) };
            lexicon.insert(how, items, weight);
        }
        for phrases in lexicon.phrases.values_mut() {
            phrases.sort_by_key(|phrase| std::cmp::Reverse(phrase.rest.len()));
        }
        lexicon
    }

    fn insert(&mut self, how: &str, items: &'static str, weight: i32) {
        let known = match how {
            "phrase" => return self.insert_phrases(items, weight),
            "word" => &mut self.words,
            "start" => &mut self.starts,
            "stem" => &mut self.stems,
            "subject" => &mut self.subjects,
            how => {
                let items = items.split_whitespace();
                return items.for_each(|item| self.kinyarwanda.insert(how, item, weight));
            }
        };
        known.extend(items.split_whitespace().map(|item| (item, weight)));
    }

    fn insert_phrases(&mut self, phrases: &'static str, weight: i32) {
        for phrase in phrases.split(',') {
            let mut words = phrase.split_whitespace();
            if let Some(first) = words.next() {
                let phrase = Phrase { rest: words.collect(), weight };
                self.phrases.entry(first).or_default().push(phrase);
            }
        }
    }

    fn weigh(&self, text: &str) -> Weighed {
        let words = self.words(text);
        let (mut at, mut weighed) = (0, Weighed::default());
        while let Some(word) = words.get(at) {
            at += 1;
            if let Some(phrase) = self.phrase(word, &words[at..]) {
                at += phrase.rest.len();
                weighed.add(phrase.weight);
            } else {
                weighed.add(self.weight_of(word));
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

    fn weight_of(&self, word: &str) -> i32 {
        if word.bytes().all(|byte| byte.is_ascii_digit()) {
            return if word.len() >= MIN_PRICE { PRICE } else { 0 };
        }
        let word = shortened(word);
        let singular = word.strip_suffix(['s', 'x']).unwrap_or(word);
        let listed = [word, singular].into_iter().find_map(|word| self.words.get(word));
        // A single letter is what an apostrophe left.
        let letter = || (word.chars().count() == 1).then_some(0);
        listed
            .copied()
            .or_else(letter)
            .or_else(|| self.weight_of_parts(word))
            .or_else(|| self.weight_in_kinyarwanda(word))
            .or_else(|| self.weight_uninflected(word))
            .unwrap_or(UNLISTED)
    }

    /// What is known of a word by its beginning and its end.
    fn weight_of_parts(&self, word: &str) -> Option<i32> {
        let mut starts = (MIN_START..=word.len()).rev().filter_map(|length| word.get(..length));
        let stems = (0..word.len()).filter_map(|from| word.get(from..));
        let mut stems = stems.take_while(|stem| stem.len() >= MIN_STEM);
        // The longest of each, of which the more doubtful counts.
        let start = starts.find_map(|start| self.starts.get(start));
        let stem = stems.find_map(|stem| self.stems.get(stem));
        let known = start.into_iter().chain(stem).min().copied()?;
        Some(known + self.weight_of_subject(word).unwrap_or(0).min(0))
    }

    /// What a Kinyarwanda word weighs: a noun without its first vowel, a verb or an adjective with what goes before it.
    fn weight_in_kinyarwanda(&self, word: &str) -> Option<i32> {
        if !kinyarwanda::has_syllables(word) {
            return None;
        }
        let nouns = ["a", "i", "u"].map(|vowel| vowel.to_owned() + word);
        let noun = nouns.iter().find_map(|noun| self.words.get(noun.as_str()));
        let has_lost_vowel = !word.starts_with(['a', 'e', 'i', 'o', 'u']);
        let noun = noun.copied().filter(|weight| *weight >= 0 && has_lost_vowel);
        let subject = self.weight_of_subject(word);
        let verb = || Some(self.kinyarwanda.verb(word)? + subject.unwrap_or(0).min(0));
        let adjective = || self.kinyarwanda.is_adjective(word).then_some(0);
        noun.or_else(verb)
            .or_else(adjective)
            .or_else(|| subject.map(|subject| subject.min(UNLISTED_VERB)))
    }

    /// What the beginning of a Kinyarwanda word weighs.
    fn weight_of_subject(&self, word: &str) -> Option<i32> {
        if !kinyarwanda::has_syllables(word) {
            return None;
        }
        let longest = MAX_SUBJECT.min(word.len().saturating_sub(1));
        let mut beginnings = (MIN_SUBJECT..=longest).rev().filter_map(|length| word.get(..length));
        beginnings.find_map(|beginning| self.subjects.get(beginning)).copied()
    }

    /// What a French or English word weighs without its ending. One of doubt must be listed in each form.
    fn weight_uninflected(&self, word: &str) -> Option<i32> {
        let bare = ENDINGS.iter().filter_map(|ending| word.strip_suffix(ending));
        let mut bare = bare.filter(|bare| bare.len() >= MIN_UNINFLECTED);
        let known = |word: &str| self.words.get(word).copied().filter(|weight| *weight >= 0);
        bare.find_map(|bare| {
            let doubled = bare.char_indices().next_back().map(|(at, last)| (&bare[..at], last));
            let is_single =
                |rest: &str, last| rest.ends_with(last) && rest.len() >= MIN_UNINFLECTED;
            let single =
                doubled.filter(|(rest, last)| is_single(rest, *last)).map(|(rest, _)| rest);
            let mut forms = REPLACED.iter().map(|replaced| bare.to_owned() + replaced);
            forms.find_map(|form| known(&form)).or_else(|| known(single?))
        })
    }
}
