//! Random bytes, injected.

use std::fmt;

use crate::proof::Salt;

/// The system gave no random bytes. Without them there are no commitments, so nothing is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random bytes")]
pub struct EntropyError;

/// A source of random bytes for ids and salts. They must not be guessable: a known salt lets anyone
/// try phone numbers against a commitment.
pub trait Entropy: fmt::Debug + Send + Sync {
    /// Fills `bytes`.
    ///
    /// # Errors
    /// [`EntropyError`] if the system gives none.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError>;
}

/// The random bytes for sealing one event: for its id, and for its commitments.
pub(super) fn randomness(entropy: &dyn Entropy) -> Result<(u64, Salt), EntropyError> {
    let mut bytes = [0; 24];
    entropy.fill(&mut bytes)?;
    let (mut id, mut salt) = ([0; 8], [0; 16]);
    id.copy_from_slice(&bytes[..8]);
    salt.copy_from_slice(&bytes[8..]);
    Ok((u64::from_be_bytes(id), Salt::from_bytes(salt)))
}

/// The operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        getrandom::fill(bytes).map_err(|_| EntropyError)
    }
}
