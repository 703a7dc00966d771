//! Finds phone numbers in text, in the ways people in Rwanda write them.

use std::fmt;
use std::ops::Range;

/// A phone number in a text.
#[derive(Clone, PartialEq, Eq)]
pub struct FoundPhone {
    /// Where it stands, in bytes.
    pub at: Range<usize>,
    /// Its digits, in ASCII, without `+` or `00`.
    pub digits: String,
}

impl fmt::Debug for FoundPhone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FoundPhone").field("at", &self.at).finish_non_exhaustive()
    }
}

impl FoundPhone {
    /// The subscriber part, by which two ways of writing a number are the same number.
    #[must_use]
    pub fn subscriber(&self) -> &str {
        subscriber(&self.digits)
    }
}

/// The last nine digits: what is left of a Rwandan number without trunk zero or country code.
pub(super) fn subscriber(digits: &str) -> &str {
    &digits[digits.len().saturating_sub(9)..]
}

/// Fewest digits a number has, with `+` before it.
const MIN_DIGITS: usize = 8;

/// Most digits a number has (ITU-T E.164), with `00` before it.
const MAX_DIGITS: usize = 17;

/// Most separators between two digits of one number, as in `+250 (0) 788`.
const MAX_SEPARATORS: usize = 3;

/// Country codes of Rwanda's neighbours, whose numbers come without `+` too.
const NEIGHBOURS: [&str; 5] = ["243", "254", "255", "256", "257"];

/// Finds every phone number, left to right.
///
/// Digits may be Latin, Arabic-Indic or full-width, and be set apart by spaces of any kind, dashes,
/// dots, slashes, brackets or invisible characters. What is inside a UUID or a hash is no phone.
#[must_use]
pub fn find_phones(text: &str) -> Vec<FoundPhone> {
    let mut found = Vec::new();
    if text.chars().filter(|c| digit(*c).is_some()).take(MIN_DIGITS).count() < MIN_DIGITS {
        return found;
    }
    let mut run = Run::default();
    let mut skip_to = 0;
    for (index, c) in text.char_indices() {
        if index < skip_to {
            continue;
        }
        if let Some(len) = opaque_token(text, index) {
            skip_to = index + len;
            run.end(&mut found);
        } else if let Some(value) = digit(c) {
            run.push(index, value, c.len_utf8());
        } else if matches!(c, '+' | '\u{FF0B}') {
            // A plus begins a number, so what came before is another one.
            run.end(&mut found);
            run.plus_at = Some(index);
        } else if is_percent_encoded(text, index) {
            // A space or a slash in a link, whose digits are none of the number's.
            skip_to = index + 3;
            run.separators += 1;
        } else if is_separator(c) && run.separators < MAX_SEPARATORS {
            run.separators += 1;
        } else {
            run.end(&mut found);
        }
    }
    run.end(&mut found);
    found
}

/// Digits and separators in a row.
#[derive(Default)]
struct Run {
    groups: Vec<Group>,
    /// Separators since the last digit.
    separators: usize,
    /// A plus that no digit has followed yet.
    plus_at: Option<usize>,
}

impl Run {
    fn push(&mut self, index: usize, value: char, len: usize) {
        match self.groups.last_mut() {
            Some(last) if self.separators == 0 => last.push(value, index + len),
            _ => self.groups.push(Group::new(self.plus_at.take(), index, value, len)),
        }
        self.separators = 0;
    }

    /// Ends the run, and reports those of its groups that make phone numbers: from each group on,
    /// the longest number that groups in a row make.
    fn end(&mut self, found: &mut Vec<FoundPhone>) {
        let groups = std::mem::take(self).groups;
        let mut first = 0;
        while first < groups.len() {
            let mut digits = String::new();
            let mut longest = None;
            let mut has_thousands = false;
            for (last, group) in groups.iter().enumerate().skip(first) {
                if digits.len() + group.digits.len() > MAX_DIGITS {
                    break;
                }
                digits.push_str(&group.digits);
                has_thousands |= group.digits == "000";
                // `785 000 - 790 000` are two prices: a number without any prefix has no such group.
                let is_price = has_thousands && digits.len() == 9;
                if let Some(number) = as_phone(&digits, groups[first].plus).filter(|_| !is_price) {
                    longest = Some((last, number.to_owned()));
                }
            }
            if let Some((last, digits)) = longest {
                found.push(FoundPhone { at: groups[first].at.start..groups[last].at.end, digits });
                first = last;
            }
            first += 1;
        }
    }
}

/// Digits that stand together.
struct Group {
    at: Range<usize>,
    plus: bool,
    digits: String,
}

