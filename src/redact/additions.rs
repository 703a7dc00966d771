//! What a host adds to a profile's rules.
//!
//! A pack holds the digest of the rules, and the additions themselves. A verifier computes the digest of its own
//! rules, and accepts a value hidden by the rule `host` only if an addition says so.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::field::Class;
use super::vocabulary::holds_words;

/// What a field of the host's own holds. It decides how much of the field an external reader sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FieldKind {
    /// Members that are decided on their own.
    Container,
    /// An id of the host's: a keyed hash is shown.
    Id,
    /// A number or a flag, which is shown. A word is shown only if
    /// [`Profile::list_words`](super::Profile::list_words) lists it.
    Open,
    /// What a person wrote. It is treated as the request's other texts are: contacts and known names are masked.
    Text,
}

impl FieldKind {
    pub(super) const fn class(self) -> Class {
        match self {
            Self::Container => Class::Container,
            Self::Id => Class::Id,
            Self::Open => Class::Open,
            Self::Text => Class::Text,
        }
    }
}

/// What a host added to a profile. It stands in the pack, so that a reader knows by which rules the pack
/// was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Additions {
    /// Fields that are always hidden.
    pub hidden: BTreeSet<String>,
    /// Fields that an external reader sees although no built-in rule lists them.
    pub shown: BTreeMap<String, FieldKind>,
    /// Words that an external reader sees, by field.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub words: BTreeMap<String, BTreeSet<String>>,
}

impl Additions {
    /// The class of a field, or of a root pointer, in events of a type.
    pub(super) fn class_in(&self, event_type: &str, field: &str) -> Class {
        let class = || match Class::of_in(event_type, field) {
            // Of such a field only the listed words are shown.
            Class::Unlisted if self.words.contains_key(field) => Class::Open,
            class => class,
        };
        self.shown.get(field).map_or_else(class, |holds| holds.class())
    }

    /// Whether the host lists this word of a field.
    pub(super) fn lists(&self, field: &str, word: &str) -> bool {
        self.words.get(field).is_some_and(|words| words.contains(word))
    }

    /// True if a field holds words, so that an unlisted number in it is hidden too.
    pub(super) fn holds_words(&self, field: &str) -> bool {
        holds_words(field) || (self.words.contains_key(field) && !self.shown.contains_key(field))
    }
}
