//! Packs from files.

use std::io::Read;
use std::path::Path;

use moltbot_audit::pack::VerifyOptions;

/// Reads one byte more than may be read, so that the verifier says that it is too much. `-` is standard input.
pub(crate) fn read(file: &Path, options: &VerifyOptions) -> std::io::Result<Vec<u8>> {
    let limit = u64::try_from(options.bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    let mut json = Vec::new();
    if file == Path::new("-") {
        std::io::stdin().take(limit).read_to_end(&mut json)?;
    } else {
        std::fs::File::open(file)?.take(limit).read_to_end(&mut json)?;
    }
    Ok(json)
}
