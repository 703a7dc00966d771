//! Ids that `WhatsApp` gives to messages.

use std::ops::Range;

const PREFIX: &str = "wamid.";

/// Shortest rest of an id: what is shorter holds no number.
const MIN_LEN: usize = 8;

/// The first id in a token. Its base64 holds a phone number, whatever else it holds.
pub(super) fn find(text: &str, token: &Range<usize>) -> Option<Range<usize>> {
    // Most tokens are short, and a search costs more than the look at a whole one.
    if token.len() < PREFIX.len() + MIN_LEN {
        return None;
    }
    let written = &text[token.clone()];
    written.match_indices(PREFIX).find_map(|(at, _)| {
        let rest = &written[at + PREFIX.len()..];
        let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_=%".contains(byte);
        let len = rest.bytes().take_while(|byte| is_base64(byte)).count();
        let start = token.start + at;
        (len >= MIN_LEN).then(|| start..start + PREFIX.len() + len)
    })
}
