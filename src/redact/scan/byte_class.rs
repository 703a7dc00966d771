//! Classes of bytes, and fast strides over bytes that need no closer look.

/// A digit of ASCII.
pub(super) const DIGIT: u8 = 1;
/// The first byte of what may be a digit, a plus or an at sign in another form: in another script, percent-encoded,
/// or as an HTML entity.
pub(super) const WIDE: u8 = 2;
/// `@`, and opening brackets, which may begin a spelled-out one.
pub(super) const AT: u8 = 4;
/// `=`, which stands before short secrets.
pub(super) const SIGN: u8 = 8;
/// Part of a token: anything but white space, quotes and brackets.
pub(super) const TOKEN: u8 = 16;
/// Capitals and signs, which words of a language do not have inside.
pub(super) const MARK: u8 = 32;
/// `:`.
pub(super) const COLON: u8 = 64;
/// `-`. Five of them begin a PEM block.
pub(super) const DASH: u8 = 128;

/// The classes that make a stride worth a closer look.
const TRIGGERS: u8 = DIGIT | WIDE | AT | SIGN | DASH;

/// How many bytes are looked at in one go. A token of at least twice as many less one fills a whole stride.
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
        b'%' | b'&' => TOKEN | WIDE | MARK,
        // `(at)` and `[at]` stand for an at sign.
        b'(' | b'[' => AT,
        _ if is_boundary(byte) => 0,
        // First bytes of digits: raised, Arabic, N'Ko, the scripts of India and their neighbours, circled, Vai and
        // other scripts, full-width, mathematical.
        0xc2 | 0xd9 | 0xdb | 0xdf | 0xe0..=0xe2 | 0xea | 0xef | 0xf0 => TOKEN | WIDE,
        b'a'..=b'z' | 0x80.. => TOKEN,
        _ => TOKEN | MARK,
    }
}

/// White space, quotes and brackets, none of which stands inside a secret.
const fn is_boundary(byte: u8) -> bool {
    let is_quote = matches!(byte, b'"' | b'\'' | b'`' | b'|' | b'\\' | 0x7f);
    let is_bracket = matches!(byte, b'<' | b'>' | b'(' | b')' | b'[' | b']' | b'{' | b'}');
    byte <= b' ' || is_quote || is_bracket
}

/// What a byte may be part of.
pub(super) const fn class_of(byte: u8) -> u8 {
    CLASSES[byte as usize]
}

/// The next stride, counted from a token's start, that needs a closer look. The text's length if
/// none does.
pub(super) fn next_stride(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    let (strides, _) = bytes[from..].as_chunks::<STRIDE>();
    for stride in strides {
        let needs_closer_look = match look(*stride) {
            Look::Words => false,
            Look::Triggers => true,
            Look::NoSpace => is_in_token(*stride),
            Look::BeyondAscii => is_in_token(*stride) || triggers(*stride),
        };
        if needs_closer_look {
            return at;
        }
        at += STRIDE;
    }
    let is_plain = bytes[at..].iter().all(|byte| class_of(*byte) & TRIGGERS == 0);
    if is_plain { bytes.len() } else { at }
}

/// What a few operations on all bytes of a stride at once reveal.
enum Look {
    /// Something in it is not ASCII.
    BeyondAscii,
    /// Nothing in it triggers, but it may be the inside of one long word.
    NoSpace,
    /// Something in it triggers.
    Triggers,
    /// Nothing in it triggers, and white space is in it: most strides of most texts.
    Words,
}

fn look(stride: [u8; STRIDE]) -> Look {
    let word = u64::from_ne_bytes(stride);
    let is_not = |byte: u8| (word ^ every(byte)).wrapping_add(every(0x7f));
    let no_digit = !at_least(word, b'0') | at_least(word, b'9' + 1);
    let no_bracket = is_not(b'(') & is_not(b'[');
    let no_trigger = no_digit & is_not(b'@') & is_not(b'=') & is_not(b'-') & no_bracket;
    if word & HIGH != 0 {
        Look::BeyondAscii
    } else if no_trigger & HIGH != HIGH {
        Look::Triggers
    } else if at_least(word, b' ' + 1) & HIGH == HIGH {
        Look::NoSpace
    } else {
        Look::Words
    }
}

