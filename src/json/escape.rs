//! Writes a text as a JSON string.

/// Appends a text in quotes, escaped as RFC 8785, section 3.2.2.2, has it.
pub(crate) fn write_string(text: &str, out: &mut String) {
    write::<false>(text, out);
}

/// Appends a text in quotes, also without the characters that end a line for some readers: U+0085, U+2028, U+2029.
#[cfg(feature = "logs")]
pub(crate) fn write_line_string(text: &str, out: &mut String) {
    write::<true>(text, out);
}

fn write<const ONE_LINE: bool>(text: &str, out: &mut String) {
    out.push('"');
    // Looks at every byte without stopping, which the compiler does many bytes at a time.
    let may_escape = text.bytes().fold(false, |any, byte| any | needs_escape::<ONE_LINE>(byte));
    if may_escape {
        write_escaped::<ONE_LINE>(text, out);
    } else {
        out.push_str(text);
    }
    out.push('"');
}

/// Whether a byte is escaped, or may begin a character that is.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "without branches, many bytes are compared at once"
)]
const fn needs_escape<const ONE_LINE: bool>(byte: u8) -> bool {
    (byte < b' ')
        | (byte == b'"')
        | (byte == b'\\')
        | (ONE_LINE & ((byte == 0xc2) | (byte == 0xe2)))
}

fn write_escaped<const ONE_LINE: bool>(text: &str, out: &mut String) {
    let table = const { &escape_table::<ONE_LINE>() };
    let bytes = text.as_bytes();
    let mut clean_from = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if !table[usize::from(*byte)] {
            continue;
        }
        let (escape, len) = match byte {
            b'"' => ("\\\"", 1),
            b'\\' => ("\\\\", 1),
            0..b' ' => (CONTROLS[usize::from(*byte)], 1),
            _ => match line_end(&bytes[at..]) {
                Some(escape) => escape,
                None => continue,
            },
        };
        out.push_str(&text[clean_from..at]);
        out.push_str(escape);
        clean_from = at + len;
    }
    out.push_str(&text[clean_from..]);
}

#[expect(clippy::cast_possible_truncation, reason = "there are 256 bytes")]
const fn escape_table<const ONE_LINE: bool>() -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = needs_escape::<ONE_LINE>(byte as u8);
        byte += 1;
    }
    table
}

/// The escape of U+0085, U+2028 or U+2029, and how many bytes it stands for.
fn line_end(bytes: &[u8]) -> Option<(&'static str, usize)> {
    match bytes {
        [0xc2, 0x85, ..] => Some(("\\u0085", 2)),
        [0xe2, 0x80, 0xa8, ..] => Some(("\\u2028", 3)),
        [0xe2, 0x80, 0xa9, ..] => Some(("\\u2029", 3)),
        _ => None,
    }
}

/// The most bytes that [`write_line_string`] writes for each byte, if a character's are added up.
#[cfg(feature = "logs")]
pub(crate) static ESCAPED_LEN_MAX: [u8; 256] = {
    let mut lens = [1; 256];
    let mut byte = 0;
    while byte < CONTROLS.len() {
        lens[byte] = if CONTROLS[byte].len() == 2 { 2 } else { 6 };
        byte += 1;
    }
    lens[b'"' as usize] = 2;
    lens[b'\\' as usize] = 2;
    // With the bytes behind it, as long as the escape of a line's end.
    lens[0xc2] = 5;
    lens[0xe2] = 4;
    lens
};

#[rustfmt::skip]
const CONTROLS: [&str; 32] = [
    "\\u0000", "\\u0001", "\\u0002", "\\u0003", "\\u0004", "\\u0005", "\\u0006", "\\u0007",
    "\\b",     "\\t",     "\\n",     "\\u000b", "\\f",     "\\r",     "\\u000e", "\\u000f",
    "\\u0010", "\\u0011", "\\u0012", "\\u0013", "\\u0014", "\\u0015", "\\u0016", "\\u0017",
    "\\u0018", "\\u0019", "\\u001a", "\\u001b", "\\u001c", "\\u001d", "\\u001e", "\\u001f",
];
