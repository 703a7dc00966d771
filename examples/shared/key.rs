//! The key of the example programs, so that what one records another finds by its name.

use moltbot_audit::redact::RedactionKey;

/// The deployment's key from `MOLTBOT_AUDIT_KEY`; without one, the key of README's examples, with which
/// ids and pseudonyms can be guessed by anyone.
pub(crate) fn redaction_key() -> Result<RedactionKey, String> {
    let Ok(hex) = std::env::var("MOLTBOT_AUDIT_KEY") else {
        eprintln!("MOLTBOT_AUDIT_KEY is not set: using the demonstration key, which is not secret");
        return Ok(RedactionKey::from_bytes([7; 32]));
    };
    RedactionKey::from_hex(hex.trim())
        .ok_or_else(|| "MOLTBOT_AUDIT_KEY is not 64 hex digits".into())
}
