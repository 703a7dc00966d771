//! The key of the example programs. They share it, so that one finds by name what another recorded.

use moltbot_audit::redact::RedactionKey;

/// The deployment's key from `MOLTBOT_AUDIT_KEY`, or else the key of README's examples, with which anyone can guess
/// ids and pseudonyms.
pub(crate) fn redaction_key() -> Result<RedactionKey, String> {
    let Ok(hex) = std::env::var("MOLTBOT_AUDIT_KEY") else {
        eprintln!("MOLTBOT_AUDIT_KEY is not set: using the demonstration key, which is not secret");
        return Ok(RedactionKey::from_bytes([7; 32]));
    };
    RedactionKey::from_hex(hex.trim())
        .ok_or_else(|| "MOLTBOT_AUDIT_KEY is not 64 hex digits".into())
}
