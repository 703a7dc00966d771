//! Which digits are a phone number: of Rwanda in every form, of the world behind a plus.

/// Fewest digits a number has, with `+` before it.
const MIN_DIGITS: usize = 8;

/// Most digits a number has (ITU-T E.164).
const MAX_DIGITS: usize = 15;

/// Calling codes with the lengths of their whole numbers, so that what follows a number is not taken
/// for its end. Others may have any length.
const LENGTHS: [(&[u8], usize, usize); 36] = [
    (b"1", 11, 11),
    (b"20", 11, 12),
    (b"211", 12, 12),
    (b"212", 12, 12),
    (b"221", 12, 12),
    (b"225", 13, 13),
    (b"233", 12, 12),
    (b"234", 12, 13),
    (b"237", 12, 12),
    (b"242", 12, 12),
    (b"243", 12, 12),
    (b"250", 12, 12),
    (b"251", 12, 12),
    (b"254", 12, 12),
    (b"255", 12, 12),
    (b"256", 12, 12),
    (b"257", 11, 11),
    (b"258", 12, 12),
    (b"260", 12, 12),
    (b"261", 12, 12),
    (b"263", 12, 12),
    (b"265", 12, 12),
    (b"27", 11, 11),
    (b"31", 11, 11),
    (b"32", 10, 11),
    (b"33", 11, 11),
    (b"34", 11, 11),
    (b"41", 11, 11),
    (b"44", 12, 12),
    (b"45", 10, 10),
    (b"46", 10, 12),
    (b"47", 10, 10),
    (b"86", 13, 13),
    (b"90", 12, 12),
    (b"91", 12, 12),
    (b"971", 11, 12),
];

/// Codes of Rwanda's neighbours, whose mobile numbers come without `+` too: with what those begin
/// with, and the length of the whole.
const NEIGHBOURS: [(&[u8], &[u8], usize); 5] = [
    (b"243", b"89", 12),
    (b"254", b"17", 12),
    (b"255", b"67", 12),
    (b"256", b"7", 12),
    (b"257", b"67", 11),
];

/// What digits behind a plus are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum International {
    /// As long as the country's numbers are, or of a country whose lengths are not known here.
    Number,
    /// Of a length that numbers have, but not the country's.
    OtherLength,
    /// No number.
    No,
}

/// Digits, in ASCII, that a plus or `00` precedes.
pub(super) fn international(digits: &[u8]) -> International {
    if !(MIN_DIGITS..=MAX_DIGITS).contains(&digits.len()) || digits[0] == b'0' {
        return International::No;
    }
    // The trunk zero kept behind the country code: +250 (0) 788 …
    if let Some(national) = digits.strip_prefix(b"2500") {
        return if is_mobile(national) {
            International::Number
        } else {
            International::OtherLength
        };
    }
    match LENGTHS.iter().find(|(code, ..)| digits.starts_with(code)) {
        Some((_, min, max)) if !(*min..=*max).contains(&digits.len()) => International::OtherLength,
        _ => International::Number,
    }
}

/// Whether digits are a number without a plus.
pub(super) fn is_bare(digits: &[u8]) -> bool {
    match digits.len() {
        9 => is_mobile(digits),
        10 => digits.starts_with(b"07") || digits.starts_with(b"025"),
        11 | 12 if digits.starts_with(b"250") => {
            digits.len() == 12 && matches!(digits[3], b'2' | b'7')
        }
        11 | 12 => NEIGHBOURS.iter().any(|(code, first, len)| {
            digits.len() == *len && digits.starts_with(code) && first.contains(&digits[3])
        }),
        13 => digits.strip_prefix(b"2500").is_some_and(is_mobile),
        14 => digits.starts_with(b"00250") && matches!(digits[5], b'2' | b'7'),
        _ => false,
    }
}

/// Whether digits in one group can be nothing but a whole number.
pub(super) fn is_whole(digits: &[u8]) -> bool {
    match digits.len() {
        10 => digits.starts_with(b"07"),
        12 => digits.starts_with(b"2507"),
        _ => false,
    }
}

/// Whether digits are how a number begins that was cut off.
pub(super) fn is_cut(digits: &[u8]) -> bool {
    digits.len() >= 7
        && digits.len() < 12
        && (digits.starts_with(b"07") || digits.starts_with(b"2507"))
}

/// Whether digits are a Rwandan mobile number with its country's code or its trunk zero.
pub(super) fn is_mobile_in_full(digits: &[u8]) -> bool {
    let prefixes: [&[u8]; 3] = [b"00250", b"250", b"0"];
    prefixes.iter().any(|prefix| digits.strip_prefix(*prefix).is_some_and(is_mobile))
}

/// The nine digits of a Rwandan mobile number.
fn is_mobile(national: &[u8]) -> bool {
    national.len() == 9
        && national[0] == b'7'
        && matches!(national[1], b'0' | b'2' | b'3' | b'8' | b'9')
}
