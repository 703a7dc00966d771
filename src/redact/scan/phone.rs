//! Decides which digits are a phone number: of Rwanda in every form, of other countries by their numbering plans.
//!
//! The plans are a table of 12 KiB (`scripts/numbering_plans.py` writes it) rather than a library. The table finds
//! the same mobile numbers, adds no crate to the default build, which must stay under 140, and is fast enough for
//! every group of digits of a log.

use crate::redact::e164::plan::{self, NumberingPlan};

/// The fewest digits of a number after `+`. One more if the length is not one of the country's.
const MIN_DIGITS: usize = 7;

/// The most digits of a number (ITU-T E.164).
pub(super) const MAX_DIGITS: usize = 15;

/// Calling codes of Rwanda's neighbours, whose mobile numbers come without `+` and in any groups. Each has the first
/// digits of the mobile numbers, and the length of the whole.
const NEIGHBOURS: [(&[u8], &[u8], usize); 5] = [
    (b"243", b"89", 12),
    (b"254", b"17", 12),
    (b"255", b"67", 12),
    (b"256", b"7", 12),
    (b"257", b"67", 11),
];

/// What digits after a plus are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum International {
    /// A number of a length that the country has.
    Number,
    /// A number of a length that the country does not have.
    OtherLength,
    /// Not a number.
    No,
}

/// Decides about ASCII digits after a plus.
pub(super) fn international(digits: &[u8]) -> International {
    if !(MIN_DIGITS..=MAX_DIGITS).contains(&digits.len()) || digits[0] == b'0' {
        return International::No;
    }
    let is_number = planned(digits).is_some_and(|(_, plan, national)| {
        // The trunk zero may follow the calling code: +250 (0) 788 …
        plan.has_length(national) || plan.has_length(plan.without_trunk(national))
    });
    if is_number {
        International::Number
    } else if digits.len() > MIN_DIGITS {
        International::OtherLength
    } else {
        International::No
    }
}

/// Whether digits after `00` are a number. Order numbers begin with zeros too, so short digits must begin as the
/// country's numbers do.
pub(super) fn is_behind_zeros(digits: &[u8]) -> bool {
    let is_number = |(_, plan, national): (_, &NumberingPlan, &str)| {
        let national = plan.without_trunk(national);
        digits.len() >= 10 && plan.has_length(national) || plan.is_plausible(national)
    };
    (MIN_DIGITS..=MAX_DIGITS).contains(&digits.len()) && planned(digits).is_some_and(is_number)
}

/// Length of the calling code, if digits are a mobile number with its calling code.
pub(super) fn mobile_code(digits: &[u8]) -> Option<usize> {
    let (code, plan, national) = planned(digits)?;
    plan.is_mobile(plan.without_trunk(national)).then_some(code.len())
}

/// The calling code that digits begin with, its plan, and the rest of the digits.
fn planned(digits: &[u8]) -> Option<(&'static str, &'static NumberingPlan, &str)> {
    let digits = str::from_utf8(digits).ok()?;
    let (code, plan) = plan::find(digits)?;
    Some((code, plan, &digits[code.len()..]))
}

/// Whether digits are a number without a plus, of Rwanda or of one of its neighbours.
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

/// Whether digits in one group can only be a whole number.
pub(super) fn is_whole(digits: &[u8]) -> bool {
    match digits.len() {
        10 => digits.starts_with(b"07"),
        12 => digits.starts_with(b"2507"),
        _ => false,
    }
}

/// Whether digits are the beginning of a number that was cut off.
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
