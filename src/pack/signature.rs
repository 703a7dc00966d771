//! Signatures of packs.
//!
//! A pack carries its [`SignedNote`] in a member of its own, `signed_note`, and the note's text names the digest
//! of everything else:
//!
//! ```text
//! the pack's schema
//! "request " request_id
//! "sha256 " hex(SHA-256 of the pack's RFC 8785 form without the member signed_note)
//! "head " seq " " hex(chain hash of the stream's head)
//! ```
//!
//! Each line ends in a newline. The first line keeps the text from ever being taken for a note about something
//! else, such as a checkpoint of a log. The note is inside the pack and not in a file beside it, because such a
//! file is easily lost. Everything else is covered, so a second signature leaves the first one valid, and so do
//! other white space and another order of members.

use std::fmt;

use uuid::Uuid;
use zeroize::Zeroizing;

use super::export::{PackHead, RequestPack};
use super::fault::printable;
use super::parse::Parts;
use super::{SCHEMA, SignatureFault, VerifyOptions};
use crate::json::{self, JsonError};
use crate::proof::{
    Digest, DigestWriter, KeyError, SignedNote, SigningKey, VerifierKey, canonical,
};

/// Signs packs with a secret Ed25519 key. It belongs into the host's secret store, outside the database, and is
/// wiped from memory when the signer is dropped. `docs/keys.md` says how to keep and replace it.
///
/// ```
/// use moltbot_audit::pack::PackSigner;
///
/// let seed = [7; 32]; // 32 secret random bytes
/// let signer = PackSigner::from_seed("audit.example.com/packs", &seed)?;
/// // What readers of packs are given, by another way than the packs.
/// let verifier_key = signer.verifier_key().to_string();
/// assert!(verifier_key.starts_with("audit.example.com/packs+"));
/// # Ok::<_, moltbot_audit::proof::KeyError>(())
/// ```
pub struct PackSigner(SigningKey);

impl PackSigner {
    /// Reads a signing key: `PRIVATE+KEY+NAME+ID+BASE64`, as the example `keygen` and Go's `sumdb/note` write it.
    ///
    /// # Errors
    /// [`KeyError`], which never quotes the text.
    pub fn from_signing_key(text: &str) -> Result<Self, KeyError> {
        SigningKey::parse(text).map(Self)
    }

    /// Makes a key of 32 bytes from a cryptographic source. The name tells readers who signs; take a name of your
    /// own, such as `audit.example.com/packs`.
    ///
    /// # Errors
    /// [`KeyError::Name`].
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        SigningKey::from_seed(name, seed).map(Self)
    }

    /// The public key, for those who verify.
    #[must_use]
    pub fn verifier_key(&self) -> &VerifierKey {
        self.0.public()
    }

    /// The signing key as [`from_signing_key`](Self::from_signing_key) reads it. It is secret.
    #[must_use]
    pub fn to_signing_key(&self) -> Zeroizing<String> {
        self.0.to_text()
    }
}

impl fmt::Debug for PackSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PackSigner({}+{}+***)", self.0.public().name(), self.0.public().id())
    }
}