impl Group {
    fn new(plus_at: Option<usize>, index: usize, value: char, len: usize) -> Self {
        let start = plus_at.unwrap_or(index);
        Self { at: start..index + len, plus: plus_at.is_some(), digits: value.to_string() }
    }

    fn push(&mut self, value: char, end: usize) {
        self.digits.push(value);
        self.at.end = end;
    }
}

/// The number's digits without prefix, if these digits are one.
fn as_phone(digits: &str, plus: bool) -> Option<&str> {
    if plus && (MIN_DIGITS..=15).contains(&digits.len()) && !digits.starts_with('0') {
        return Some(digits);
    }
    // Order numbers begin with zeros too: with `00` only a full number with its country counts.
    let international = digits.strip_prefix("00").filter(|number| !number.starts_with('0'));
    if let Some(number) = international.filter(|number| (10..=15).contains(&number.len())) {
        return Some(number);
    }
    let is_phone = match digits.len() {
        9 => is_rwandan_mobile(digits),
        10 => digits
            .strip_prefix('0')
            .is_some_and(|rest| is_rwandan_mobile(rest) || rest.starts_with("25")),
        12 if digits.starts_with("250") => digits[3..].starts_with(['2', '7']),
        12 => NEIGHBOURS.iter().any(|code| digits.starts_with(code)),
        // The trunk zero kept behind the country code: +250 (0) 788 …
        13 => digits.strip_prefix("2500").is_some_and(is_rwandan_mobile),
        _ => false,
    };
    is_phone.then_some(digits)
}

fn is_rwandan_mobile(national: &str) -> bool {
    ["72", "73", "78", "79"].iter().any(|prefix| national.starts_with(prefix))
}

fn digit(c: char) -> Option<char> {
    let offset = match c {
        '0'..='9' => return Some(c),
        '\u{0660}'..='\u{0669}' => u32::from(c) - 0x0660,
        '\u{06F0}'..='\u{06F9}' => u32::from(c) - 0x06F0,
        '\u{FF10}'..='\u{FF19}' => u32::from(c) - 0xFF10,
        _ => return None,
    };
    char::from_digit(offset, 10)
}

fn is_separator(c: char) -> bool {
    matches!(
        c,
        ' ' | '-' | '_' | '.' | '(' | ')' | '/' | '[' | ']' | '\t' | '\u{A0}' | '\u{AD}' | '\u{202F}'
            | '\u{205F}' | '\u{2212}' | '\u{3000}' | '\u{FEFF}' | '\u{FF0D}'
            | '\u{2000}'..='\u{2015}'
            | '\u{2060}'..='\u{2064}'
    )
}

/// Length of the UUID, the time, or the hash (16 or more hex digits, letters among them) that begins
/// here.
fn opaque_token(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    if at > 0 && bytes[at - 1].is_ascii_alphanumeric() {
        return None;
    }
    let rest = &bytes[at..];
    if rest.get(..36).is_some_and(is_uuid) {
        return Some(36);
    }
    if rest.get(..19).is_some_and(is_time) {
        let fraction = rest[19..].iter().take_while(|b| **b == b'.' || b.is_ascii_digit()).count();
        return Some(19 + fraction);
    }
    let len = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let token = &rest[..len];
    let is_hash = len >= 16
        && token.iter().all(u8::is_ascii_hexdigit)
        && token.iter().any(u8::is_ascii_alphabetic);
    // A number with something glued to it that looks like hex is still a number. Of 32 or more digits,
    // as MD5 and longer have, one in thousands begins like a number by chance.
    let digits = token.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let is_number = len < 32 && as_phone(&text[at..at + digits], false).is_some();
    (is_hash && !is_number).then_some(len)
}

/// `2026-11-24T03:21:45`, or with a space (RFC 3339, section 5.6): its fraction is no number either.
fn is_time(bytes: &[u8]) -> bool {
    bytes.iter().enumerate().all(|(index, byte)| match index {
        4 | 7 => *byte == b'-',
        10 => matches!(byte, b'T' | b't' | b' '),
        13 | 16 => *byte == b':',
        _ => byte.is_ascii_digit(),
    })
}

fn is_percent_encoded(text: &str, at: usize) -> bool {
    let bytes = text.as_bytes().get(at..at + 3);
    bytes.is_some_and(|b| b[0] == b'%' && b[1].is_ascii_hexdigit() && b[2].is_ascii_hexdigit())
}

fn is_uuid(bytes: &[u8]) -> bool {
    bytes.iter().enumerate().all(|(index, byte)| match index {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    })
}
