//! Salted digests of JSON values that can be disclosed part by part.
//!
//! The idea is that of SD-JWT (RFC 9901): a verifier needs a value or its digest, not both.

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
    let mut pointer = pointer.to_owned();
    commit_at(value, salt, &mut pointer)
}

fn commit_at(value: &Value, salt: Salt, pointer: &mut String) -> Digest {
    let at = pointer.len();
    match value {
        Value::Array(items) if !items.is_empty() => {
            let mut children = Vec::with_capacity(items.len());
            for (index, item) in items.iter().enumerate() {
                push_pointer(pointer, &index.to_string());
                children.push((None, commit_at(item, salt, pointer)));
                pointer.truncate(at);
            }
            node_digest(&children)
        }
        Value::Object(members) if !members.is_empty() => {
            let mut children = Vec::with_capacity(members.len());
            for (key, member) in in_order(members) {
                push_pointer(pointer, key);
                children.push((Some(key.as_str()), commit_at(member, salt, pointer)));
                pointer.truncate(at);
            }
            node_digest(&children)
        }
        leaf => leaf_digest(leaf, leaf_salt(salt, pointer)),
    }
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
