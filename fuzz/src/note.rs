//! No text makes the readers of notes and keys panic, and what they read they write again as it was.

#![no_main]

use libfuzzer_sys::fuzz_target;
use moltbot_audit::pack::PackSigner;
use moltbot_audit::proof::{SignedNote, VerifierKey};

fuzz_target!(|text: &str| {
    if let Ok(note) = SignedNote::parse(text) {
        assert_eq!(note.to_string(), text);
    }
    if let Ok(key) = text.parse::<VerifierKey>() {
        // Key ids may be written in capitals.
        assert!(key.to_string().eq_ignore_ascii_case(text));
    }
    if let Ok(signer) = PackSigner::from_signing_key(text) {
        assert!(signer.to_signing_key().eq_ignore_ascii_case(text));
    }
});
