//! The deployment's key for keyed hashes.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

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

    /// HMAC-SHA-256 of `kind` and `value`, the first 12 hex digits: enough to tell a deployment's
    /// values apart. `kind` keeps a phone's pseudonym from meeting that of an id.
    #[must_use]
    pub fn pseudonym(&self, kind: &str, value: &str) -> String {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(kind.as_bytes());
        mac.update(&[0]);
        mac.update(value.as_bytes());
        mac.finalize().into_bytes()[..6].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for RedactionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedactionKey(***)")
    }
}
