//! Who acted, and how that is known.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::IdentityHow;

/// Who acted, and how that is known.
///
/// A host's program gives a person that it verified by [`host`](Self::host), and any other by
/// [`claimed`](Self::claimed), which a text becomes by itself. Only the database's own functions write
/// [`Session`](IdentityHow::Session) and [`Jwt`](IdentityHow::Jwt): if a program passes on such an identity, for
/// example one that it read from a record, it is recorded as claimed.
///
/// ```
/// use moltbot_audit::event::{Identity, IdentityHow};
///
/// let typed = Identity::from("Aline");
/// assert_eq!((typed.who(), typed.how()), ("Aline", IdentityHow::Claimed));
/// let verified = Identity::host("aline", "sso");
/// assert!(verified.is_known() && !typed.is_known());
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(!from, description = "Who acted, and how that is known."))]
#[serde(from = "Read")]
pub struct Identity {
    /// How it is known.
    how: IdentityHow,
    /// Who: a name, the login for `session`, the token's subject for `jwt`.
    who: String,
    /// How the host verified it.
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    /// What the caller typed beside what the database knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    claimed: Option<String>,
    /// The login of the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    session_user: Option<String>,
    /// The token's role.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    /// The token's e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
}

impl Identity {
    /// Somebody of whom nothing is known but what they typed.
    #[must_use]
    pub fn claimed(who: impl Into<String>) -> Self {
        Self::new(IdentityHow::Claimed, who.into(), None)
    }

    /// Somebody whom the host's program verified, and by which method: `sso`, `console password`. `who` should be a
    /// name that stays, such as the account's.
    #[must_use]
    pub fn host(who: impl Into<String>, method: impl Into<String>) -> Self {
        Self::new(IdentityHow::Host, who.into(), Some(method.into()))
    }

    fn new(how: IdentityHow, who: String, method: Option<String>) -> Self {
        Self { how, who, method, claimed: None, session_user: None, role: None, email: None }
    }

    /// Who: the login's name for [`Session`](IdentityHow::Session), the token's subject for
    /// [`Jwt`](IdentityHow::Jwt).
    #[must_use]
    pub fn who(&self) -> &str {
        &self.who
    }

    /// How that is known.
    #[must_use]
    pub fn how(&self) -> IdentityHow {
        self.how
    }

    /// How the host verified it.
    #[must_use]
    pub fn method(&self) -> Option<&str> {
        self.method.as_deref()
    }

    /// What the caller typed beside what the database knows.
    #[must_use]
    pub fn typed(&self) -> Option<&str> {
        self.claimed.as_deref()
    }

    /// Returns true if more than somebody's word stands for it.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.how != IdentityHow::Claimed
    }

    /// The identity as a host's program may record it. What only the database can know is no more than a claim then.
    #[must_use]
    pub(crate) fn said_by_host(self) -> Self {
        match (self.how, self.method) {
            (IdentityHow::Host, Some(method)) => Self::host(self.who, method),
            _ => Self::claimed(self.who),
        }
    }

    /// With surrounding blanks removed.
    #[cfg(feature = "recorder")]
    #[must_use]
    pub(crate) fn trimmed(mut self) -> Self {
        for text in std::iter::once(&mut self.who).chain(self.method.as_mut()) {
            *text = text.trim().to_owned();
        }
        self
    }
}

impl From<&str> for Identity {
    fn from(who: &str) -> Self {
        Self::claimed(who)
    }
}

impl From<String> for Identity {
    fn from(who: String) -> Self {
        Self::claimed(who)
    }
}

impl From<&Self> for Identity {
    fn from(other: &Self) -> Self {
        other.clone()
    }
}

// It names a person.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("how", &self.how).finish_non_exhaustive()
    }
}

/// An identity as it may be written. A text alone is a claim.
#[derive(Deserialize)]
#[serde(untagged)]
enum Read {
    Text(String),
    Members {
        how: String,
        who: String,
        method: Option<String>,
        claimed: Option<String>,
        session_user: Option<String>,
        role: Option<String>,
        email: Option<String>,
    },
}

impl From<Read> for Identity {
    fn from(read: Read) -> Self {
        match read {
            Read::Text(who) => Self::claimed(who),
            Read::Members { how, who, method, claimed, session_user, role, email } => {
                // A word that this version does not know proves nothing.
                let how = IdentityHow::parse(&how).unwrap_or(IdentityHow::Claimed);
                Self { how, who, method, claimed, session_user, role, email }
            }
        }
    }
}
