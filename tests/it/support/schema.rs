//! `docs/pack.schema.json` and a validator that is not ours.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

const MISSING: &str = "Ajv does not say that packs have the form of docs/pack.schema.json. If it is missing, \
                       ./scripts/test installs it, or run `npm ci --prefix tests/independent`";

/// Has each pack validated, and then with one member changed at a time, which must not be valid.
pub(crate) fn validate<'a>(packs: impl IntoIterator<Item = &'a Value>) -> String {
    let folder = TempDir::new().expect("a folder");
    for (number, pack) in packs.into_iter().enumerate() {
        let file = folder.path().join(format!("{number}.json"));
        std::fs::write(file, pack.to_string()).expect("a file");
    }
    let program =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/independent/validate_schema.mjs");
    let output = Command::new("node").arg(program).arg(folder.path()).output().expect(MISSING);
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{MISSING}: {}", said(&output.stderr));
    said(&output.stdout)
}
