//! Why something is hidden.

/// What a pack shows in place of a value that is hidden whole.
pub(super) const HIDDEN: &str = "[hidden]";

/// Why a value of a pack is hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// A text with a phone number or an e-mail address in it.
    Contact,
    /// A field that the host's own additions to the profile hide.
    Host,
    /// One of the host's own ids.
    Id,
    /// What a person wrote, in a request that is about health or does not say what it is about.
    Medical,
    /// An object whose members' names may be data.
    MemberNames,
    /// A person's or a shop's name.
    Name,
    /// A field on no list.
    NotListed,
    /// A field that the sections compute from, with a value of another kind, which may be anything.
    NotOfKind,
    /// A phone number.
    Phone,
    /// A text with contacts, known names or medical terms in it.
    Text,
}

crate::json::schema_of!(Rule, {
    "type": "string",
    "enum": Self::ALL.iter().map(|rule| rule.as_str()).collect::<Vec<_>>(),
});

impl Rule {
    const ALL: [Self; 10] = [
        Self::Contact,
        Self::Host,
        Self::Id,
        Self::Medical,
        Self::MemberNames,
        Self::Name,
        Self::NotListed,
        Self::NotOfKind,
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
            Self::NotOfKind => "not_of_kind",
            Self::Phone => "phone",
            Self::Text => "text",
        }
    }

    /// The rule of a name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == name)
    }
}
