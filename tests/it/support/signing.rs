//! Keys that sign packs, and packs that are signed without the library.

use moltbot_audit::pack::{PackSigner, VerifyOptions};
use moltbot_audit::proof::Digest;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use signed_note::{Note, StandardSigner};

pub(crate) const NAME: &str = "audit.example.com/packs";

/// A key of the name that all of them have.
pub(crate) fn signer(number: u8) -> PackSigner {
    PackSigner::from_seed(NAME, &[number; 32]).expect("a name")
}

pub(crate) fn trusting<'a>(signers: impl IntoIterator<Item = &'a PackSigner>) -> VerifyOptions {
    let trusted_keys = signers.into_iter().map(|signer| signer.verifier_key().clone()).collect();
    VerifyOptions { trusted_keys, ..VerifyOptions::default() }
}

/// What is signed of a pack, by another program's canonical form.
pub(crate) fn note_text(pack: &Value) -> String {
    let mut covered = pack.clone();
    covered.as_object_mut().expect("an object").remove("signed_note");
    let canonical = serde_json_canonicalizer::to_vec(&covered).expect("JSON");
    let digest = Digest::from_bytes(Sha256::digest(canonical).into());
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let (schema, request) = (text(&pack["schema"]), text(&pack["request_id"]));
    let head = &pack["integrity"]["head"];
    let (seq, chain_hash) = (&head["seq"], text(&head["chain_hash"]));
    format!("{schema}\nrequest {request}\nsha256 {digest}\nhead {seq} {chain_hash}\n")
}

/// A note by another program than the library.
pub(crate) fn note(text: &str, signer: &PackSigner) -> String {
    let key = StandardSigner::new(&signer.to_signing_key()).expect("a key");
    let mut note = Note::new(text.as_bytes(), &[]).expect("a text");
    note.add_sigs(&[&key]).expect("it signs");
    String::from_utf8(note.to_bytes()).expect("UTF-8")
}

/// Signs a pack with another program.
pub(crate) fn sign(pack: &mut Value, signer: &PackSigner) {
    pack["signed_note"] = note(&note_text(pack), signer).into();
}