/// Whether a stride is the inside of one long word. This function and the next are not inlined, so that the loop over
/// strides keeps its registers for the common cases.
#[inline(never)]
fn is_in_token(stride: [u8; STRIDE]) -> bool {
    stride.iter().all(|byte| class_of(*byte) & TOKEN != 0)
}

#[inline(never)]
fn triggers(stride: [u8; STRIDE]) -> bool {
    stride.iter().fold(0, |any, byte| any | class_of(*byte)) & TRIGGERS != 0
}

/// Whether eight bytes are hex digits.
pub(super) fn is_hex(bytes: [u8; STRIDE]) -> bool {
    let word = u64::from_ne_bytes(bytes);
    // This bit turns a capital into a small letter, and is set in all digits anyway.
    let small = word | every(0x20);
    let is_digit = at_least(word, b'0') & !at_least(word, b'9' + 1);
    let is_letter = at_least(small, b'a') & !at_least(small, b'f' + 1);
    word & HIGH == 0 && (is_digit | is_letter) & HIGH == HIGH
}

/// The highest bit of each byte.
const HIGH: u64 = every(0x80);

/// Sets the highest bit of each byte that is at least `least`. All bytes must be ASCII: only then does no sum carry
/// into its neighbour.
const fn at_least(word: u64, least: u8) -> u64 {
    word.wrapping_add(every(0x80 - least))
}

/// A byte eight times.
const fn every(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; STRIDE])
}

/// The end of the word that begins here, found without a loop. The word has at most seven small letters, and no more
/// of a token follows them.
pub(super) fn word_end(bytes: &[u8], start: usize) -> Option<usize> {
    let first = bytes[start..].first_chunk::<STRIDE>()?;
    // The first byte is the lowest, so a byte beyond ASCII carries only into bytes after it.
    let word = u64::from_le_bytes(*first);
    let letters = at_least(word, b'a') & !at_least(word, b'z' + 1) & !word;
    let len = (!letters & HIGH).trailing_zeros() as usize / 8;
    let behind = first.get(len)?;
    (class_of(*behind) & TOKEN == 0).then_some(start + len)
}

/// The length of the word that ends here, found without a loop. The word consists of ASCII letters and digits, and is
/// shorter than sixteen bytes.
pub(super) fn letters_before(bytes: &[u8], end: usize) -> Option<usize> {
    let (before, last) = bytes[..end].split_last_chunk::<STRIDE>()?;
    let len = letters_at_end(*last)?;
    if len < STRIDE {
        return Some(len);
    }
    let len = letters_at_end(*before.last_chunk::<STRIDE>()?)?;
    (len < STRIDE).then_some(STRIDE + len)
}

/// How many letters and digits a stride ends with, if it is ASCII.
fn letters_at_end(stride: [u8; STRIDE]) -> Option<usize> {
    let word = u64::from_le_bytes(stride);
    if word & HIGH != 0 {
        return None;
    }
    let small = word | every(0x20);
    let is_letter = at_least(small, b'a') & !at_least(small, b'z' + 1);
    let is_digit = at_least(word, b'0') & !at_least(word, b'9' + 1);
    Some((!(is_letter | is_digit) & HIGH).leading_zeros() as usize / 8)
}

/// The end of the token that begins here, and the classes of its bytes.
pub(super) fn token_end(bytes: &[u8], start: usize) -> (usize, u8) {
    let mut any = 0;
    for (len, byte) in bytes[start..].iter().enumerate() {
        let class = class_of(*byte);
        if class & TOKEN == 0 {
            return (start + len, any);
        }
        any |= class;
    }
    (bytes.len(), any)
}
