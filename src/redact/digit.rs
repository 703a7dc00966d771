//! Digits of all scripts, and the separators inside one number.

/// The value of a digit in any script that people write phone numbers in, and of decorated digits: circled, raised,
/// lowered, segmented.
pub(super) fn digit(c: char) -> Option<u8> {
    // The zeros of the scripts whose digits have consecutive code points, and of subscript and segmented digits.
    const ZEROS: [u32; 37] = [
        0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6,
        0x0d66, 0x0de6, 0x0e50, 0x0ed0, 0x0f20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0,
        0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0x2080, 0xa620, 0xa8d0, 0xa900, 0xa9d0,
        0xaa50, 0xabf0, 0xff10, 0x1fbf0,
    ];
    // The ones of rows without a zero, or with the zero elsewhere: circled, in brackets, with a full stop.
    const ONES: [u32; 9] =
        [0x1369, 0x2460, 0x2474, 0x2488, 0x24f5, 0x2776, 0x2780, 0x278a, 0x1f102];
    let code = u32::from(c);
    let in_row = |zero: u32| code.checked_sub(zero).filter(|offset| *offset < 10);
    let value = match c {
        '0'..='9' => code - 0x30,
        '\0'..'\u{b2}' | '\u{b4}'..'\u{b9}' | '\u{ba}'..'\u{660}' => return None,
        '\u{b9}' => 1,
        '\u{b2}' | '\u{b3}' => code - 0xb0,
        '\u{2070}' | '\u{24ea}' | '\u{24ff}' | '\u{1f100}' | '\u{1f101}' | '\u{1f10b}'
        | '\u{1f10c}' => 0,
        '\u{2074}'..='\u{2079}' => code - 0x2070,
        // Mathematical digits: bold, double-struck, …
        '\u{1d7ce}'..='\u{1d7ff}' => (code - 0x1d7ce) % 10,
        _ => ZEROS.iter().find_map(|zero| in_row(*zero)).or_else(|| {
            // The character before the one is not a zero.
            ONES.iter().find_map(|one| in_row(one - 1).filter(|value| *value > 0))
        })?,
    };
    u8::try_from(value).ok()
}

/// What may stand between two digits of one number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Separator {
    /// A comma, which prices have too.
    Comma,
    /// A sign that times, ratios and tables have too. It separates digits only in a number with its whole prefix.
    Odd,
    /// A pictogram. It counts as plain, unless spaces stand beside it.
    Picture,
    /// A plus. It begins a number, but in a link it stands for a space.
    Plus,
    /// Anything else.
    Plain,
}

/// The digit at this place, and its length in bytes. It may be written as a character, percent-encoded (`%37`,
/// `%2537`), or as an HTML entity (`&#55;`, `&#x37;`).
#[inline]
pub(super) fn digit_at(text: &str, at: usize) -> Option<(u8, usize)> {
    match text.as_bytes().get(at)? {
        byte @ b'0'..=b'9' => Some((byte - b'0', 1)),
        b'%' | b'&' | 0x80.. => disguised_digit_at(text, at),
        _ => None,
    }
}

#[inline(never)]
fn disguised_digit_at(text: &str, at: usize) -> Option<(u8, usize)> {
    let bytes = &text.as_bytes()[at..];
    let value = |byte: u8| byte.is_ascii_digit().then(|| byte - b'0');
    match bytes {
        [b'%', b'3', byte, ..] => value(*byte).map(|value| (value, 3)),
        [b'%', b'2', b'5', b'3', byte, ..] => value(*byte).map(|value| (value, 5)),
        [b'&', b'#', b'x' | b'X', b'3', byte, b';', ..] => value(*byte).map(|value| (value, 6)),
        [b'&', b'#', tens @ b'4'..=b'5', ones, b';', ..] => {
            let code = (tens - b'0') * 10 + value(*ones)?;
            code.checked_sub(b'0').filter(|value| *value < 10).map(|value| (value, 5))
        }
        [0x80..=0xff, ..] => {
            let c = text[at..].chars().next()?;
            digit(c).map(|value| (value, c.len_utf8()))
        }
        _ => None,
    }
}

/// Length of the invisible characters between two digits of one group, such as a zero-width space or an overline.
#[inline]
pub(super) fn unseen_between(text: &str, at: usize) -> Option<usize> {
    if text.as_bytes().get(at).is_none_or(u8::is_ascii) { None } else { unseen_at(text, at) }
}

#[inline(never)]
fn unseen_at(text: &str, at: usize) -> Option<usize> {
    /// Nothing that people write has more.
    const MAX: usize = 8;
    let unseen = text[at..].chars().take(MAX).take_while(|c| is_unseen(*c));
    let len = unseen.map(char::len_utf8).sum::<usize>();
    (len > 0 && digit_at(text, at + len).is_some()).then_some(len)
}

