//! What a byte may be part of, and the strides over bytes that are part of nothing.

/// A digit of ASCII.
pub(super) const DIGIT: u8 = 1;
/// The first byte of a character that may be a digit, a plus or an at sign of another script.
pub(super) const WIDE: u8 = 2;
/// `@`.
pub(super) const AT: u8 = 4;
/// `=`, which short secrets have before them.
pub(super) const SIGN: u8 = 8;
/// Part of a token: no white space, quote or bracket.
pub(super) const TOKEN: u8 = 16;
/// What words of a language do not have: a capital, a mark.
pub(super) const MARK: u8 = 32;
/// `:`.
pub(super) const COLON: u8 = 64;
/// `-`, of which five begin a PEM block.
pub(super) const DASH: u8 = 128;

/// What makes a stride worth a closer look.
const TRIGGERS: u8 = DIGIT | WIDE | AT | SIGN | DASH;

/// Bytes that are looked at in one go. A token of twice as many less one has a stride to itself.
pub(super) const STRIDE: usize = 8;

const CLASSES: [u8; 256] = classes();

#[expect(clippy::cast_possible_truncation, reason = "there are 256 bytes")]
const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = class(byte as u8);
        byte += 1;
    }
    classes
}

const fn class(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => TOKEN | DIGIT,
        b'@' => TOKEN | AT | MARK,
        b'=' => TOKEN | SIGN | MARK,
        b'-' => TOKEN | DASH | MARK,
        b':' => TOKEN | COLON | MARK,
        _ if is_boundary(byte) => 0,
        // Arabic, N'Ko, the scripts of India and their neighbours, full-width, mathematical.
        0xd9 | 0xdb | 0xdf | 0xe0 | 0xe1 | 0xef | 0xf0 => TOKEN | WIDE,
        b'a'..=b'z' | 0x80.. => TOKEN,
        _ => TOKEN | MARK,
    }
}

/// White space, quotes and brackets: none of them is inside a secret.
const fn is_boundary(byte: u8) -> bool {
    let is_quote = matches!(byte, b'"' | b'\'' | b'`' | b'|' | b'\\' | 0x7f);
    let is_bracket = matches!(byte, b'<' | b'>' | b'(' | b')' | b'[' | b']' | b'{' | b'}');
    byte <= b' ' || is_quote || is_bracket
}

/// What a byte may be part of.
pub(super) const fn class_of(byte: u8) -> u8 {
    CLASSES[byte as usize]
}

/// The next stride, from a token's start on, that needs a closer look; the text's length where none
/// does.
pub(super) fn next_stride(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    let (strides, _) = bytes[from..].as_chunks::<STRIDE>();
    for stride in strides {
        if is_words(*stride) {
            at += STRIDE;
            continue;
        }
        let (mut any, mut all) = (0, u8::MAX);
        for byte in stride {
            let class = class_of(*byte);
            any |= class;
            all &= class;
        }
        if any & TRIGGERS != 0 || all & TOKEN != 0 {
            return at;
        }
        at += STRIDE;
    }
    let is_plain = bytes[at..].iter().all(|byte| class_of(*byte) & TRIGGERS == 0);
    if is_plain { bytes.len() } else { at }
}

/// Whether a stride is of ASCII, has white space in it, and nothing that triggers: most strides of most
/// texts, told by a few operations on all bytes at once. What is not told so is looked up byte by byte.
fn is_words(stride: [u8; STRIDE]) -> bool {
    const HIGH: u64 = every(0x80);
    let word = u64::from_ne_bytes(stride);
    // Of bytes below 0x80, these sums carry into no neighbour.
    let at_least = |least: u8| word.wrapping_add(every(0x80 - least));
    let is_not = |byte: u8| (word ^ every(byte)).wrapping_add(every(0x7f));
    let no_digit = !at_least(b'0') | at_least(b'9' + 1);
    let no_trigger = no_digit & is_not(b'@') & is_not(b'=') & is_not(b'-');
    word & HIGH == 0 && no_trigger & HIGH == HIGH && at_least(b' ' + 1) & HIGH != HIGH
}

/// A byte eight times.
const fn every(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; STRIDE])
}

/// The end of the token that begins here, and all that its bytes may be part of.
pub(super) fn token_end(bytes: &[u8], start: usize) -> (usize, u8) {
    let mut any = 0;
    let mut end = start;
    while let Some(byte) = bytes.get(end) {
        let class = class_of(*byte);
        if class & TOKEN == 0 {
            break;
        }
        any |= class;
        end += 1;
    }
    (end, any)
}
