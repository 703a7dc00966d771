//! Learns the names and numbers in the events of one request, to find them again in free text.
//!
//! It learns which numbers are a vendor's only from the host's own vendor events, and never from a model's output,
//! because anyone can talk a model into anything.

use std::collections::BTreeSet;
use std::ops::Range;

use serde_json::{Number, Value};

use super::additions::Additions;
use super::digit::digits_of;
use super::e164::CallingCode;
use super::fold::folded;
use super::health::{self, Sign};
use super::key_rules::{KeyKind, is_person_key, is_phone_key, kind_of};
use super::mask::{Mask, mask_phone};
use super::name_trie::NameTrie;
use super::phone::{digits_below, digits_below_key, find_phones};
use super::phone_book::PhoneBook;
use super::rule::Rule;
use super::scan::{ScanScope, scan};
use super::spellings::{of_person, of_term, of_vendor};
use super::vocabulary::is_listed;

/// A number of ten digits or more is not a price, count or rank, and may be a phone number.
const LONG_NUMBER: f64 = 1e9;

/// The field that says what the request is about.
const CATEGORY: &str = "category";

/// The field that says what a photo shows.
const OCR_TYPE: &str = "ocr_type";

/// Numbers, names and medical terms that one request's events hold in fields of known meaning.
pub(crate) struct RequestEntities {
    phones: PhoneBook,
    names: NameTrie,
    topic: Topic,
    /// Categories that have nothing to do with health, according to the host.
    categories: BTreeSet<String>,
    /// True if the current payload comes from an event that is trusted to name vendors' numbers.
    believes_vendors: bool,
}

/// What the request is about, as far as its events say.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Topic {
    #[default]
    Unknown,
    /// A category that has nothing to do with health.
    Other,
    /// A person's health.
    Medical,
}

/// The place of the walk in a payload.
#[derive(Clone, Copy)]
struct At<'a> {
    /// The nearest member name, and the one above it.
    key: &'a str,
    above: &'a str,
    /// True inside what was read from a photo.
    is_extracted: bool,
}

impl RequestEntities {
    /// What an exporter knows before it has read an event. A number without a country is one of `home`.
    pub(super) fn new(home: CallingCode, additions: &Additions) -> Self {
        Self {
            categories: additions.words.get(CATEGORY).cloned().unwrap_or_default(),
            phones: PhoneBook::new(home),
            names: NameTrie::default(),
            topic: Topic::Unknown,
            believes_vendors: false,
        }
    }

    /// What a verifier knows. It sees only masks, so it knows no names or numbers, only whether the
    /// request is about health.
    pub(crate) fn of_a_verifier(is_medical: bool) -> Self {
        Self {
            topic: if is_medical { Topic::Medical } else { Topic::Other },
            ..Self::new(CallingCode::RWANDA, &Additions::default())
        }
    }

    /// Whether a hidden field says that the request is about health. A category is hidden by the rule `medical` only
    /// then.
    pub(crate) fn tells_of_health(key: &str, rule: &str) -> bool {
        is_topic_key(key) && rule == Rule::Medical.as_str()
    }

    /// Learns from one payload of an event of this type.
    pub(crate) fn learn(&mut self, event_type: &str, payload: &Value) {
        // Anyone can talk a model into calling a number a vendor's, so we believe only the host's
        // own events about vendors.
        self.believes_vendors = event_type.starts_with("vendor.");
        self.walk(At { key: "", above: "", is_extracted: false }, payload);
    }

    /// Whether a number, as it is written, is a vendor's and no other person's.
    pub(super) fn is_vendor_phone(&self, written: &str) -> bool {
        self.phones.is_vendor(written)
    }

    /// Whether a number, as it is written, is a client's or a stranger's.
    pub(super) fn is_somebodys_phone(&self, written: &str) -> bool {
        self.phones.is_somebodys(written)
    }

    /// Whether outsiders may see what people wrote. They may not if it may be about a person's health, or if there
    /// were too many names to keep.
    pub(super) fn texts_may_be_shown(&self) -> bool {
        self.topic == Topic::Other && !self.names.is_full()
    }

    /// Whether a text holds a phone number, an address or a secret.
    pub(super) fn has_contacts(&self, text: &str) -> bool {
        !scan(text, ScanScope::Full).is_empty() || !self.phones.find(text, true).is_empty()
    }

    /// Whether digits that stand alone are a known number.
    pub(super) fn is_known_phone(&self, digits: &str) -> bool {
        self.phones.holds(digits)
    }

    /// Whether a number without quotes in JSON is a phone number. A score or a share is not.
    pub(super) fn is_phone_number(&self, key: &str, number: &Number) -> bool {
        let is_number = |digits: &str| {
            self.has_contacts(digits)
                || self.is_known_phone(digits)
                || kind_of(key).is_some_and(|kind| digits_below(kind, digits).is_some())
        };
        let is_long = number.as_f64().is_some_and(|number| number.abs() >= LONG_NUMBER);
        is_long || (!number.is_f64() && is_number(&number.to_string()))
    }

