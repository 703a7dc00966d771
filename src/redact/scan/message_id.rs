//! Finds ids that `WhatsApp` gives to messages.

use std::ops::Range;

const NAME: &[u8] = b"wamid";

/// The fewest bytes after the prefix of an id. A shorter rest holds no phone number.
const MIN_LEN: usize = 8;

/// The first id in a token. Its base64 always contains a phone number.
pub(super) fn find(text: &str, token: &Range<usize>) -> Option<Range<usize>> {
    if token.len() < NAME.len() + 1 + MIN_LEN {
        return None;
    }
    let bytes = &text.as_bytes()[token.clone()];
    // A search for the whole name pays off only in longer texts.
    let begins = |at: &usize| {
        matches!(bytes[*at], b'w' | b'W')
            && bytes[*at..].get(..NAME.len()).is_some_and(|name| name.eq_ignore_ascii_case(NAME))
    };
    (0..bytes.len()).filter(begins).find_map(|at| {
        let rest = &bytes[at + NAME.len()..];
        // The dot may be percent-encoded.
        let dot = match rest {
            [b'.', ..] => 1,
            [b'%', b'2', b'E' | b'e', ..] => 3,
            _ => return None,
        };
        let is_base64 = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+/-_=%".contains(byte);
        let len = rest[dot..].iter().take_while(is_base64).count();
        let start = token.start + at;
        (len >= MIN_LEN).then(|| start..start + NAME.len() + dot + len)
    })
}
