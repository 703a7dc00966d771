//! Versions of the rules, and what a verifier asks of packs that an earlier one shaped.
//!
//! Of an earlier version the lists of fields are kept, which rule hides what in them, and what it leaves. Its scanner and
//! its words of health are not kept, and today's find more: so what stands inside of a text is taken as that version left
//! it. A verifier says so, see [`RulesVersion::is_current`].

use serde_json::{Value, json};
use uuid::Uuid;

use super::field::{Class, FIELDS, Holds, KINDS, NEEDED, UNLISTED_IN};
use super::health;
use super::masked_form::{is_keyed_hash, is_masked_before, is_masked_phone};
use super::request_entities::is_topic_key;
use super::rule::{HIDDEN, Rule};
use super::vocabulary;

/// Fields that version 4 did not list.
const LISTED_SINCE_5: [&str; 3] = ["consent_lifetime_ms", "stopped_by", "switches"];

/// Words in a category that earlier versions took for health.
const MEDICAL: [&str; 7] =
    ["clinic", "doctor", "health", "medic", "pharm", "prescription", "umuti"];

/// The digest of the rules of version 6, whose tables of words are not kept.
const RULES_OF_6: &str = "bc9729ca6997598e2ffb9b4be9800bf4c00e225706e1ce2ac8c34e1b47bfaae0";

/// Most digits that a word had in version 5, in a field that sections compute from.
const WORD_DIGITS_MAX: usize = 8;

/// A version of the rules whose packs verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RulesVersion {
    Four,
    Five,
    Six,
    Seven,
}

impl RulesVersion {
    const ALL: [Self; 4] = [Self::Four, Self::Five, Self::Six, Self::Seven];

    /// The version that this release exports.
    pub(crate) const CURRENT: Self = Self::Seven;

    pub(crate) const fn number(self) -> u32 {
        match self {
            Self::Four => 4,
            Self::Five => 5,
            Self::Six => 6,
            Self::Seven => 7,
        }
    }

    pub(crate) fn of_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.number() == number)
    }

    /// Whether texts are searched again: by this release's scanner, which is that of its own version only.
    pub(crate) fn is_current(self) -> bool {
        self == Self::CURRENT
    }

    /// The digest of the rules as packs of the version have it, if the rules themselves are not kept.
    pub(crate) const fn kept_digest(self) -> Option<&'static str> {
        match self {
            Self::Six => Some(RULES_OF_6),
            Self::Four | Self::Five | Self::Seven => None,
        }
    }

    /// The rules as data, as packs of the version hash them.
    pub(crate) fn rules(self) -> Value {
        let listed = |fields: &[&'static str]| {
            fields.iter().copied().filter(|field| self.lists(field)).collect::<Value>()
        };
        let classes =
            FIELDS.iter().map(|(class, fields)| (class.as_str().to_owned(), listed(fields)));
        let unlisted = UNLISTED_IN.iter().map(|(event_type, fields)| {
            ((*event_type).to_owned(), fields.iter().copied().collect::<Value>())
        });
        let mut rules = json!({
            "classes": classes.collect::<serde_json::Map<_, _>>(),
            "unlisted_in": unlisted.collect::<serde_json::Map<_, _>>(),
            "version": self.number(),
        });
        if self == Self::Four {
            rules["counts"] = json!([
                ["budget.warned", "effect.admitted", "effect.refused"],
                ["amount", "limit", "used"],
            ]);
            return rules;
        }
        rules["kinds"] = json!(KINDS.map(|(kind, fields)| (format!("{kind:?}"), fields)));
        rules["needed"] = json!(NEEDED);
        if self == Self::Seven {
            rules["health"] = json!(health::TABLE);
            rules["vocabulary"] = vocabulary::rules();
        }
        rules
    }

    /// Whether the version has the field in its lists, if this release has.
    pub(super) fn lists(self, field: &str) -> bool {
        self != Self::Four || !LISTED_SINCE_5.contains(&field)
    }

    /// What sections of the version compute from is never hidden; before version 5, only by chance.
    pub(super) fn has_needed(self) -> bool {
        self != Self::Four
    }

    /// Whether words are shown only if they are listed.
    pub(super) fn has_closed_words(self) -> bool {
        matches!(self, Self::Six | Self::Seven)
    }

    /// The stream of a request: until version 4 it had the request's own id.
    pub(crate) fn old_stream(self, request_id: Uuid) -> Option<Uuid> {
        (self == Self::Four).then_some(request_id)
    }

    /// Whether a value that a pack shows says that its request is about health, as far as earlier versions said so.
    pub(crate) fn tells_of_health(self, key: &str, shown: &Value) -> bool {
        match shown {
            Value::Object(members) => {
                members.iter().any(|(name, member)| self.tells_of_health(name, member))
            }
            Value::Array(items) => items.iter().any(|item| self.tells_of_health(key, item)),
            Value::String(category) if is_topic_key(key) && !self.is_current() => {
                let category = category.to_lowercase();
                MEDICAL.iter().any(|word| category.contains(word))
            }
            _ => false,
        }
    }
}

