//! The text form of keys.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// The signature type of Ed25519.
const ED25519: u8 = 1;
/// Marks a signing key.
const PRIVATE: &str = "PRIVATE+KEY+";
/// Longest name of a key, in bytes. C2SP's formats keep a name's length in one byte.
const NAME_MAX: usize = 255;
/// Bytes of the type and the key, and their length in base64.
const DATA_LEN: usize = 33;
const BASE64_LEN: usize = 44;

/// Distinguishes the keys of one name. It is short and no proof: two keys can share it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 4]);

impl KeyId {
    /// Takes the bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 4] {
        &self.0
    }

    /// The id of a public key.
    pub(super) fn of(name: &str, public: &[u8; 32]) -> Self {
        let hash = Sha256::new().chain_update(name).chain_update([b'\n', ED25519]);
        let [a, b, c, d, ..] = <[u8; 32]>::from(hash.chain_update(public).finalize());
        Self([a, b, c, d])
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not a key of the expected kind. The message never quotes it, because it may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The key is of another kind than Ed25519.
    #[error("the key is of type {found:#04x}, and only Ed25519 keys (0x01) can be used")]
    Algorithm {
        /// The byte that says which.
        found: u8,
    },
    /// The text does not have the form of a key.
    #[error(
        "a verifier key has the form NAME+ID+BASE64, with 8 hex digits and 33 bytes, and a signing key \
             has PRIVATE+KEY+ before that"
    )]
    Form,
    /// The id does not belong to the name and the key.
    #[error("the key id is {written}, but name and key give {computed}: a part was changed")]
    Id {
        /// What the text says.
        written: KeyId,
        /// What it should be.
        computed: KeyId,
    },
    /// The name cannot be the name of a key.
    #[error(
        "a key's name has 1 to 255 bytes, and no spaces, plus signs or control characters: \
         audit.example.com/packs, say"
    )]
    Name,
    /// The bytes are no public key, or one under which anyone could forge signatures.
    #[error("the bytes are no public key that proves anything")]
    Point,
    /// It is no signing key, and one is needed.
    #[error("this is no signing key: that begins with PRIVATE+KEY+")]
    Public,
    /// It is a signing key, and a verifier key is needed.
    #[error("this is a signing key, which is secret: give the verifier key, and replace this one")]
    Secret,
}

/// Refuses a name that no key can have.
pub(super) fn check_name(name: &str) -> Result<(), KeyError> {
    let is_good = !name.is_empty()
        && name.len() <= NAME_MAX
        && name.chars().all(|c| c != '+' && !c.is_whitespace() && !c.is_control());
    if is_good { Ok(()) } else { Err(KeyError::Name) }
}

/// What the text of a key says.
pub(super) struct KeyText<'t> {
    pub(super) name: &'t str,
    pub(super) id: KeyId,
    /// The public key, or the seed of the secret one.
    pub(super) bytes: Zeroizing<[u8; 32]>,
}

impl<'t> KeyText<'t> {
    pub(super) fn parse_public(text: &'t str) -> Result<Self, KeyError> {
        if text.starts_with(PRIVATE) { Err(KeyError::Secret) } else { Self::parse(text) }
    }

    pub(super) fn parse_secret(text: &'t str) -> Result<Self, KeyError> {
        Self::parse(text.strip_prefix(PRIVATE).ok_or(KeyError::Public)?)
    }

    fn parse(text: &'t str) -> Result<Self, KeyError> {
        let mut parts = text.splitn(3, '+');
        let mut part = || parts.next().ok_or(KeyError::Form);
        let (name, id, data) = (part()?, part()?, part()?);
        check_name(name)?;
        if id.len() != 8 || !id.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(KeyError::Form);
        }
        let id = u32::from_str_radix(id, 16).map_err(|_| KeyError::Form)?;
        let bytes = decode(data)?;
        Ok(Self { name, id: KeyId::from_bytes(id.to_be_bytes()), bytes })
    }

    /// Refuses a key whose id is not that of its name and public key.
    pub(super) fn check_id(&self, computed: KeyId) -> Result<(), KeyError> {
        let written = self.id;
        if written == computed { Ok(()) } else { Err(KeyError::Id { written, computed }) }
    }
}

/// Keys of other types have other lengths, so the type is read first.
fn decode(data: &str) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let first = data.get(..4).and_then(|first| STANDARD.decode(first).ok().map(Zeroizing::new));
    match first.as_ref().and_then(|bytes| bytes.first()) {
        Some(&ED25519) if data.len() == BASE64_LEN => {}
        Some(&ED25519) | None => return Err(KeyError::Form),
        Some(&found) => return Err(KeyError::Algorithm { found }),
    }
    let mut decoded = Zeroizing::new([0; DATA_LEN]);
    match STANDARD.decode_slice(data, &mut *decoded) {
        Ok(DATA_LEN) => {}
        _ => return Err(KeyError::Form),
    }
    let mut bytes = Zeroizing::new([0; 32]);
    bytes.copy_from_slice(&decoded[1..]);
    Ok(bytes)
}

pub(super) fn write_public(name: &str, id: KeyId, public: &[u8; 32]) -> String {
    String::clone(&write("", name, id, public))
}

pub(super) fn write_secret(name: &str, id: KeyId, seed: &[u8; 32]) -> Zeroizing<String> {
    write(PRIVATE, name, id, seed)
}

fn write(mark: &str, name: &str, id: KeyId, bytes: &[u8; 32]) -> Zeroizing<String> {
    let mut data = Zeroizing::new([ED25519; DATA_LEN]);
    data[1..].copy_from_slice(bytes);
    // It never grows, so no part of it is left behind elsewhere.
    let mut text = Zeroizing::new(String::with_capacity(mark.len() + name.len() + 10 + BASE64_LEN));
    for part in [mark, name, "+", &id.to_string(), "+"] {
        text.push_str(part);
    }
    STANDARD.encode_string(data.as_slice(), &mut text);
    text
}
