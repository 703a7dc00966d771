//! Pure maths over bytes: canonical JSON, commitments, hashes, chain. No I/O, no words of the host.
//!
//! Format version `v1`. Every hash is SHA-256 over a tag that ends in NUL, then parts that are of
//! fixed length or preceded by their length, so that no two inputs of different meaning share bytes:
//!
//! ```text
//! leaf        "moltbot-audit/v1/leaf\0"    leaf_salt(16) canonical(leaf)
//! leaf_salt   HMAC-SHA-256(part_salt, json_pointer)[..16]
//! part_salt   HMAC-SHA-256(event_salt, json_pointer of the part)[..16]
//! array       "moltbot-audit/v1/array\0"   count(8) { kind(1) digest(32) } per item
//! object      "moltbot-audit/v1/object\0"  count(8) { member(32) } per member, sorted
//! member      "moltbot-audit/v1/member\0"  kind(1) name_length(8) name digest(32)
//! commitment  the member of the part's name, or "moltbot-audit/v1/nothing\0"
//! event_hash  "moltbot-audit/v1/event\0"   header_length(8) canonical(header)
//!                                          input(32) output(32) idempotency_key(32) host_ids(32)
//! chain(0)    "moltbot-audit/v1/stream\0"  stream_id(16)
//! chain(n)    "moltbot-audit/v1/chain\0"   chain(n-1)(32) event_hash(32) seq(8) recorded_at(8)
//! shown       "moltbot-audit/v1/shown\0"   canonical(part of a pack)
//! ```
//!
//! `docs/format.md` is the same in words, for another implementation. Integers are big-endian; `recorded_at` counts
//! microseconds since 1970. A kind is 's' for a scalar, 'a' for an array, 'o' for an object. Members are sorted by the
//! bytes of their digests. `canonical` is RFC 8785.
//!
//! # What is committed to
//!
//! Every writer first turns a part (an input, an output, the host's ids) into one that all readers of
//! JSON and all databases read alike. The rules, for [`sanitise`] and for any other implementation:
//!
//! 1. **Text.** Each NUL becomes U+FFFD, and so does each unpaired surrogate, in languages whose texts can
//!    hold one. The same holds for member names and for the idempotency key.
//! 2. **Member names that meet.** A name that holds neither stays. The others follow in canonical order (by
//!    the UTF-16 code units of the name as it was); while the new name is taken, U+FFFD is appended to it.
//! 3. **Numbers.** An integer within ±(2⁵³−1) stays. An integer beyond becomes a string with all its digits.
//!    A double that is whole and within becomes that integer (`-0.0` becomes 0), another double within
//!    stays, and a double beyond becomes a string as ECMAScript writes it: `"9007199254740992"`, `"1e+21"`.
//!    What is no finite number is no JSON; `serde_json` makes null of it.
//! 4. **Depth.** The part itself is at depth 0, its members at depth 1. An array or object at depth 64 that
//!    is not empty becomes a string: the canonical form of what these rules make of it alone, at any depth.
//! 5. **Null.** A part that is null is the same as none.
//! 6. **No name means anything.** `__proto__`, `toJSON`, `$serde_json::private::Number` and the empty name are
//!    names like any other.
//!
//! A reader accepts a part only if these rules would change nothing of it. `tests/vectors/v1` has vectors
//! for each rule.

mod canonical;
mod chain;
mod commitment;
mod digest;
#[cfg(feature = "signatures")]
mod note;
mod sanitise;

#[cfg(feature = "signatures")]
pub use self::note::{KeyError, KeyId, NoteError, NoteSignature, SignedNote, VerifierKey};
#[cfg(feature = "postgres")]
pub(crate) use self::sanitise::respell;
pub use self::{
    canonical::canonical,
    chain::{chain_hash, event_hash, stream_start, tagged_digest},
    commitment::{
        ValueKind, array_digest, commit, commit_nothing, commitment, leaf_digest, leaf_salt,
        member_digest, object_digest, part_salt, push_pointer, value_digest,
    },
    digest::{Digest, ParseHexError, Salt},
    sanitise::{MAX_DEPTH, sanitise},
};
pub(crate) use self::{
    canonical::write_integer,
    commitment::{Leaves, digest_of},
};
#[cfg(feature = "signatures")]
pub(crate) use self::{digest::DigestWriter, note::SigningKey};
