//! PEM blocks (RFC 7468): keys and certificates as text.

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";

/// Longest label, as in `ENCRYPTED PRIVATE KEY`.
const MAX_LABEL: usize = 64;

/// The end of the block that begins in a token from here: its last line, or the text's end where that
/// is missing.
pub(super) fn block_end(text: &str, token: usize) -> Option<usize> {
    let rest = &text[token..];
    // Something may be glued to its front; a row of dashes is no block.
    if !rest.as_bytes().iter().take(MAX_LABEL).any(|byte| *byte == b'-') {
        return None;
    }
    let line = &rest[..rest.floor_char_boundary(MAX_LABEL)];
    let start = token + line.find(BEGIN).filter(|at| !line[..*at].contains(' '))?;
    let label = &text[start + BEGIN.len()..];
    let len = label.bytes().take(MAX_LABEL).take_while(|byte| is_label(*byte)).count();
    let body = start + BEGIN.len() + len;
    if !text[body..].starts_with("-----") {
        return None;
    }
    let Some(end) = text[body..].find(END) else { return Some(text.len()) };
    let last_line = body + end + END.len();
    Some(text[last_line..].find("-----").map_or(text.len(), |at| last_line + at + 5))
}

const fn is_label(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte == b' ' || byte.is_ascii_digit()
}
