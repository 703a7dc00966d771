//! Finds PEM blocks (RFC 7468): keys and certificates as text.

use std::ops::Range;

const BEGIN: &str = "-----BEGIN";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// The longest label, such as `ENCRYPTED PRIVATE KEY`.
const MAX_LABEL: usize = 64;

/// The block that begins at a token's end. It goes to its last line, or to the end of the text if that line is
/// missing.
pub(super) fn block(text: &str, token: &Range<usize>) -> Option<Range<usize>> {
    if !text.as_bytes()[token.clone()].ends_with(BEGIN.as_bytes()) {
        return None;
    }
    let label = text.as_bytes()[token.end..].iter().take(MAX_LABEL);
    let is_label =
        |byte: &&u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || **byte == b' ';
    let body = token.end + label.take_while(is_label).count();
    if !text[body..].starts_with(DASHES) {
        return None;
    }
    let last_line = text[body..].find(END).map(|at| body + at + END.len());
    let end =
        last_line.and_then(|from| text[from..].find(DASHES).map(|at| from + at + DASHES.len()));
    Some(token.end - BEGIN.len()..end.unwrap_or(text.len()))
}
