//! The rules: what an exporter hides, and what a verifier accepts as hidden.
//!
//! A verifier does not see what is behind a mask. It therefore knows, for each field, which rules may hide it and
//! what they may leave, and applies the rules to everything that is shown. A field that the sections compute from
//! ([`Holds`]) is hidden only if its value is not of its kind. The verifier then does not vouch for what was computed
//! without it.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::additions::Additions;
use super::field::{Class, Holds};
use super::health::{self, Sign, looks_medical};
use super::masked_form::{
    is_masked_contacts, is_masked_phone, is_masked_text, is_pseudonym, is_remark,
    may_be_medical_masked,
};
use super::request_entities::{RequestEntities, is_topic_key};
use super::rule::{HIDDEN, Rule};
use super::treatment::{
    MESSAGE_IDS, Treatment, decide_internal, hide, hide_in_text, hide_phone, masked_as,
};
use super::vocabulary::{is_listed, is_time};

/// The rules for one reader.
#[derive(Clone, Copy)]
pub(crate) struct Rules<'a> {
    is_external: bool,
    additions: &'a Additions,
}

/// What the rules look at of a value's place: the event's type, and the nearest member name above the value. Without
/// one, it is the root pointer.
#[derive(Clone, Copy)]
pub(crate) struct Field<'a> {
    pub(crate) event_type: &'a str,
    pub(crate) key: &'a str,
}

impl Field<'_> {
    /// Whether the sections compute from the field.
    pub(crate) fn is_needed(self) -> bool {
        self.holds().is_some()
    }

    /// Whether the sections compute from the field, but can do without it: if a number, a flag or a time is hidden,
    /// they read it as absent.
    pub(crate) fn is_optional(self) -> bool {
        // Sections would read a hidden total of a score, or a hidden share of a factor, as zero.
        !matches!(self.key, "score_delta" | "total")
            && matches!(
                self.holds(),
                Some(Holds::Count | Holds::Flag | Holds::Number | Holds::Time)
            )
    }

    fn holds(self) -> Option<Holds> {
        Holds::of(self.event_type, self.key)
    }
}

impl<'a> Rules<'a> {
    /// This release's rules.
    pub(super) fn new(is_external: bool, additions: &'a Additions) -> Self {
        Self { is_external, additions }
    }

    /// The rules of a profile by its name in a pack.
    pub(crate) fn of_profile(name: &str, additions: &'a Additions) -> Option<Self> {
        match name {
            "external" => Some(Self::new(true, additions)),
            "internal" => Some(Self::new(false, additions)),
            _ => None,
        }
    }

    /// Decides on a value. `pseudonym` hashes one of the host's ids.
    pub(super) fn decide(
        self,
        field: Field<'_>,
        value: &Value,
        entities: &RequestEntities,
        pseudonym: impl FnOnce(&str) -> String,
    ) -> Treatment {
        if self.additions.hidden.contains(field.key) {
            return hide(Rule::Host);
        }
        match field.holds() {
            Some(holds) => self.decide_needed(holds, field, value, entities),
            None if self.is_external => {
                self.decide_external((self.class(field), field.key), value, entities, pseudonym)
            }
            None => decide_internal(self.class(field), field.key, value, entities),
        }
    }

    /// True if a pack shows a value that its reader may not see. It does not use what only an exporter can know, such
    /// as people's names.
    pub(crate) fn forbid(
        self,
        field: Field<'_>,
        shown: &Value,
        entities: &RequestEntities,
    ) -> bool {
        // An internal pack shows vendors' numbers, and a verifier cannot tell whose number it sees.
        if !self.is_external {
            return self.additions.hidden.contains(field.key);
        }
        self.decide(field, shown, entities, |_| String::new()) != Treatment::Show
    }

    /// Whether the rule hides the field and leaves such a masked form. Without this check a forger could call a
    /// proven value hidden, and show another one in its place.
    pub(crate) fn leave(
        self,
        field: Field<'_>,
        rule: Rule,
        masked: &Value,
        entities: &RequestEntities,
    ) -> bool {
        let Value::String(text) = masked else { return false };
        let is_hidden = text == HIDDEN;
        if self.additions.hidden.contains(field.key) || rule == Rule::Host {
            return is_hidden && rule == Rule::Host && self.additions.hidden.contains(field.key);
        }
        if let Some(holds) = field.holds() {
            let has_names = holds == Holds::Members && rule == Rule::MemberNames;
            return is_hidden && (rule == Rule::NotOfKind || has_names);
        }
        if !self.is_external {
            return match rule {
                // The host's ids are an object whose member names are the library's own.
                Rule::Contact if field.key == "/host_ids" => false,
                Rule::Contact => is_masked_contacts(text),
                Rule::Id => MESSAGE_IDS.contains(&field.key) && is_pseudonym(field.key, text),
                Rule::MemberNames => is_hidden && !field.key.starts_with('/'),
                _ => false,
            };
        }
        match (self.class(field), rule) {
            (Class::Id, Rule::Id) => is_pseudonym(field.key, text),
            (Class::Phone, Rule::Phone) => is_masked_phone(text),
            (Class::Note | Class::Text, Rule::Text) => {
                is_masked_text(text)
                    && (is_hidden
                        || (entities.texts_may_be_shown() && !may_be_medical_masked(text)))
            }
            (Class::Id, Rule::NotOfKind)
            | (Class::Name, Rule::Name)
            | (Class::Note | Class::Open | Class::Text, Rule::Medical)
            | (Class::Unlisted, Rule::NotListed)
            | (
                Class::Container | Class::Note | Class::Open | Class::Text,
                Rule::MemberNames | Rule::NotListed | Rule::Phone,
            ) => is_hidden,
            _ => false,
        }
    }

