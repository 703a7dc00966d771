//! The deployment's key for keyed hashes.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::event::{ConversationId, EventError, RequestId};

/// A deployment's 32 secret bytes: with them the same value gives the same keyed hash each time,
/// without them it cannot be guessed from its hash. Keep it outside the database.
#[derive(Clone)]
pub struct RedactionKey([u8; 32]);

impl RedactionKey {
    /// Takes the bytes; they should come from a cryptographic source.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads the bytes from 64 hex digits, or `None` where they are not that.
    ///
    /// ```
    /// use moltbot_audit::redact::RedactionKey;
    /// assert!(RedactionKey::from_hex(&"0f".repeat(32)).is_some());
    /// assert!(RedactionKey::from_hex("secret").is_none());
    /// ```
    #[must_use]
    pub fn from_hex(hex: &str) -> Option<Self> {
        if hex.len() != 64 || !hex.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(hex.get(2 * index..2 * index + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }

    /// The id of a request that the host names by any text; a UUID is taken as it is, in any of its
    /// written forms.
    ///
    /// The same name gives the same id in every process with this key. Without the key, the id tells
    /// nothing of the name, which may hold a phone number. Two texts are two ids: case counts.
    ///
    /// ```
    /// # fn main() -> Result<(), moltbot_audit::EventError> {
    /// use moltbot_audit::redact::RedactionKey;
    ///
    /// let key = RedactionKey::from_bytes([7; 32]);
    /// let id = key.request_id("req-7")?;
    /// assert_eq!(id, key.request_id("req-7")?);
    /// assert_eq!(id.original(), Some("req-7"));
    /// assert!(key.request_id("undefined").is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`EventError::MalformedHostId`] for a text that strangers would share: a blank one, `undefined`,
    /// `null`, `{{id}}`, the nil UUID and the like. A blank before or behind the name is refused and
    /// not trimmed, so that one id never has two spellings.
    pub fn request_id(&self, host_id: &str) -> Result<RequestId, EventError> {
        RequestId::named(host_id, |tag, name| self.of_ids().keyed_hash(tag, name))
    }

    /// The id of a conversation that the host names by any text; as [`request_id`](Self::request_id).
    ///
    /// # Errors
    /// As [`request_id`](Self::request_id).
    pub fn conversation_id(&self, host_id: &str) -> Result<ConversationId, EventError> {
        ConversationId::named(host_id, |tag, name| self.of_ids().keyed_hash(tag, name))
    }

    /// The key that ids are derived with. An id must outlive a rotation, so this is the oldest key kept.
    fn of_ids(&self) -> &Self {
        self
    }

    /// HMAC-SHA-256 of `kind` and `value`, the first 12 hex digits: enough to tell a deployment's
    /// values apart. `kind` keeps a phone's pseudonym from meeting that of an id.
    #[must_use]
    pub fn pseudonym(&self, kind: &str, value: &str) -> String {
        let mac = self.keyed_hash(kind, value.as_bytes());
        let first = mac.iter().take(6).fold(0, |bits, byte| bits << 8 | u64::from(*byte));
        format!("{first:012x}")
    }

    /// HMAC-SHA-256 of `kind` and `value`, whole: for what has to be told apart for good.
    #[must_use]
    pub fn keyed_hash(&self, kind: &str, value: &[u8]) -> [u8; 32] {
        hmac_sha256(&self.0, &[kind.as_bytes(), &[0], value].concat())
    }
}

fn hmac_sha256(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

impl fmt::Debug for RedactionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedactionKey(***)")
    }
}
