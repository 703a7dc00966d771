//! Salted digests of JSON values that can be disclosed part by part.
//!
//! The idea is that of SD-JWT (RFC 9901): a verifier needs a value or its digest, not both.

use std::convert::Infallible;
use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::canonical::{canonical, in_order, write_value};
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
    Committer::new(salt).commit(value, pointer)
}

/// Commits to values under one salt. The part of the HMAC that depends on the salt alone is computed once.
pub(crate) struct Committer {
    salted: Hmac<Sha256>,
    /// The canonical form of the leaf at hand.
    text: String,
}

impl Committer {
    pub(crate) fn new(salt: Salt) -> Self {
        Self { salted: keyed(salt), text: String::with_capacity(256) }
    }

    /// As [`commit`].
    pub(crate) fn commit(&mut self, value: &Value, pointer: &str) -> Digest {
        // Room for most pointers, so that it rarely grows.
        let mut at = String::with_capacity(64);
        at.push_str(pointer);
        let Ok(digest) = digest_of(value, &mut at, self);
        digest
    }
}

impl Leaves for Committer {
    type Error = Infallible;

    fn leaf(&mut self, leaf: &Value, pointer: &str) -> Result<Digest, Infallible> {
        let salt = salt_at(self.salted.clone(), pointer);
        self.text.clear();
        write_value(leaf, &mut self.text);
        Ok(leaf_digest_of(&self.text, salt))
    }
}

/// Gives the digests of a value's parts.
pub(crate) trait Leaves {
    type Error;

    /// The digest of the value at `pointer`, if it is known without its content.
    fn known(&mut self, _pointer: &str) -> Option<Digest> {
        None
    }

    /// The digest of the scalar, empty array or empty object at `pointer`.
    fn leaf(&mut self, leaf: &Value, pointer: &str) -> Result<Digest, Self::Error>;
}

/// Computes the digest of a value from those of its parts. `pointer` is its JSON pointer, and unchanged afterwards.
pub(crate) fn digest_of<L: Leaves>(
    value: &Value,
    pointer: &mut String,
    leaves: &mut L,
) -> Result<Digest, L::Error> {
    if let Some(digest) = leaves.known(pointer) {
        return Ok(digest);
    }
    let at = pointer.len();
    match value {
        Value::Array(items) if !items.is_empty() => {
            let mut node = Node::new(ContainerKind::Array, items.len());
            for (index, item) in items.iter().enumerate() {
                // Writing to a String cannot fail.
                let _ok = write!(pointer, "/{index}");
                node.push("", digest_of(item, pointer, leaves)?);
                pointer.truncate(at);
            }
            Ok(node.digest())
        }
        Value::Object(members) if !members.is_empty() => {
            let mut node = Node::new(ContainerKind::Object, members.len());
            for (key, member) in in_order(members) {
                push_pointer(pointer, key);
                node.push(key, digest_of(member, pointer, leaves)?);
                pointer.truncate(at);
            }
            Ok(node.digest())
        }
        leaf => leaves.leaf(leaf, pointer),
    }
}

/// The salt of the leaf at `pointer`, which a pack discloses together with the leaf's value.
#[must_use]
pub fn leaf_salt(salt: Salt, pointer: &str) -> Salt {
    salt_at(keyed(salt), pointer)
}

fn keyed(salt: Salt) -> Hmac<Sha256> {
    Hmac::new_from_slice(salt.as_bytes()).expect("HMAC takes keys of any length")
}

fn salt_at(mut salted: Hmac<Sha256>, pointer: &str) -> Salt {
    salted.update(pointer.as_bytes());
    let mac: [u8; 32] = salted.finalize().into_bytes().into();
    let mut leaf = [0; 16];
    leaf.copy_from_slice(&mac[..16]);
    Salt::from_bytes(leaf)
}

/// The digest of a scalar, an empty array or an empty object.
#[must_use]
pub fn leaf_digest(leaf: &Value, leaf_salt: Salt) -> Digest {
    leaf_digest_of(&canonical(leaf), leaf_salt)
}

fn leaf_digest_of(canonical_leaf: &str, leaf_salt: Salt) -> Digest {
    Digest::of(&[LEAF, leaf_salt.as_bytes(), canonical_leaf.as_bytes()])
}

/// The digest of an array (no keys) or object (all keys, in canonical order) from its children's.
#[must_use]
pub fn node_digest(children: &[(Option<&str>, Digest)]) -> Digest {
    let has_keys = children.iter().any(|(key, _)| key.is_some());
    let mut node = Node::new(
        if has_keys { ContainerKind::Object } else { ContainerKind::Array },
        children.len(),
    );
    for (key, child) in children {
        node.push(key.unwrap_or_default(), *child);
    }
    node.digest()
}

#[derive(Clone, Copy)]
enum ContainerKind {
    Array,
    Object,
}

/// Hashes a node, child by child.
struct Node(Sha256);

impl Node {
    fn new(kind: ContainerKind, children: usize) -> Self {
        let mut hash = Sha256::new_with_prefix(NODE);
        hash.update(match kind {
            ContainerKind::Array => b"a",
            ContainerKind::Object => b"o",
        });
        hash.update(length(children));
        Self(hash)
    }

    /// Elements of an array have the empty key.
    fn push(&mut self, key: &str, child: Digest) {
        self.0.update(length(key.len()));
        self.0.update(key);
        self.0.update(child.as_bytes());
    }

    fn digest(self) -> Digest {
        Digest::from_bytes(self.0.finalize().into())
    }
}

/// Appends one reference token to a JSON pointer, escaped (RFC 6901, section 3).
pub fn push_pointer(pointer: &mut String, token: &str) {
    pointer.push('/');
    if !token.contains(['~', '/']) {
        pointer.push_str(token);
        return;
    }
    for c in token.chars() {
        match c {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

/// A length as it is hashed: 8 bytes, big-endian.
pub(super) fn length(len: usize) -> [u8; 8] {
    // usize has at most 64 bits on every platform Rust runs on.
    u64::try_from(len).unwrap_or(u64::MAX).to_be_bytes()
}
