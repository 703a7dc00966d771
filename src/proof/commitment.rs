//! Salted digests of JSON values that can be disclosed part by part.
//!
//! The idea is that of SD-JWT (RFC 9901): a verifier needs a value or its digest, not both. A member of an object can
//! be shown with its value, with its name alone, or only as a digest, which tells nothing.

use std::convert::Infallible;
use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::canonical::{canonical, write_value};
use super::{Digest, Salt};

const LEAF: &[u8] = b"moltbot-audit/v1/leaf\0";
const ARRAY: &[u8] = b"moltbot-audit/v1/array\0";
const OBJECT: &[u8] = b"moltbot-audit/v1/object\0";
const MEMBER: &[u8] = b"moltbot-audit/v1/member\0";
const NOTHING: &[u8] = b"moltbot-audit/v1/nothing\0";

/// What a value is, which a digest is committed together with. So a hidden value cannot be passed off as another kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ValueKind {
    /// An array, empty or not.
    Array,
    /// An object, empty or not.
    Object,
    /// A text, a number, a flag or null.
    Scalar,
}

impl ValueKind {
    /// The kind of a value.
    #[must_use]
    pub fn of(value: &Value) -> Self {
        match value {
            Value::Array(_) => Self::Array,
            Value::Object(_) => Self::Object,
            _ => Self::Scalar,
        }
    }

    fn tag(self) -> &'static [u8; 1] {
        match self {
            Self::Array => b"a",
            Self::Object => b"o",
            Self::Scalar => b"s",
        }
    }
}

/// The commitment to a part of an event, under the event's salt: the digest of a member that has the part's name.
/// `root` is the part's JSON pointer: `/input`, `/output`, `/idempotency_key` or `/host_ids`. A part that is null is
/// [nothing](commit_nothing).
///
/// ```
/// use moltbot_audit::proof::{Salt, commit, commit_nothing};
/// use serde_json::json;
/// let salt = Salt::from_bytes([7; 16]);
/// let at_input = commit(&json!({ "a": 1 }), salt, "/input");
/// assert_ne!(at_input, commit(&json!({ "a": 1 }), salt, "/output"));
/// assert_eq!(commit(&json!(null), salt, "/input"), commit_nothing());
/// ```
#[must_use]
pub fn commit(value: &Value, salt: Salt, root: &str) -> Digest {
    if value.is_null() {
        return commit_nothing();
    }
    let digest = value_digest(value, part_salt(salt, root), root);
    commitment(root, ValueKind::of(value), digest)
}

/// The commitment to a part that the event does not have. It has no salt: every reader may know that the part is
/// missing.
#[must_use]
pub fn commit_nothing() -> Digest {
    Digest::of(&[NOTHING])
}

/// The commitment to the part at `root`, from its value's kind and digest.
#[must_use]
pub fn commitment(root: &str, kind: ValueKind, digest: Digest) -> Digest {
    member_digest(root.trim_start_matches('/'), kind, digest)
}

/// The salt of one part of an event. All leaf salts of the part are derived from it, so a part can be erased together
/// with its salt while the others can still be proven.
#[must_use]
pub fn part_salt(salt: Salt, root: &str) -> Salt {
    salt_at(keyed(salt), root)
}

/// The digest of the value at `pointer`, under the salt of its part.
#[must_use]
pub fn value_digest(value: &Value, part_salt: Salt, pointer: &str) -> Digest {
    // The half of the HMAC that depends on the salt alone is computed once.
    let mut leaves = Salted { salted: keyed(part_salt), text: String::with_capacity(256) };
    // Room for most pointers, so that it rarely grows.
    let mut at = String::with_capacity(64);
    at.push_str(pointer);
    let Ok(digest) = digest_of(value, &mut at, &mut leaves);
    digest
}

struct Salted {
    salted: Hmac<Sha256>,
    /// The canonical form of the leaf at hand.
    text: String,
}

impl Leaves for Salted {
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

    /// What the value at `pointer` is, which stands there as `value`.
    fn kind(&self, value: &Value, _pointer: &str) -> ValueKind {
        ValueKind::of(value)
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
            let mut digests = Vec::with_capacity(items.len());
            for (index, item) in items.iter().enumerate() {
                // Writing to a String cannot fail.
                let _ok = write!(pointer, "/{index}");
                let digest = digest_of(item, pointer, leaves)?;
                digests.push((leaves.kind(item, pointer), digest));
                pointer.truncate(at);
            }
            Ok(array_digest(&digests))
        }
        Value::Object(members) if !members.is_empty() => {
            let mut digests = Vec::with_capacity(members.len());
            for (name, member) in members {
                push_pointer(pointer, name);
                let digest = digest_of(member, pointer, leaves)?;
                digests.push(member_digest(name, leaves.kind(member, pointer), digest));
                pointer.truncate(at);
            }
            Ok(object_digest(&mut digests))
        }
        leaf => leaves.leaf(leaf, pointer),
    }
}

/// The salt of the leaf at `pointer`, which a pack discloses together with the leaf's value.
#[must_use]
pub fn leaf_salt(part_salt: Salt, pointer: &str) -> Salt {
    salt_at(keyed(part_salt), pointer)
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

/// The digest of an array that is not empty, from its items'.
#[must_use]
pub fn array_digest(items: &[(ValueKind, Digest)]) -> Digest {
    let mut array = Sha256::new_with_prefix(ARRAY);
    array.update(length(items.len()));
    for (kind, digest) in items {
        array.update(kind.tag());
        array.update(digest.as_bytes());
    }
    Digest::from_bytes(array.finalize().into())
}

/// The digest of a member of an object. It hides the name too, because the digest of a value is salted.
#[must_use]
pub fn member_digest(name: &str, kind: ValueKind, digest: Digest) -> Digest {
    let len = length(name.len());
    Digest::of(&[MEMBER, kind.tag(), &len, name.as_bytes(), digest.as_bytes()])
}

/// The digest of an object that is not empty, from its members'. Sorts them by their bytes, so that their places tell
/// nothing of their names.
#[must_use]
pub fn object_digest(members: &mut [Digest]) -> Digest {
    members.sort_unstable();
    let mut object = Sha256::new_with_prefix(OBJECT);
    object.update(length(members.len()));
    for member in members {
        object.update(member.as_bytes());
    }
    Digest::from_bytes(object.finalize().into())
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
