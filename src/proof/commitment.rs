//! Salted digests of JSON values that can be disclosed part by part.
//!
//! The idea is that of SD-JWT (RFC 9901): a verifier needs a value or its digest, not both.

use std::convert::Infallible;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use super::canonical::{canonical, in_order};
use super::{Digest, Salt};

const LEAF: &[u8] = b"moltbot-audit/v1/leaf\0";
const NODE: &[u8] = b"moltbot-audit/v1/node\0";

/// The commitment to a value under an event's salt.
///
/// `pointer` is the JSON pointer (RFC 6901) at which the value stands: `/input`, `/output`,
/// `/idempotency_key` or `/host_ids`, so that one salt serves all four and no two leaves share a
/// leaf salt. A missing value commits as `null`.
///
/// ```
/// use moltbot_audit::proof::{Salt, commit};
/// use serde_json::json;
/// let salt = Salt::from_bytes([7; 16]);
/// let at_input = commit(&json!({ "a": 1 }), salt, "/input");
/// assert_ne!(at_input, commit(&json!({ "a": 1 }), salt, "/output"));
/// ```
#[must_use]
pub fn commit(value: &Value, salt: Salt, pointer: &str) -> Digest {
    let Ok(digest) = digest_of(value, &mut pointer.to_owned(), &mut Salted(salt));
    digest
}

/// Every leaf under one salt.
struct Salted(Salt);

impl Leaves for Salted {
    type Error = Infallible;

    fn leaf(&mut self, leaf: &Value, pointer: &str) -> Result<Digest, Infallible> {
        Ok(leaf_digest(leaf, leaf_salt(self.0, pointer)))
    }
}

/// Where the digests of a value's parts come from.
pub(crate) trait Leaves {
    type Error;

    /// The digest of whatever stands at `pointer`, where it is known without looking.
    fn known(&mut self, _pointer: &str) -> Option<Digest> {
        None
    }

    /// The digest of the scalar, empty array or empty object at `pointer`.
    fn leaf(&mut self, leaf: &Value, pointer: &str) -> Result<Digest, Self::Error>;
}

/// The digest of a value from those of its parts. `pointer` is where it stands, and is left as it was.
pub(crate) fn digest_of<L: Leaves>(
    value: &Value,
    pointer: &mut String,
    leaves: &mut L,
) -> Result<Digest, L::Error> {
    if let Some(digest) = leaves.known(pointer) {
        return Ok(digest);
    }
    let at = pointer.len();
    let mut children = Vec::new();
    match value {
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                push_pointer(pointer, &index.to_string());
                children.push((None, digest_of(item, pointer, leaves)?));
                pointer.truncate(at);
            }
        }
        Value::Object(members) if !members.is_empty() => {
            for (key, member) in in_order(members) {
                push_pointer(pointer, key);
                children.push((Some(key.as_str()), digest_of(member, pointer, leaves)?));
                pointer.truncate(at);
            }
        }
        leaf => return leaves.leaf(leaf, pointer),
    }
    Ok(node_digest(&children))
}

/// The salt of the leaf at `pointer`: what a pack discloses beside the leaf's value.
#[must_use]
pub fn leaf_salt(salt: Salt, pointer: &str) -> Salt {
    let mac = hmac_sha256(salt.as_bytes(), pointer.as_bytes());
    let mut leaf = [0; 16];
    leaf.copy_from_slice(&mac[..16]);
    Salt::from_bytes(leaf)
}

/// The digest of a scalar, an empty array or an empty object.
#[must_use]
pub fn leaf_digest(leaf: &Value, leaf_salt: Salt) -> Digest {
    Digest::of(&[LEAF, leaf_salt.as_bytes(), canonical(leaf).as_bytes()])
}

/// The digest of an array (no keys) or object (all keys, in canonical order) from its children's.
#[must_use]
pub fn node_digest(children: &[(Option<&str>, Digest)]) -> Digest {
    let kind = if children.iter().any(|(key, _)| key.is_some()) { b"o" } else { b"a" };
    let mut bytes = Vec::with_capacity(NODE.len() + 9 + children.len() * 56);
    bytes.extend_from_slice(NODE);
    bytes.extend_from_slice(kind);
    bytes.extend_from_slice(&length(children.len()));
    for (key, child) in children {
        let key = key.unwrap_or_default();
        bytes.extend_from_slice(&length(key.len()));
        bytes.extend_from_slice(key.as_bytes());
        bytes.extend_from_slice(child.as_bytes());
    }
    Digest::of(&[&bytes])
}

/// Appends one reference token to a JSON pointer, escaped (RFC 6901, section 3).
pub fn push_pointer(pointer: &mut String, token: &str) {
    pointer.push('/');
    for c in token.chars() {
        match c {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// A length as it is hashed: 8 bytes, big-endian.
pub(super) fn length(len: usize) -> [u8; 8] {
    // usize has at most 64 bits on every platform Rust runs on.
    u64::try_from(len).unwrap_or(u64::MAX).to_be_bytes()
}
