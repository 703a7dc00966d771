//! Signed notes: a text, signed with Ed25519 by one key or several, as <https://c2sp.org/signed-note>
//! describes them.
//!
//! ```text
//! note        text "\n" { "— " name " " base64(key_id(4) signature(64)) "\n" } per signature
//! key_id      SHA-256(name "\n" 0x01 public_key(32))[..4]
//! verifier    name "+" hex(key_id) "+" base64(0x01 public_key(32))
//! signing key "PRIVATE+KEY+" name "+" hex(key_id) "+" base64(0x01 seed(32))
//! ```
//!
//! The text ends in a newline, which the signatures cover as well. `0x01` stands for Ed25519. A verifier key is
//! public, and a signing key is secret. Their text forms are those of Go's `golang.org/x/mod/sumdb/note`.

mod key_text;
mod signed_note;
mod signing_key;
mod verifier_key;

pub(crate) use self::signing_key::SigningKey;
pub use self::{
    key_text::{KeyError, KeyId},
    signed_note::{NoteError, NoteSignature, SignedNote},
    verifier_key::VerifierKey,
};
