//! Versions of the rules, and what a verifier asks of packs that an earlier one shaped.
//!
//! Of an earlier version the lists of fields are kept, which rule hides what in them, and what it leaves. Its scanner and
//! its words of health are not kept, and today's find more: so what stands inside of a text is taken as that version left
//! it. A verifier says so, see [`RulesVersion::is_current`].

use serde_json::Value;
use uuid::Uuid;

use super::field::{Class, Holds};
use super::masked_form::{is_keyed_hash, is_masked_before, is_masked_phone};
use super::request_entities::is_topic_key;
use super::rule::{HIDDEN, Rule};

/// Fields that version 4 did not list.
const LISTED_SINCE_5: [&str; 3] = ["consent_lifetime_ms", "stopped_by", "switches"];

/// Fields that versions before 7 did not list.
const LISTED_SINCE_7: [&str; 6] = [
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "finish_reason",
    "price_list_version",
    "reasoning_output_tokens",
    "reported_at",
];

/// Words in a category that earlier versions took for health.
const MEDICAL: [&str; 7] =
    ["clinic", "doctor", "health", "medic", "pharm", "prescription", "umuti"];

/// The digests of the rules of earlier versions.
const RULES_OF_4: &str = "30d5e40ed802371a0d3a1767a6cba49028d89a588c50b5e6452768ded6998acb";
const RULES_OF_5: &str = "359243a05891ff93b5d6468f6d74f0fc1e6f73256ee3e29743f66cf5d60748a5";
const RULES_OF_6: &str = "bc9729ca6997598e2ffb9b4be9800bf4c00e225706e1ce2ac8c34e1b47bfaae0";
const RULES_OF_7: &str = "a06775bf3d7b3dc7e52541a7c42b97d6433e3c0e147838e652284d2d03a9e9cf";

/// Most digits that a word had in version 5, in a field that sections compute from.
const WORD_DIGITS_MAX: usize = 8;

/// A version of the rules whose packs verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RulesVersion {
    Four,
    Five,
    Six,
    Seven,
    Eight,
}

impl RulesVersion {
    const ALL: [Self; 5] = [Self::Four, Self::Five, Self::Six, Self::Seven, Self::Eight];

    /// The version that this release exports.
    pub(crate) const CURRENT: Self = Self::Eight;

    pub(crate) const fn number(self) -> u32 {
        match self {
            Self::Four => 4,
            Self::Five => 5,
            Self::Six => 6,
            Self::Seven => 7,
            Self::Eight => 8,
        }
    }

    pub(crate) fn of_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.number() == number)
    }

    /// Whether texts are searched again: by this release's scanner, which is that of its own version only.
    pub(crate) fn is_current(self) -> bool {
        self == Self::CURRENT
    }

    /// The digest of the rules as packs of an earlier version have it. The rules themselves are not kept.
    pub(crate) const fn kept_digest(self) -> Option<&'static str> {
        match self {
            Self::Four => Some(RULES_OF_4),
            Self::Five => Some(RULES_OF_5),
            Self::Six => Some(RULES_OF_6),
            Self::Seven => Some(RULES_OF_7),
            Self::Eight => None,
        }
    }

    /// Whether the version has the field in its lists, if this release has.
    pub(super) fn lists(self, field: &str) -> bool {
        match self {
            Self::Four => !LISTED_SINCE_5.contains(&field) && !LISTED_SINCE_7.contains(&field),
            Self::Five | Self::Six => !LISTED_SINCE_7.contains(&field),
            Self::Seven | Self::Eight => true,
        }
    }

    /// What sections of the version compute from is never hidden; before version 5, only by chance.
    pub(super) fn has_needed(self) -> bool {
        self != Self::Four
    }

    /// Whether words are shown only if they are listed.
    pub(super) fn has_closed_words(self) -> bool {
        matches!(self, Self::Six | Self::Seven | Self::Eight)
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
