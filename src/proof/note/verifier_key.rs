//! The public key of a signer.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signature, VerifyingKey};

use super::key_text::{KeyError, KeyId, KeyText, write_public};

/// A public Ed25519 key with its name: what a verifier needs to check signatures.
///
/// Its text form is `NAME+ID+BASE64`, as Go's `sumdb/note` writes it and as `keygen` prints it.
///
/// ```
/// use moltbot_audit::proof::VerifierKey;
///
/// let text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
/// let key: VerifierKey = text.parse()?;
/// assert_eq!(key.name(), "PeterNeumann");
/// assert_eq!(key.id().to_string(), "c74f20a3");
/// assert_eq!(key.to_string(), text);
/// # Ok::<_, moltbot_audit::proof::KeyError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: KeyId,
    public: VerifyingKey,
}

impl VerifierKey {
    pub(super) fn new(name: &str, public: VerifyingKey) -> Self {
        Self { name: name.to_owned(), id: KeyId::of(name, public.as_bytes()), public }
    }

    /// The name of the signer.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Distinguishes the keys of one name.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Whether the bytes are a signature of the text by this key. The strict check refuses second forms of a
    /// signature, and points of low order, with which one signature would fit many texts.
    pub(super) fn has_signed(&self, text: &str, signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.public.verify_strict(text.as_bytes(), &signature).is_ok())
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let text = KeyText::parse_public(text)?;
        let public = VerifyingKey::from_bytes(&text.bytes).map_err(|_| KeyError::Point)?;
        if public.is_weak() {
            return Err(KeyError::Point);
        }
        let key = Self::new(text.name, public);
        text.check_id(key.id)?;
        Ok(key)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&write_public(&self.name, self.id, self.public.as_bytes()))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}
