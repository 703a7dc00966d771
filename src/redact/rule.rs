//! Why something is hidden, and what may be read in its place.

use serde_json::Value;

use super::additions::Additions;
use super::field::Class;
use super::scan::{Kind, Scope, scan};

/// What is read in the place of a value nobody outside may see.
pub(super) const HIDDEN: &str = "[hidden]";

/// What masks of contacts and secrets leave, beside numbers and addresses.
const CONTACTS: [&str; 5] = ["[media]", "[momo_code]", "[national_id]", "[secret]", "[signed_url]"];

/// What masks of known names and terms leave.
const NAMES: [&str; 3] = ["[medical]", "[name]", "[vendor]"];

/// Why a value of a pack is hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// A text with somebody's number or e-mail address in it.
    Contact,
    /// A field that the host's own addition to the profile hides.
    Host,
    /// One of the host's own ids.
    Id,
    /// What somebody wrote, in a request that is about health or about nobody knows what.
    Medical,
    /// An object whose members' names may be data.
    MemberNames,
    /// A person's or a shop's name.
    Name,
    /// A field nobody listed.
    NotListed,
    /// A phone number.
    Phone,
    /// A text with contacts, known names or medical terms in it.
    Text,
}

impl Rule {
    const ALL: [Self; 9] = [
        Self::Contact,
        Self::Host,
        Self::Id,
        Self::Medical,
        Self::MemberNames,
        Self::Name,
        Self::NotListed,
        Self::Phone,
        Self::Text,
    ];

    /// The rule's name in a pack.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Host => "host",
            Self::Id => "id",
            Self::Medical => "medical",
            Self::MemberNames => "member_names",
            Self::Name => "name",
            Self::NotListed => "not_listed",
            Self::Phone => "phone",
            Self::Text => "text",
        }
    }

    /// The rule of a name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == name)
    }

    /// Whether a profile of this name ever uses the rule.
    pub(crate) fn is_used_by(self, profile: &str) -> bool {
        match profile {
            "internal" => matches!(self, Self::Contact | Self::Host | Self::MemberNames),
            _ => self != Self::Contact,
        }
    }

    /// Whether the rule, on this field, leaves such a masked form: else a number that was proven could
    /// be called hidden, and another one shown in its place.
    pub(crate) fn leaves(self, masked: &Value, field: &str, additions: &Additions) -> bool {
        self.is_for(additions.class_of(field), masked)
            && match masked {
                Value::Null => !matches!(self, Self::Id | Self::MemberNames | Self::Text),
                Value::String(text) => self.leaves_text(text),
                _ => false,
            }
    }

    /// Whether the rule ever hides a field of the class, with this in its place.
    fn is_for(self, class: Class, masked: &Value) -> bool {
        match self {
            Self::Contact | Self::Host | Self::MemberNames => true,
            Self::Id => class == Class::Id,
            Self::Medical | Self::Text => matches!(class, Class::Note | Class::Text),
            Self::Name => class == Class::Name,
            // A number that is one without quotes is hidden wherever it stands.
            Self::Phone => class == Class::Phone || masked.is_null(),
            // Numbers and flags of a listed field are shown; words that are none of a closed set are not.
            Self::NotListed => match class {
                Class::Name => false,
                Class::Container | Class::Open => masked.is_string(),
                Class::Id | Class::Note | Class::Phone | Class::Text | Class::Unlisted => true,
            },
        }
    }

    fn leaves_text(self, text: &str) -> bool {
        match self {
            Self::Contact | Self::Text => text == HIDDEN || self.is_masked_text(text),
            Self::Id => is_pseudonym(text),
            Self::Phone => text == HIDDEN || is_masked_phone(text),
            Self::Host | Self::Medical | Self::MemberNames | Self::Name | Self::NotListed => {
                text == HIDDEN
            }
        }
    }

    /// Whether a mask stands in a text, and nothing that a mask should stand for. By the rules of every
    /// build, and not by those of this one.
    fn is_masked_text(self, text: &str) -> bool {
        let names: &[&str] = if self == Self::Text { &NAMES } else { &[] };
        // An internal reader sees vendors' numbers beside masks of others.
        let is_shown = |kind| self == Self::Contact && kind == Kind::Phone;
        (has_masked_digits_or_address(text)
            || CONTACTS.iter().chain(names).any(|mask| text.contains(mask)))
            && scan(text, Scope::BuiltIn).iter().all(|found| is_shown(found.kind))
    }
}

/// `***456`, also in `[card ***242]`, or `j***@***.com`.
fn has_masked_digits_or_address(text: &str) -> bool {
    let is_masked = |run: &[u8]| run.starts_with(b"***") && run[3..].iter().all(u8::is_ascii_digit);
    text.contains("***@***.") || text.as_bytes().windows(6).any(is_masked)
}

/// `kind-` and twelve hex digits.
fn is_pseudonym(text: &str) -> bool {
    text.rsplit_once('-').is_some_and(|(kind, hash)| {
        !kind.is_empty()
            && kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            && hash.len() == 12
            && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// `***` and three digits.
fn is_masked_phone(text: &str) -> bool {
    let shown = text.strip_prefix("***");
    shown.is_some_and(|digits| digits.len() == 3 && digits.bytes().all(|b| b.is_ascii_digit()))
}