    fn class(self, field: Field<'_>) -> Class {
        self.additions.class_in(field.event_type, field.key)
    }

    /// A value of its kind is shown to every reader. A value of another kind may hold anything: an external reader
    /// does not see it, and an internal one sees it only if it holds no phone number.
    fn decide_needed(
        self,
        holds: Holds,
        Field { key, .. }: Field<'_>,
        value: &Value,
        entities: &RequestEntities,
    ) -> Treatment {
        let is_shown = match value {
            Value::Null | Value::Bool(_) | Value::Array(_) => true,
            Value::Number(number) if holds == Holds::Word && self.is_external => {
                self.shows_word(key, &number.to_string(), entities)
            }
            Value::Number(number) => {
                holds == Holds::Count || !entities.is_phone_number(key, number)
            }
            Value::String(text) => {
                text.is_empty()
                    || self.is_text_of(holds, key, text, entities)
                    || (!self.is_external && !entities.has_contacts(text))
            }
            Value::Object(members) if holds == Holds::Members => {
                return if self.may_show_names(members, entities) {
                    Treatment::Show
                } else {
                    hide(Rule::MemberNames)
                };
            }
            Value::Object(members) => !self.is_external && self.may_show_names(members, entities),
        };
        if is_shown { Treatment::Show } else { hide(Rule::NotOfKind) }
    }

    /// Whether a text is one that a field of this kind may hold.
    fn is_text_of(self, holds: Holds, key: &str, text: &str, entities: &RequestEntities) -> bool {
        match holds {
            Holds::EventId => Uuid::parse_str(text).is_ok(),
            Holds::Time => is_time(text),
            Holds::Word => self.is_external && self.shows_word(key, text, entities),
            Holds::Count | Holds::Flag | Holds::Members | Holds::Number => false,
        }
    }

    /// Whether a word is in a closed set: the library's, or the host's if the word neither looks medical nor holds a
    /// contact.
    fn shows_word(self, key: &str, word: &str, entities: &RequestEntities) -> bool {
        is_listed(key, word)
            || (self.additions.lists(key, word)
                && !looks_medical(word)
                && !entities.has_contacts(word))
    }

    /// Whether the names of members are such as programmers give. They cannot be masked, because a member cannot be
    /// verified without its name.
    fn may_show_names(self, members: &Map<String, Value>, entities: &RequestEntities) -> bool {
        members.keys().all(|name| {
            if self.is_external {
                is_plain_name(name, entities)
            } else {
                !entities.has_contacts(name)
            }
        })
    }

    fn decide_external(
        self,
        (class, key): (Class, &str),
        value: &Value,
        entities: &RequestEntities,
        pseudonym: impl FnOnce(&str) -> String,
    ) -> Treatment {
        match (value, class) {
            (Value::Null, _) => Treatment::Show,
            (Value::Array(items), _) if items.is_empty() => Treatment::Show,
            (_, Class::Name) => hide(Rule::Name),
            (_, Class::Unlisted) => hide(Rule::NotListed),
            (Value::String(text), Class::Phone) => hide_phone(text),
            (_, Class::Phone) => hide(Rule::Phone),
            (Value::Array(_), Class::Id) => Treatment::Show,
            (Value::String(id), Class::Id) => masked_as(Rule::Id, pseudonym(id)),
            (Value::Number(id), Class::Id) => masked_as(Rule::Id, pseudonym(&id.to_string())),
            (_, Class::Id) => hide(Rule::NotOfKind),
            (Value::Object(members), _) if !self.may_show_names(members, entities) => {
                hide(Rule::MemberNames)
            }
            (Value::String(text), _) => self.decide_text((class, key), text, entities),
            (Value::Number(number), _) if entities.is_phone_number(key, number) => {
                hide(Rule::Phone)
            }
            (Value::Number(number), Class::Open) if self.additions.holds_words(key) => {
                let is_shown = self.shows_word(key, &number.to_string(), entities);
                if is_shown { Treatment::Show } else { hide_word(key) }
            }
            // A category that is not a text matches no list.
            (Value::Object(_) | Value::Bool(_), Class::Open) if is_topic_key(key) => hide_word(key),
            (Value::Array(_), _)
            | (Value::Object(_) | Value::Number(_) | Value::Bool(_), Class::Container)
            | (Value::Number(_) | Value::Bool(_), Class::Open) => Treatment::Show,
            (_, Class::Note | Class::Text) if !entities.texts_may_be_shown() => hide(Rule::Medical),
            _ => hide(Rule::NotListed),
        }
    }

    /// Decides on a text that is no id, name or number. What looks medical is hidden first, and last what does not speak of
    /// trade.
    fn decide_text(
        self,
        (class, key): (Class, &str),
        text: &str,
        entities: &RequestEntities,
    ) -> Treatment {
        let is_word_field = matches!(class, Class::Note | Class::Open);
        if is_word_field && self.shows_word(key, text, entities) {
            Treatment::Show
        } else if class == Class::Container {
            hide(Rule::NotListed)
        } else if looks_medical(text) {
            hide(Rule::Medical)
        } else if is_word_field && !(class == Class::Note && is_remark(text)) {
            hide_word(key)
        } else if !entities.texts_may_be_shown() {
            // No list has every drug that a client may type.
            hide(Rule::Medical)
        } else {
            hide_in_text(text, entities)
        }
    }
}

/// Hides a word on no list. An unlisted category may be one of health, and the rule says so.
fn hide_word(key: &str) -> Treatment {
    hide(if is_topic_key(key) { Rule::Medical } else { Rule::NotListed })
}

/// A member's name as programmers give them, and not a person's.
fn is_plain_name(name: &str, entities: &RequestEntities) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && health::sign(name) != Some(Sign::Strong)
        && !entities.has_contacts(name)
        && !entities.has_names(name)
}
