//! What is wrong with the signature of a pack.

use crate::proof::{KeyId, NoteError};

/// Why no trusted key vouches for a pack.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureFault {
    /// A signature names a trusted key, and is not by it.
    #[error("the signature in the name of {name}+{id} is forged")]
    Forged {
        /// The key's name.
        name: String,
        /// The key's id.
        id: KeyId,
    },
    /// The signed note does not have the form of one.
    #[error("the signed note is malformed: {0}")]
    Malformed(NoteError),
    /// The signatures are by other keys than the trusted ones.
    #[error("it is not signed by a trusted key; it names {}", claimed.join(", "))]
    NotTrusted {
        /// The keys that the signatures name, the first few; they were not checked.
        claimed: Vec<String>,
    },
    /// The signed note is about other content.
    #[error(
        "the signed note is about other content: the pack was changed after it was signed, or the note is \
         that of another pack"
    )]
    OtherPack,
    /// The pack has no signature.
    #[error("it is not signed")]
    Unsigned,
}
