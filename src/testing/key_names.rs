//! Adds names of keys to the library's table.

use crate::redact::add_names;

/// Adds lines to this process' table of names, in the form of `src/redact/key_rules/key_names.txt`, as in `secret: shop_phrase`.
/// Call it once, before anything is recorded, masked or logged: returns `false`, and changes nothing, if the table was
/// used or added to before.
///
/// Names that every host needs belong in the file.
#[must_use]
pub fn add_key_names(lines: &str) -> bool {
    add_names(lines.to_owned())
}
