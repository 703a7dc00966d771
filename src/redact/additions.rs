//! What a host adds to a profile's rules.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::field::Class;

/// What a field of the host's own holds, which says how much of it an external reader sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FieldKind {
    /// Members that are decided on their own.
    Container,
    /// An id of the host's: a keyed hash is shown.
    Id,
    /// A number, a flag, a time, or a word from a closed set: shown.
    Open,
    /// What somebody wrote: shown as the request's other texts are, contacts and known names masked.
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
#[serde(deny_unknown_fields)]
pub struct Additions {
    /// Fields that are hidden whatever they hold.
    pub hidden: BTreeSet<String>,
    /// Fields that an external reader sees although no built-in rule lists them.
    pub shown: BTreeMap<String, FieldKind>,
}

impl Additions {
    /// The class of a field, or of a root pointer, in events of a type.
    pub(super) fn class_in(&self, event_type: &str, field: &str) -> Class {
        let listed = || Class::of_in(event_type, field);
        self.shown.get(field).map_or_else(listed, |holds| holds.class())
    }
}
