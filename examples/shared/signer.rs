//! Signing keys from files.

use std::path::Path;

use moltbot_audit::pack::PackSigner;
use zeroize::Zeroizing;

/// The signing key in a file that the example `keygen` made.
pub(crate) fn of_file(path: &Path) -> Result<PackSigner, String> {
    let said = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = std::fs::read_to_string(path).map(Zeroizing::new).map_err(|error| said(&error))?;
    PackSigner::from_signing_key(text.trim()).map_err(|error| said(&error))
}
