//! Digits of all scripts, and what stands between those of one number.

/// The value of a digit, of any script that people write phone numbers in.
pub(in crate::redact) fn digit(c: char) -> Option<u8> {
    // The zeros of the scripts that have their digits in a row.
    const ZEROS: [u32; 18] = [
        0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6,
        0x0d66, 0x0e50, 0x0ed0, 0x0f20, 0x1040, 0x17e0, 0xff10,
    ];
    let code = u32::from(c);
    let offset = match c {
        '0'..='9' => code - 0x30,
        '\0'..'\u{660}' => return None,
        // Mathematical digits: bold, double-struck, …
        '\u{1d7ce}'..='\u{1d7ff}' => (code - 0x1d7ce) % 10,
        _ => ZEROS.iter().map(|zero| code.wrapping_sub(*zero)).find(|offset| *offset < 10)?,
    };
    u8::try_from(offset).ok()
}

/// What may stand between two digits of one number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::redact) enum Separator {
    /// A comma, which prices have too.
    Comma,
    /// A sign that times, ratios and tables have too: only in a number with its whole prefix.
    Odd,
    /// A plus: it begins a number, and is a space in a link.
    Plus,
    /// Anything else.
    Plain,
}

/// The separator that begins here, and its length in bytes.
pub(super) fn separator(text: &str, at: usize) -> Option<(Separator, usize)> {
    let c = text.get(at..)?.chars().next()?;
    match c {
        ',' => Some((Separator::Comma, 1)),
        '+' | '\u{ff0b}' => Some((Separator::Plus, c.len_utf8())),
        '|' | ';' | ':' | '*' | '\'' | '"' | '`' | '=' | '#' | '^' | '\u{2019}' => {
            Some((Separator::Odd, c.len_utf8()))
        }
        '\\' | '&' => Some((Separator::Odd, escaped_space(&text.as_bytes()[at..])?)),
        '%' => percent_encoded(text, at).map(|separator| (separator, 3)),
        _ => is_between(c).then_some((Separator::Plain, c.len_utf8())),
    }
}

/// Spaces, dashes, dots, slashes, brackets, and what is not seen.
pub(in crate::redact) fn is_between(c: char) -> bool {
    const OTHERS: &str = "\u{a0}\u{ad}\u{b7}\u{34f}\u{61c}\u{180e}\u{2022}\u{20e3}\u{2212}\u{2219}\
        \u{1680}\u{3000}\u{3164}\u{30fb}\u{fe58}\u{fe63}\u{feff}\u{ff08}\u{ff09}";
    let is_ascii =
        matches!(c, ' ' | '-' | '_' | '.' | '(' | ')' | '/' | '[' | ']' | '~' | '\t' | '\n' | '\r');
    let is_in_block = matches!(
        c,
        '\u{2000}'..='\u{2015}'
            | '\u{2028}'..='\u{202f}'
            | '\u{205f}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{ff0d}'..='\u{ff0f}'
    );
    is_ascii || (!c.is_ascii() && (is_in_block || OTHERS.contains(c)))
}

/// Length of a backslash, with the letter of the space it stands for, or of HTML's fixed space.
fn escaped_space(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [b'\\', b'n' | b'r' | b't', ..] => Some(2),
        [b'\\', ..] => Some(1),
        _ => bytes.starts_with(b"&nbsp;").then_some("&nbsp;".len()),
    }
}

/// `%20` in a link, whose digits are none of the number's. `%07`, the bell, is in no link: there a
/// number begins.
pub(in crate::redact) fn percent_encoded(text: &str, at: usize) -> Option<Separator> {
    let code = text.as_bytes().get(at..at + 3)?;
    let is_hex = code[1].is_ascii_hexdigit() && code[2].is_ascii_hexdigit();
    if code[0] != b'%' || !is_hex || &code[1..] == b"07" {
        return None;
    }
    let is_plus = code[1] == b'2' && code[2].eq_ignore_ascii_case(&b'b');
    Some(if is_plus { Separator::Plus } else { Separator::Plain })
}

/// The digits of a number as it is written, in ASCII, without `+` or `00`.
pub(in crate::redact) fn digits_of(written: &str) -> String {
    let mut digits = String::new();
    let mut at = 0;
    while let Some(c) = written[at..].chars().next() {
        if percent_encoded(written, at).is_some() {
            at += 3;
            continue;
        }
        digits.extend(digit(c).map(|value| char::from(b'0' + value)));
        at += c.len_utf8();
    }
    if digits.starts_with("00") {
        digits.drain(..2);
    }
    digits
}