/// Whether an earlier version always hid the value from an outsider.
pub(super) fn hid(class: Class, holds: Option<Holds>, value: &Value, is_medical: bool) -> bool {
    match (holds, value) {
        (_, Value::Null) => false,
        (_, Value::Array(items)) if items.is_empty() => false,
        (Some(Holds::Members), Value::Object(members)) => {
            !members.keys().all(|name| is_plain(name))
        }
        (Some(holds), Value::String(text)) => !text.is_empty() && !is_of(holds, text),
        (Some(_), _) => value.is_object(),
        (None, _) => hid_by_class(class, value, is_medical),
    }
}

fn hid_by_class(class: Class, value: &Value, is_medical: bool) -> bool {
    let is_shown = match (value, class) {
        (_, Class::Name | Class::Phone | Class::Unlisted) => false,
        (Value::Object(members), Class::Container) => members.keys().all(|name| is_plain(name)),
        (Value::String(text), Class::Open) => is_word(text),
        (Value::String(text), Class::Note) => !is_medical || is_word(text),
        (Value::String(_), Class::Text) => !is_medical,
        (Value::Number(_) | Value::Bool(_), Class::Container | Class::Open) => true,
        _ => value.is_array(),
    };
    !is_shown
}

/// Whether version 4 hid such a field by this rule, and left such a masked form. The host's own additions are asked
/// before.
pub(super) fn left_by_4(is_external: bool, class: Class, rule: Rule, masked: &Value) -> bool {
    let is_used = match rule {
        Rule::Host | Rule::MemberNames => true,
        Rule::Contact => !is_external,
        Rule::NotOfKind => false,
        _ => is_external,
    };
    let is_for = match rule {
        Rule::Id => class == Class::Id,
        Rule::Medical | Rule::Text => matches!(class, Class::Note | Class::Text),
        Rule::Name => class == Class::Name,
        Rule::Phone => class == Class::Phone || masked.is_null(),
        Rule::NotListed => match class {
            Class::Name => false,
            Class::Container | Class::Open => masked.is_string(),
            _ => true,
        },
        Rule::Contact | Rule::Host | Rule::MemberNames | Rule::NotOfKind => true,
    };
    let is_form = match masked {
        Value::Null => !matches!(rule, Rule::Id | Rule::MemberNames | Rule::Text),
        Value::String(text) => match rule {
            Rule::Contact | Rule::Text => is_masked_before(text),
            Rule::Id => is_keyed_hash(text),
            Rule::Phone => is_masked_phone(text),
            _ => text == HIDDEN,
        },
        _ => false,
    };
    is_used && is_for && is_form
}

fn is_of(holds: Holds, text: &str) -> bool {
    match holds {
        Holds::EventId => Uuid::parse_str(text).is_ok(),
        Holds::Time => text.parse::<chrono::DateTime<chrono::Utc>>().is_ok(),
        Holds::Word => {
            let digits = text.bytes().filter(u8::is_ascii_digit).count();
            digits <= WORD_DIGITS_MAX && is_word(text)
        }
        Holds::Count | Holds::Flag | Holds::Members | Holds::Number => false,
    }
}

/// One word, as closed sets, versions, ids and times have it.
fn is_word(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:/+".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(is_part)
}

/// A member's name as programmers give them.
fn is_plain(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
