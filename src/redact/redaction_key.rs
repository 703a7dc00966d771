//! The deployment's key for keyed hashes.

use std::fmt;

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};

use super::e164::{CallingCode, PhoneError, canonical, of_found};
use crate::event::{ConversationId, EventError, EventId, RequestId};

/// A deployment's 32 secret bytes. With them, the same value always gives the same keyed hash;
/// without them, the value cannot be guessed from its hash. Keep the key outside the database. The
/// database knows its [fingerprint](Self::fingerprint) and refuses other keys. `docs/keys.md` says
/// how to replace it.
///
/// It also holds the country of phone numbers without a calling code. Default: Rwanda; see
/// [`calling_code`](Self::calling_code).
#[derive(Clone)]
pub struct RedactionKey {
    bytes: [u8; 32],
    home: CallingCode,
    /// Newest first.
    previous: Vec<[u8; 32]>,
}

/// Distinguishes keys and reveals nothing about them. A database keeps the fingerprint of the key
/// in use.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyFingerprint([u8; 16]);

/// Proof that its holder has a key: the fingerprint is its hash.
#[derive(Clone, Copy)]
pub struct KeyProof([u8; 32]);

impl RedactionKey {
    /// Makes a key of these bytes, which should come from a cryptographic source.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self { bytes, home: CallingCode::RWANDA, previous: Vec::new() }
    }

    /// Keeps previous keys, newest first, so that records made under them are found again:
    /// idempotency keys by their hashes, requests and conversations by their names. A database that
    /// belongs to a previous key moves to this one.
    #[must_use]
    pub fn with_previous(mut self, keys: impl IntoIterator<Item = Self>) -> Self {
        self.previous.extend(keys.into_iter().map(|key| key.bytes));
        self
    }

    /// The fingerprint by which the database knows this key.
    #[must_use]
    pub fn fingerprint(&self) -> KeyFingerprint {
        self.proof().fingerprint()
    }

    /// Proves to a database that the process that replaces this key has it. The proof reveals
    /// nothing about the key, and is useless once the key is replaced.
    #[must_use]
    pub fn proof(&self) -> KeyProof {
        KeyProof(hmac_sha256(&self.bytes, b"moltbot-audit/v1/key-proof"))
    }

    /// The previous keys, newest first, each as a key of its own.
    pub(crate) fn previous(&self) -> impl Iterator<Item = Self> {
        self.previous.iter().map(|bytes| Self::from_bytes(*bytes).calling_code(self.home))
    }

    /// Sets the country of the deployment. Default: [`CallingCode::RWANDA`].
    #[must_use]
    pub fn calling_code(mut self, home: CallingCode) -> Self {
        self.home = home;
        self
    }

    /// The country of numbers that do not say theirs.
    pub(super) fn home(&self) -> CallingCode {
        self.home
    }

    /// Reads the key from 64 hex digits. `None` if the text is anything else.
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
        Some(Self::from_bytes(bytes))
    }

    /// The id of a request, from the host's own name for it. A UUID is taken as it is, in any of
    /// its written forms.
    ///
    /// The same name gives the same id in every process with this key. Without the key, the id
    /// reveals nothing about the name, which may hold a phone number. Different texts give
    /// different ids, and case counts.
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
    /// [`EventError::MalformedHostId`] for a text that unrelated requests would share: a blank one, `undefined`,
    /// `null`, `{{id}}`, the nil UUID and the like. A blank before or after the name is refused, not trimmed, so that
    /// an id never has two spellings.
    pub fn request_id(&self, host_id: &str) -> Result<RequestId, EventError> {
        RequestId::named(host_id, |tag, name| self.of_ids().keyed_hash(tag, name))
    }

    /// The id of a conversation, from the host's own name for it. Like
    /// [`request_id`](Self::request_id).
    ///
    /// # Errors
    /// As [`request_id`](Self::request_id).
    pub fn conversation_id(&self, host_id: &str) -> Result<ConversationId, EventError> {
        ConversationId::named(host_id, |tag, name| self.of_ids().keyed_hash(tag, name))
    }

    /// The id of the event that records a provider's message. It is the same each time the webhook
    /// is delivered, to any process. So the event is recorded once, and
    /// [`Recorded::is_duplicate`](crate::record::Recorded::is_duplicate) shows the repetitions.
    ///
    /// `message_id` and `sent_at` are the provider's, from the webhook itself. Put only values into
    /// the event that are the same in each delivery: no time of arrival, no row id of the host, no
    /// trace. The same id with other content is a conflict.
    ///
    /// # Errors
    /// [`EventError::MalformedHostId`] for a message id that several messages would share, as for
    /// [`request_id`](Self::request_id), or [`EventError::TimeOutOfRange`].
    pub fn message_event_id(
        &self,
        message_id: &str,
        sent_at: DateTime<Utc>,
    ) -> Result<EventId, EventError> {
        EventId::of_message(message_id, sent_at, |tag, name| self.of_ids().keyed_hash(tag, name))
    }

    /// The key that ids are derived with. An id must outlive a rotation, so this is the oldest key kept.
    fn of_ids(&self) -> Self {
        Self::from_bytes(*self.previous.last().unwrap_or(&self.bytes)).calling_code(self.home)
    }

    /// The replacement for a phone number in an idempotency key: `phone-` and 32 hex digits. All
    /// spellings of one number give the same, and two numbers never do.
    ///
    /// A number without a plus is read as one of the [deployment's country](Self::calling_code) if
    /// it can be one, otherwise as a number that begins with its calling code. Digits may be of any
    /// script, separated by blanks, dashes, dots, slashes and brackets. `tel:` URIs, WhatsApp's
    /// links and addresses, and extensions are understood. An extension makes a different number.
    ///
    /// ```
    /// # fn main() -> Result<(), moltbot_audit::redact::PhoneError> {
    /// use moltbot_audit::redact::RedactionKey;
    ///
    /// let key = RedactionKey::from_bytes([7; 32]);
    /// assert_eq!(key.phone_hash("0788 123 456")?, key.phone_hash("tel:+250-788-123-456")?);
    /// assert_ne!(key.phone_hash("+250 788 123 456")?, key.phone_hash("+256 788 123 456")?);
    /// assert!(key.phone_hash("").is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`PhoneError`] if the text is not a phone number.
    pub fn phone_hash(&self, phone: &str) -> Result<String, PhoneError> {
        Ok(self.hash_of_number(&canonical(phone, self.home)?))
    }

    /// As [`phone_hash`](Self::phone_hash), for digits in which the scanner found a number.
    pub(super) fn hash_of_found_phone(&self, written: &str) -> String {
        self.hash_of_number(&of_found(written, self.home))
    }

    fn hash_of_number(&self, number: &str) -> String {
        let hash = self.keyed_hash("phone", number.as_bytes());
        let first = hash.iter().take(16).fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte));
        format!("phone-{first:032x}")
    }

    /// HMAC-SHA-256 of `kind` and `value`, the first 12 hex digits: enough to tell a deployment's
    /// values apart. `kind` keeps a phone's pseudonym from meeting that of an id.
    #[must_use]
    pub fn pseudonym(&self, kind: &str, value: &str) -> String {
        let mac = self.keyed_hash(kind, value.as_bytes());
        let first = mac.iter().take(6).fold(0, |bits, byte| bits << 8 | u64::from(*byte));
        format!("{first:012x}")
    }

    /// HMAC-SHA-256 of `kind` and `value`, untruncated, for values that must never collide.
    #[must_use]
    pub fn keyed_hash(&self, kind: &str, value: &[u8]) -> [u8; 32] {
        hmac_sha256(&self.bytes, &[kind.as_bytes(), &[0], value].concat())
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

impl KeyFingerprint {
    /// Takes the bytes, as a database has them.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for KeyFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for KeyFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl KeyProof {
    /// The fingerprint of the key: the first 16 bytes of the proof's SHA-256.
    #[must_use]
    pub fn fingerprint(&self) -> KeyFingerprint {
        let mut first = [0; 16];
        first.copy_from_slice(&Sha256::digest(self.0)[..16]);
        KeyFingerprint(first)
    }

    /// The bytes, for the database alone.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for KeyProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyProof(***)")
    }
}