/// Marks that combine with the character before them, and characters without a width.
fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{300}'..='\u{36f}'
            | '\u{483}'..='\u{489}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{1ab0}'..='\u{1aff}'
            | '\u{1dc0}'..='\u{1dff}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{20d0}'..='\u{20ff}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{fe20}'..='\u{fe2f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{e0000}'..='\u{e0fff}'
    )
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
        '<' => html_tag(&text.as_bytes()[at..]).map(|len| (Separator::Plain, len)),
        '%' => percent_encoded(text, at).map(|separator| (separator, 3)),
        _ if is_between(c) || is_unseen(c) => Some((Separator::Plain, c.len_utf8())),
        _ => is_picture(c).then_some((Separator::Picture, c.len_utf8())),
    }
}

/// Spaces, dashes, dots, slashes, brackets, and invisible characters.
pub(super) fn is_between(c: char) -> bool {
    const OTHERS: &str = "\u{a0}\u{ad}\u{b7}\u{34f}\u{61c}\u{180e}\u{2022}\u{20e3}\u{2212}\u{2219}\
        \u{1680}\u{3000}\u{3164}\u{30fb}\u{fe58}\u{fe63}\u{feff}\u{ff08}\u{ff09}";
    let is_ascii =
        matches!(c, ' ' | '-' | '_' | '.' | '(' | ')' | '/' | '[' | ']' | '~' | '\t' | '\n' | '\r');
    let is_in_block = matches!(
        c,
        '\u{2000}'..='\u{2015}'
            | '\u{2024}'..='\u{202f}'
            | '\u{205f}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{ff0d}'..='\u{ff0f}'
    );
    is_ascii || (!c.is_ascii() && (is_in_block || OTHERS.contains(c)))
}

/// Emoji, arrows, boxes and other pictograms.
fn is_picture(c: char) -> bool {
    matches!(
        c,
        '\u{2190}'..='\u{23ff}' | '\u{2500}'..='\u{2bff}' | '\u{1f000}'..='\u{1f0ff}' | '\u{1f110}'..='\u{1faff}'
    )
}

/// Length of a backslash, with its letter if it escapes white space, or of an HTML entity for a space.
fn escaped_space(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [b'\\', b'n' | b'r' | b't', ..] => Some(2),
        [b'\\', ..] => Some(1),
        _ => ["&nbsp;", "&#160;", "&#32;", "&shy;", "&zwnj;", "&#8203;"]
            .iter()
            .find(|entity| bytes.starts_with(entity.as_bytes()))
            .map(|entity| entity.len()),
    }
}

/// Length of `<br>`, `</b>`, `<br />`, `<wbr>`.
fn html_tag(bytes: &[u8]) -> Option<usize> {
    /// Longer than any tag without attributes. People do not write numbers with tags that have attributes.
    const MAX: usize = 10;
    let end = bytes.iter().take(MAX).position(|byte| *byte == b'>')?;
    let is_name = |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b'/' | b' ');
    (end > 1 && bytes[1..end].iter().all(is_name)).then_some(end + 1)
}

/// `%20` in a link. `%07`, the bell, stands in no link, so the digits of `%07` begin a number. So do those after a
/// percent sign that would encode a letter or a digit, as in `50%788123456`.
pub(super) fn percent_encoded(text: &str, at: usize) -> Option<Separator> {
    let code = text.as_bytes().get(at..at + 3)?;
    let hex = str::from_utf8(&code[1..]).ok().filter(|_| code[0] == b'%')?;
    let is_hex = code[1].is_ascii_hexdigit() && code[2].is_ascii_hexdigit();
    match u8::from_str_radix(hex, 16).ok().filter(|_| is_hex)? {
        7 => None,
        byte if byte.is_ascii_alphanumeric() => None,
        b'+' => Some(Separator::Plus),
        _ => Some(Separator::Plain),
    }
}

/// The digits of a number as it is written, in ASCII, without `+` or `00`.
pub(super) fn digits_of(written: &str) -> String {
    let mut digits = String::new();
    let mut at = 0;
    while let Some(c) = written[at..].chars().next() {
        if let Some((value, len)) = digit_at(written, at) {
            digits.push(char::from(b'0' + value));
            at += len;
        } else if let Some((_, len)) = separator(written, at) {
            // We skip a whole separator, because an escaped one has digits of its own.
            at += len;
        } else {
            at += c.len_utf8();
        }
    }
    if digits.starts_with("00") {
        digits.drain(..2);
    }
    digits
}
