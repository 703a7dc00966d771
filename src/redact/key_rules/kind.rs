//! What the name of a key says about its value.

use crate::redact::kind::Kind;

/// What a name says about the values below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::redact) enum KeyKind {
    /// A street, which no reader may see.
    Address,
    /// A day of birth.
    BirthDate,
    /// A one-time code, a PIN or a card's security code, as text or number.
    Code,
    /// A phone number or a user's id, but only if it consists of digits.
    Digits,
    /// An e-mail address.
    Email,
    /// Something about a person's health.
    Health,
    /// Raw content.
    Media,
    /// The number of an identity card or a passport.
    NationalId,
    /// A password, which may be short.
    Password,
    /// A whole message or document.
    Payload,
    /// A person's name.
    Person,
    /// A phone number, however it is written.
    Phone,
    /// Nothing, although the name ends like one that says something.
    Plain,
    /// A credential.
    Secret,
    /// A link that gives access to what it names.
    SignedUrl,
}

impl KeyKind {
    pub(super) fn named(kind: &str) -> Option<Self> {
        Some(match kind {
            "address" => Self::Address,
            "birth_date" => Self::BirthDate,
            "code" => Self::Code,
            "digits" => Self::Digits,
            "email" => Self::Email,
            "health" => Self::Health,
            "media" => Self::Media,
            "national_id" => Self::NationalId,
            "password" => Self::Password,
            "payload" => Self::Payload,
            "person" => Self::Person,
            "phone" => Self::Phone,
            "plain" => Self::Plain,
            "secret" => Self::Secret,
            "signed_url" => Self::SignedUrl,
            _ => return None,
        })
    }

    /// What never enters the store.
    pub(in crate::redact) const fn withheld(self) -> Option<Kind> {
        match self {
            Self::Code | Self::Password | Self::Secret => Some(Kind::Secret),
            Self::Media => Some(Kind::Media),
            Self::SignedUrl => Some(Kind::SignedUrl),
            _ => None,
        }
    }

    /// The replacement for a value that is always masked.
    pub(in crate::redact) const fn mask(self) -> Option<&'static str> {
        match self {
            Self::Address => Some("[address]"),
            Self::BirthDate => Some("[birth_date]"),
            Self::Code | Self::Password | Self::Secret => Some("[secret]"),
            Self::Health => Some("[health]"),
            Self::Media => Some("[media]"),
            Self::NationalId => Some("[national_id]"),
            Self::Person => Some("[name]"),
            Self::SignedUrl => Some("[signed_url]"),
            _ => None,
        }
    }

    /// Whether a number of so many digits may be of this kind. A short number below the name of a
    /// credential is a count.
    pub(in crate::redact) const fn takes_number(self, digits: usize) -> bool {
        match self {
            Self::Password | Self::Secret | Self::Media | Self::SignedUrl => digits >= 4,
            _ => true,
        }
    }
}
