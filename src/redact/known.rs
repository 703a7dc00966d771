//! What is known of the people of one request, to find it again in free text.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use serde_json::Value;

use super::key_name::{is_person_key, is_phone_key};
use super::phone::{digits_below_key, find_phones};
use super::scan::{Scope, scan, subscriber};

/// Most names and terms that are remembered of one request.
const MAX_PHRASES: usize = 2_000;

/// Numbers, names and medical terms that one request's events hold in fields of known meaning.
#[derive(Default)]
pub(crate) struct KnownValues {
    /// Subscriber parts of vendors' numbers.
    vendor_phones: HashSet<String>,
    /// Subscriber parts of everybody else's numbers.
    other_phones: HashSet<String>,
    /// Phrases in lower-case words, by their first word.
    phrases: HashMap<String, Vec<Phrase>>,
    count: usize,
    topic: Topic,
    /// Whether the payload at hand comes from an event that knows vendors' numbers.
    believes_vendors: bool,
    /// By which rules numbers and addresses are found.
    scope: Scope,
}

/// What the request is about, as far as its events say.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Topic {
    #[default]
    Unknown,
    /// A category that has nothing to do with health.
    Other,
    /// Somebody's health.
    Medical,
}

#[derive(PartialEq, Eq)]
struct Phrase {
    words: Vec<String>,
    what: &'static str,
}

