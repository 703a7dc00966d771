//! Pure maths over bytes: canonical JSON, commitments, hashes, chain. No I/O, no words of the host.
//!
//! Format version `v1`. Every hash is SHA-256 over a tag that ends in NUL, then parts that are of
//! fixed length or preceded by their length, so that no two inputs of different meaning share bytes:
//!
//! ```text
//! leaf        "moltbot-audit/v1/leaf\0"   leaf_salt(16) canonical(leaf)
//! leaf_salt   HMAC-SHA-256(event_salt, json_pointer)[..16]
//! node        "moltbot-audit/v1/node\0"   kind(1: 'a' | 'o') count(8)
//!                                         { key_length(8) key child(32) } per member
//! event_hash  "moltbot-audit/v1/event\0"  header_length(8) canonical(header)
//!                                         input(32) output(32) idempotency_key(32) host_ids(32)
//! chain(0)    "moltbot-audit/v1/stream\0" stream_id(16)
//! chain(n)    "moltbot-audit/v1/chain\0"  chain(n-1)(32) event_hash(32) recorded_at(8)
//! shown       "moltbot-audit/v1/shown\0"  canonical(part of a pack)
//! ```
//!
//! Integers are big-endian; `recorded_at` counts microseconds since 1970. Elements of an array have
//! keys of length 0.

mod canonical;
mod chain;
mod commitment;
mod digest;
mod sanitise;

#[cfg(feature = "postgres")]
pub(crate) use self::sanitise::respell;
pub use self::{
    canonical::canonical,
    chain::{chain_hash, event_hash, stream_start, tagged_digest},
    commitment::{commit, leaf_digest, leaf_salt, node_digest, push_pointer},
    digest::{Digest, ParseHexError, Salt},
    sanitise::{MAX_DEPTH, sanitise},
};
pub(crate) use self::{
    canonical::{write_integer, write_string},
    commitment::{Committer, Leaves, digest_of},
};
