//! A text with its signatures.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Serialize, Serializer};

use super::{KeyId, SigningKey, VerifierKey};

/// Most signatures of a note.
const SIGNATURES_MAX: usize = 100;
/// Most bytes of a note. Room for 100 signatures of any type in use.
const LEN_MAX: usize = 1 << 20;
/// What each signature line begins with.
const DASH: &str = "— ";

/// A text with signatures. Nothing is known about them before they are checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedNote {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// A signature, and the key that it claims to be by.
#[derive(Clone, PartialEq, Eq)]
pub struct NoteSignature {
    name: String,
    id: KeyId,
    bytes: Vec<u8>,
}

/// What is wrong with a note. It never quotes the note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// It holds a control character other than a newline.
    #[error("it holds a control character")]
    ControlCharacter,
    /// A line after the text is no signature.
    #[error("line {line} after the text is no signature")]
    Signature {
        /// Which, from 1.
        line: usize,
    },
    /// No empty line separates a text from signatures, or nothing follows it.
    #[error("it has no signatures")]
    Unsigned,
    /// It is longer, or has more signatures, than a note of anyone's.
    #[error("it has more than {SIGNATURES_MAX} signatures, or more than {LEN_MAX} bytes")]
    TooLong,
}

impl SignedNote {
    /// Signs a text, which must end in a newline.
    pub(crate) fn sign(text: String, key: &SigningKey) -> Self {
        let mut note = Self { text, signatures: Vec::new() };
        note.add(key);
        note
    }

    /// Adds a signature, or puts it in the place of an earlier one by the same key.
    pub(crate) fn add(&mut self, key: &SigningKey) {
        let (name, id) = (key.public().name(), key.public().id());
        let added = NoteSignature::new(name, id, &key.sign(&self.text));
        self.signatures.retain(|other| (&*other.name, other.id) != (name, id));
        self.signatures.push(added);
    }

    /// Reads a note, and checks none of its signatures.
    ///
    /// # Errors
    /// [`NoteError`] if it does not have the form of a signed note.
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        if note.len() > LEN_MAX {
            return Err(NoteError::TooLong);
        }
        if note.chars().any(|c| c < ' ' && c != '\n') {
            return Err(NoteError::ControlCharacter);
        }
        // The text may hold empty lines itself: the last one counts.
        let (text, lines) = note.rsplit_once("\n\n").ok_or(NoteError::Unsigned)?;
        if lines.is_empty() {
            return Err(NoteError::Unsigned);
        }
        let mut signatures = Vec::new();
        for (line, number) in lines.split_inclusive('\n').zip(1..) {
            if signatures.len() == SIGNATURES_MAX {
                return Err(NoteError::TooLong);
            }
            let signature = NoteSignature::parse(line);
            signatures.push(signature.ok_or(NoteError::Signature { line: number })?);
        }
        Ok(Self { text: format!("{text}\n"), signatures })
    }

    /// The text, with the newline at its end.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures, none of them checked.
    #[must_use]
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Those of `keys` that signed the text, each once. Signatures by other keys are ignored.
    ///
    /// # Errors
    /// The first signature that names one of `keys` and is not by it. The whole note is to be refused then.
    pub fn verify<'k>(
        &self,
        keys: &'k [VerifierKey],
    ) -> Result<Vec<&'k VerifierKey>, &NoteSignature> {
        let mut signers = Vec::new();
        for signature in &self.signatures {
            let named =
                |key: &&VerifierKey| key.name() == signature.name && key.id() == signature.id;
            let mut candidates = keys.iter().filter(named).peekable();
            if candidates.peek().is_none() {
                continue;
            }
            // Several keys can share a name and an id.
            let signer = candidates.find(|key| key.has_signed(&self.text, &signature.bytes));
            let signer = signer.ok_or(signature)?;
            if !signers.contains(&signer) {
                signers.push(signer);
            }
        }
        Ok(signers)
    }
}

impl NoteSignature {
    fn new(name: &str, id: KeyId, signature: &[u8]) -> Self {
        Self { name: name.to_owned(), id, bytes: signature.to_vec() }
    }

    /// Reads a line with its newline.
    fn parse(line: &str) -> Option<Self> {
        let line = line.strip_suffix('\n')?.strip_prefix(DASH)?;
        let (name, data) = line.split_once(' ')?;
        if name.is_empty() || name.contains(|c: char| c == '+' || c.is_whitespace()) {
            return None;
        }
        let bytes = STANDARD.decode(data).ok()?;
        let (id, signature) = bytes.split_first_chunk()?;
        // Other types of signatures have other lengths, but none is empty.
        (!signature.is_empty()).then(|| Self::new(name, KeyId::from_bytes(*id), signature))
    }

    /// The name of the key that it claims to be by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id of the key that it claims to be by.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }
}

impl fmt::Display for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for signature in &self.signatures {
            let bytes = [&signature.id.as_bytes()[..], &signature.bytes].concat();
            writeln!(f, "{DASH}{} {}", signature.name, STANDARD.encode(bytes))?;
        }
        Ok(())
    }
}

impl Serialize for SignedNote {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Debug for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NoteSignature({}+{})", self.name.escape_debug(), self.id)
    }
}