    /// Whether a known name or term stands in a text.
    pub(super) fn has_names(&self, text: &str) -> bool {
        !self.names.find(text).is_empty()
    }

    /// Masks for the known names, terms and numbers in a text.
    pub(super) fn masks(&self, text: &str) -> Vec<Mask> {
        let names = self.names.find(text).into_iter().map(|(at, what)| (at, format!("[{what}]")));
        names.chain(self.phone_masks(text, true)).collect()
    }

    /// Masks for the known numbers in a text.
    pub(super) fn phone_masks(&self, text: &str, with_vendors: bool) -> Vec<Mask> {
        let mask = |at: Range<usize>| {
            let masked = mask_phone(&digits_of(&text[at.clone()]));
            (at, masked)
        };
        self.phones.find(text, with_vendors).into_iter().map(mask).collect()
    }

    fn walk(&mut self, at: At<'_>, value: &Value) {
        if is_topic_key(at.key) && !value.is_array() {
            self.learn_topic(at.key, value);
        }
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    if kind_of(name) == Some(KeyKind::Health) && *member != Value::Null {
                        self.topic = Topic::Medical;
                    }
                    let is_extracted = at.is_extracted || name == "extracted";
                    self.walk(At { key: name, above: at.key, is_extracted }, member);
                }
            }
            Value::Array(items) => {
                for item in items {
                    self.walk(at, item);
                }
            }
            Value::String(text) => {
                // The name of a shop says nothing about the client.
                if !is_vendor_name(at) && health::sign(text) == Some(Sign::Strong) {
                    self.topic = Topic::Medical;
                }
                self.learn_text(at, text);
            }
            Value::Number(number) if is_phone_key(at.key) => {
                self.learn_phones(at.key, &number.to_string());
            }
            _ => {}
        }
    }

    /// A value that is not a text matches no list.
    fn learn_topic(&mut self, key: &str, value: &Value) {
        let topic = match value {
            Value::Null => return,
            Value::String(text) => self.topic_of(key, text),
            _ => Topic::Medical,
        };
        self.topic = self.topic.max(topic);
    }

    fn topic_of(&self, key: &str, text: &str) -> Topic {
        let is_category = key != OCR_TYPE;
        if health::looks_medical(text) {
            Topic::Medical
        } else if is_listed(if is_category { CATEGORY } else { OCR_TYPE }, text) {
            // The type of a photo says nothing about the rest of the request.
            if is_category { Topic::Other } else { Topic::Unknown }
        } else if self.categories.contains(text) {
            Topic::Other
        } else {
            Topic::Medical
        }
    }

    fn learn_text(&mut self, at: At<'_>, text: &str) {
        let (spellings, what) = if is_phone_key(at.key) {
            self.learn_phones(at.key, text);
            return;
        } else if is_vendor_name(at) {
            (of_vendor(text), "vendor")
        } else if is_person_key(at.key) || is_name_of_person(at) {
            (of_person(text), "name")
        } else if at.is_extracted && at.key != "text_full" {
            (of_term(text), "medical")
        } else {
            return;
        };
        for spelling in &spellings {
            self.names.insert(spelling, what);
        }
    }

    fn learn_phones(&mut self, key: &str, text: &str) {
        let is_vendor = key == "vendor_phone";
        if is_vendor && !self.believes_vendors {
            return;
        }
        let found = find_phones(text);
        if found.is_empty() && digits_below_key(text).is_some() {
            self.phones.insert(text, is_vendor);
        }
        for phone in found {
            self.phones.insert(&text[phone.at], is_vendor);
        }
    }
}

/// Whether this is the name of a shop: below its own key, or as the `name` of a vendor.
fn is_vendor_name(At { key, above, .. }: At<'_>) -> bool {
    const VENDORS: [&str; 7] =
        ["business", "shop", "shops", "store", "supplier", "vendor", "vendors"];
    let key = glued(key);
    let named = key.strip_suffix("name").unwrap_or_default();
    VENDORS.contains(&named) || (key == "name" && VENDORS.contains(&glued(above).as_str()))
}

/// Whether this is a person's name, as the `name` of the member above it: `{"profile": {"name": …}}`.
fn is_name_of_person(At { key, above, .. }: At<'_>) -> bool {
    matches!(glued(key).as_str(), "formattedname" | "fullname" | "lastname" | "name" | "surname")
        && is_person_key(&format!("{above}_name"))
}

/// A key in small letters, without the signs between its words.
fn glued(key: &str) -> String {
    folded(key).replace(' ', "")
}

/// Whether the field says what the request is about.
pub(super) fn is_topic_key(key: &str) -> bool {
    key == CATEGORY || key == OCR_TYPE
}