impl KnownValues {
    /// What a verifier knows, who sees what was masked only as it is masked: nobody's name or number, and
    /// the topic of the request as far as an event shows it. By the rules of every build.
    pub(crate) fn of_a_verifier<'a>(shown: impl Iterator<Item = &'a Value>) -> Self {
        let mut known = Self { topic: Topic::Other, scope: Scope::BuiltIn, ..Self::default() };
        shown.for_each(|value| known.learn_topic("", value));
        known
    }

    /// Learns from one payload of an event of this type.
    pub(crate) fn learn(&mut self, event_type: &str, payload: &Value) {
        // A model can be talked into calling anybody's number a vendor's: only the host's own events
        // about vendors are believed.
        self.believes_vendors = event_type.starts_with("vendor.");
        self.walk("", payload, false);
    }

    /// Whether the number is a vendor's and nobody else's.
    pub(super) fn is_vendor_phone(&self, digits: &str) -> bool {
        let subscriber = subscriber(digits);
        self.vendor_phones.contains(subscriber) && !self.other_phones.contains(subscriber)
    }

    /// Whether the number is a client's or a stranger's.
    pub(super) fn is_somebodys_phone(&self, digits: &str) -> bool {
        self.other_phones.contains(subscriber(digits))
    }

    /// Whether what people wrote may be shown outside: not where it may be about somebody's health,
    /// and not where names were too many to remember.
    pub(super) fn texts_may_be_shown(&self) -> bool {
        self.topic == Topic::Other && self.count < MAX_PHRASES
    }

    /// Whether a text holds somebody's number, an address or a secret.
    pub(super) fn has_contacts(&self, text: &str) -> bool {
        !scan(text, self.scope).is_empty()
    }

    /// Finds known names and terms in a text, with what each is.
    pub(super) fn find(&self, text: &str) -> Vec<(Range<usize>, &'static str)> {
        if self.phrases.is_empty() {
            return Vec::new();
        }
        let words: Vec<_> = words(text).collect();
        let mut found = Vec::new();
        let mut index = 0;
        while index < words.len() {
            let (at, word) = &words[index];
            let longest = self.phrases.get(word).into_iter().flatten().filter(|phrase| {
                let here = words[index..].iter().map(|(_, word)| word);
                phrase.words.len() <= words.len() - index
                    && phrase.words.iter().zip(here).all(|(a, b)| a == b)
            });
            if let Some(phrase) = longest.max_by_key(|phrase| phrase.words.len()) {
                let last = &words[index + phrase.words.len() - 1].0;
                found.push((at.start..last.end, phrase.what));
                index += phrase.words.len();
            } else {
                index += 1;
            }
        }
        found
    }

    fn walk(&mut self, key: &str, value: &Value, medical: bool) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    if medical && name.contains("medication") {
                        self.topic = Topic::Medical;
                    }
                    self.walk(name, member, medical || name == "extracted");
                }
            }
            Value::Array(items) => {
                for item in items {
                    self.walk(key, item, medical);
                }
            }
            Value::String(text) => self.learn_text(key, text, medical),
            Value::Number(number) if is_phone_key(key) => {
                self.learn_phones(key, &number.to_string());
            }
            _ => {}
        }
    }

    fn learn_topic(&mut self, key: &str, value: &Value) {
        match value {
            Value::Object(members) => {
                members.iter().for_each(|(name, member)| self.learn_topic(name, member));
            }
            Value::Array(items) => items.iter().for_each(|item| self.learn_topic(key, item)),
            Value::String(text) if is_topic_key(key) => self.topic = self.topic.max(topic(text)),
            _ => {}
        }
    }

    fn learn_text(&mut self, key: &str, text: &str, medical: bool) {
        if is_topic_key(key) {
            self.topic = self.topic.max(topic(text));
        } else if is_phone_key(key) {
            self.learn_phones(key, text);
        } else if key == "vendor_name" || key == "business_name" {
            self.learn_phrase(text, "vendor");
        } else if is_person_key(key) {
            self.learn_phrase(text, "name");
            self.learn_words(text, 3, "name");
        } else if medical && key != "text_full" {
            self.learn_phrase(text, "medical");
            self.learn_words(text, 5, "medical");
        }
    }

    fn learn_phones(&mut self, key: &str, text: &str) {
        let phones = match (key == "vendor_phone", self.believes_vendors) {
            (true, true) => &mut self.vendor_phones,
            (true, false) => return,
            (false, _) => &mut self.other_phones,
        };
        let found = find_phones(text);
        if found.is_empty() {
            phones.extend(digits_below_key(text).map(|digits| subscriber(&digits).to_owned()));
        }
        phones.extend(found.iter().map(|phone| phone.subscriber().to_owned()));
    }

    fn learn_words(&mut self, text: &str, min_letters: usize, what: &'static str) {
        for (_, word) in words(text) {
            if word.chars().count() >= min_letters && word.chars().all(char::is_alphabetic) {
                self.insert(vec![word], what);
            }
        }
    }

    fn learn_phrase(&mut self, text: &str, what: &'static str) {
        let words: Vec<_> = words(text).map(|(_, word)| word).collect();
        if words.iter().map(String::len).sum::<usize>() >= 3 {
            self.insert(words, what);
        }
    }

    fn insert(&mut self, words: Vec<String>, what: &'static str) {
        let Some(first) = words.first().cloned() else { return };
        let phrase = Phrase { words, what };
        let known = self.phrases.entry(first).or_default();
        if self.count < MAX_PHRASES && !known.contains(&phrase) {
            known.push(phrase);
            self.count += 1;
        }
    }
}

/// Whether the field says what the request is about.
fn is_topic_key(key: &str) -> bool {
    key == "category" || key == "ocr_type"
}

/// What a category, in the host's own words, is about.
fn topic(category: &str) -> Topic {
    const MEDICAL: [&str; 7] =
        ["clinic", "doctor", "health", "medic", "pharm", "prescription", "umuti"];
    let category = category.to_lowercase();
    if MEDICAL.iter().any(|word| category.contains(word)) { Topic::Medical } else { Topic::Other }
}

/// The words of a text, lower-case, with their places.
fn words(text: &str) -> impl Iterator<Item = (Range<usize>, String)> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(move |word| {
        let start = word.as_ptr().addr() - text.as_ptr().addr();
        (start..start + word.len(), word.to_lowercase())
    })
}
