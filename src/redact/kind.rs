//! The kinds of personal data and secrets that a text is searched for.

/// What was found in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The number of a payment card.
    Card,
    /// An e-mail address.
    Email,
    /// An international bank account number.
    Iban,
    /// Media or other binary content, written as text.
    Media,
    /// `WhatsApp`'s id of a message: it encodes the number of the person who wrote or got the message.
    MessageId,
    /// A merchant's code for mobile money.
    MomoCode,
    /// The number of a Rwandan identity card.
    NationalId,
    /// A phone number.
    Phone,
    /// A key, a token, a password, or a whole connection string with one.
    Secret,
    /// A URL that gives access to what it names.
    SignedUrl,
}

impl Kind {
    /// All kinds, in alphabetical order.
    pub const ALL: [Self; 10] = [
        Self::Card,
        Self::Email,
        Self::Iban,
        Self::Media,
        Self::MessageId,
        Self::MomoCode,
        Self::NationalId,
        Self::Phone,
        Self::Secret,
        Self::SignedUrl,
    ];

    /// The kind's name in masks and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::Email => "email",
            Self::Iban => "iban",
            Self::Media => "media",
            Self::MessageId => "message_id",
            Self::MomoCode => "momo_code",
            Self::NationalId => "national_id",
            Self::Phone => "phone",
            Self::Secret => "secret",
            Self::SignedUrl => "signed_url",
        }
    }
}