impl RequestPack {
    /// Signs the pack as it is now. Signatures by other keys stay, so that a pack can be signed with the old and the
    /// new key during a rotation.
    ///
    /// ```
    /// # async fn host(
    /// #     store: &dyn moltbot_audit::store::AuditStore,
    /// #     request: &moltbot_audit::RequestId,
    /// #     signer: &moltbot_audit::pack::PackSigner,
    /// # ) -> Result<(), Box<dyn std::error::Error>> {
    /// use moltbot_audit::pack::{VerifyOptions, export_request_pack, verify_request_pack_with};
    /// use moltbot_audit::redact::Profile;
    ///
    /// let mut pack = export_request_pack(store, request, &Profile::internal()).await?;
    /// pack.sign(signer);
    /// let trusted_keys = vec![signer.verifier_key().clone()];
    /// let options = VerifyOptions { trusted_keys, ..VerifyOptions::default() };
    /// let verified = verify_request_pack_with(pack.to_json_pretty().as_bytes(), &options)?;
    /// assert_eq!(verified.signed_by(), [signer.verifier_key().clone()]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn sign(&mut self, signer: &PackSigner) {
        let earlier = self.signed_note.take();
        let text = self.note_text();
        // The pack may have been changed in the host since it was signed: then the earlier signatures are void.
        self.signed_note = Some(match earlier.filter(|note| note.text() == text) {
            Some(mut note) => {
                note.add(&signer.0);
                note
            }
            None => SignedNote::sign(text, &signer.0),
        });
    }

    /// What is signed; `signed_note` must be `None`.
    fn note_text(&self) -> String {
        let json = self.to_json_pretty();
        let members = json::members(&json).expect("our own JSON is an object");
        let members = members.iter().map(|(name, member)| (name.as_str(), *member));
        let digest = digest_of(members).expect("our own JSON is well-formed");
        note_text(self.request_id, digest, &self.integrity.head)
    }
}

fn note_text(request_id: Uuid, digest: Digest, head: &PackHead) -> String {
    let PackHead { seq, chain_hash, .. } = head;
    format!("{SCHEMA}\nrequest {request_id}\nsha256 {digest}\nhead {seq} {chain_hash}\n")
}

/// The digest of an object's canonical form, built one item of a list at a time.
fn digest_of<'a>(members: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Digest, JsonError> {
    let mut members: Vec<_> = members.collect();
    // RFC 8785, section 3.2.3.
    members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
    let mut digest = DigestWriter::default();
    let mut before = "{";
    for (name, member) in members {
        digest.write(before);
        digest.write(&canonical(&name.into()));
        digest.write(":");
        write_canonical(member, &mut digest)?;
        before = ",";
    }
    digest.write("}");
    Ok(digest.finish())
}

fn write_canonical(member: &str, digest: &mut DigestWriter) -> Result<(), JsonError> {
    let Ok(items) = json::items(member) else {
        digest.write(&canonical(&json::parse(member)?));
        return Ok(());
    };
    digest.write("[");
    let mut before = "";
    for item in items {
        digest.write(before);
        digest.write(&canonical(&json::parse(item?)?));
        before = ",";
    }
    digest.write("]");
    Ok(())
}

/// Checks the signatures against the trusted keys, and returns those that signed. A note that does not fit its
/// pack is a fault even if no key is trusted.
pub(super) fn verify_signatures(
    pack: &Parts<'_>,
    options: &VerifyOptions,
) -> Result<Vec<VerifierKey>, SignatureFault> {
    let trusted = &options.trusted_keys[..];
    let Some(note) = &pack.signed_note else {
        return if trusted.is_empty() { Ok(Vec::new()) } else { Err(SignatureFault::Unsigned) };
    };
    let note = SignedNote::parse(note).map_err(SignatureFault::Malformed)?;
    let signed = pack.signed.iter().map(|(name, member)| (name.as_str(), *member));
    // Every member was read before, so none is malformed by now.
    let text = digest_of(signed).map(|digest| note_text(pack.request_id, digest, &pack.head));
    if text.as_deref() != Ok(note.text()) {
        return Err(SignatureFault::OtherPack);
    }
    let signers = note.verify(trusted).map_err(|forged| SignatureFault::Forged {
        name: printable(forged.name()),
        id: forged.id(),
    })?;
    if signers.is_empty() && !trusted.is_empty() {
        let claimed = note.signatures().iter().take(NAMED_MAX);
        let claimed = claimed.map(|of| format!("{}+{}", printable(of.name()), of.id()));
        return Err(SignatureFault::NotTrusted { claimed: claimed.collect() });
    }
    Ok(signers.into_iter().cloned().collect())
}

/// Most keys that an error names.
const NAMED_MAX: usize = 5;
