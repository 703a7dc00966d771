//! Why something is hidden, and what may be read in its place.

use serde_json::Value;

/// What is read in the place of a value nobody outside may see.
pub(super) const HIDDEN: &str = "[hidden]";

/// What masks of contacts, numbers and secrets leave. The same in every build: what a verifier takes
/// for a masked form must not hang on what it would have found itself.
const CONTACTS: [&str; 6] =
    ["***", "[media]", "[momo_code]", "[national_id]", "[secret]", "[signed_url]"];

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

    /// Whether the rule leaves such a masked form: else a number that was proven could be called
    /// hidden, and another one shown in its place.
    pub(crate) fn leaves(self, masked: &Value) -> bool {
        let Value::String(text) = masked else { return masked.is_null() };
        match self {
            Self::Contact => CONTACTS.iter().any(|marker| text.contains(marker)),
            Self::Text => CONTACTS.iter().chain(&NAMES).any(|marker| text.contains(marker)),
            Self::Id => is_pseudonym(text),
            Self::Phone => text == HIDDEN || is_masked_phone(text),
            Self::Host | Self::Medical | Self::MemberNames | Self::Name | Self::NotListed => {
                text == HIDDEN
            }
        }
    }
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

/// `***` and at most three digits.
fn is_masked_phone(text: &str) -> bool {
    let shown = text.strip_prefix("***");
    shown.is_some_and(|digits| digits.len() <= 3 && digits.bytes().all(|b| b.is_ascii_digit()))
}
