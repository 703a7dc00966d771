//! The numbering plans of all countries: how long numbers are, how they begin, and which country they belong to.

use std::collections::HashMap;
use std::sync::LazyLock;

/// One line for each calling code: the code, the trunk prefixes before a national number (`-` for none), the prefix
/// of calls abroad, the lengths of national numbers, and their first digits. If not all ten digits may come second,
/// those that may stand in brackets. These facts come from libphonenumber's metadata 9.0.33; the legacy trunk
/// prefixes of Belarus, Lithuania and Mexico are added.
const TABLE: &str = include_str!("calling_codes.txt");

/// One line for each calling code with a separate range for mobile phones: the code, then the lengths of these
/// numbers and, for each length, their first three digits. Written by `scripts/numbering_plans.py` from
/// libphonenumber's metadata 9.0.43. It is a table of its own, because only the scanner uses it and the canonical
/// form must not change with it.
const MOBILES: &str = include_str!("mobile_prefixes.txt");

static PLANS: LazyLock<HashMap<&'static str, NumberingPlan>> = LazyLock::new(|| {
    let mobiles: HashMap<_, _> = MOBILES.lines().filter_map(|line| line.split_once(' ')).collect();
    let lines = TABLE.lines().filter_map(|line| line.split_once(' '));
    lines
        .filter_map(|(code, line)| {
            Some((code, plan(line, mobiles.get(code).copied().unwrap_or_default())?))
        })
        .collect()
});

/// The plan of one calling code.
pub(in crate::redact) struct NumberingPlan {
    /// The prefixes of a national number inside the country.
    pub(super) trunks: Vec<&'static str>,
    /// The prefixes of a number of another country.
    pub(super) abroad: Vec<&'static str>,
    /// One bit for each length of a national number.
    lengths: u32,
    /// For each first digit, one bit for each second one.
    starts: [u16; 10],
    mobiles: Vec<Mobiles>,
}

/// Mobile numbers of some lengths.
struct Mobiles {
    lengths: u32,
    /// The first and the last of the first three digits, in order.
    prefixes: Vec<(u16, u16)>,
}

/// The calling code that digits begin with. No code is the beginning of another.
pub(in crate::redact) fn find(digits: &str) -> Option<(&'static str, &'static NumberingPlan)> {
    let mut prefixes = (1..=3).filter_map(|len| digits.get(..len));
    prefixes.find_map(|prefix| PLANS.get_key_value(prefix)).map(|(code, plan)| (*code, plan))
}

impl NumberingPlan {
    /// True if national numbers have this length.
    pub(in crate::redact) fn has_length(&self, national: &str) -> bool {
        has(self.lengths, national.len())
    }

    /// True if national numbers have this length and these first digits.
    pub(in crate::redact) fn is_plausible(&self, national: &str) -> bool {
        let mut digits = national.bytes().map(|digit| usize::from(digit.wrapping_sub(b'0')));
        let (Some(first), Some(second)) = (digits.next(), digits.next()) else { return false };
        let seconds = self.starts.get(first).copied().unwrap_or_default();
        self.has_length(national) && second < 10 && seconds & 1 << second != 0
    }

    /// True if a national number is a mobile phone's.
    pub(in crate::redact) fn is_mobile(&self, national: &str) -> bool {
        let Some(prefix) = national.get(..3).and_then(|digits| digits.parse().ok()) else {
            return false;
        };
        self.mobiles.iter().any(|mobiles| {
            let behind = mobiles.prefixes.partition_point(|(first, _)| *first <= prefix);
            has(mobiles.lengths, national.len())
                && behind > 0
                && mobiles.prefixes[behind - 1].1 >= prefix
        })
    }

    /// A national number without the trunk prefix that some people write after the calling code: +44 (0) 20 …
    pub(in crate::redact) fn without_trunk<'a>(&self, national: &'a str) -> &'a str {
        if self.is_plausible(national) {
            return national;
        }
        let bare = || self.trunks.iter().filter_map(|trunk| national.strip_prefix(trunk));
        let is_too_long = !self.has_length(national);
        let begins_with_zero = national.starts_with('0') && self.starts[0] == 0;
        bare()
            .find(|rest| self.is_plausible(rest))
            .or_else(|| bare().find(|rest| self.has_length(rest)).filter(|_| is_too_long))
            .or_else(|| bare().next().filter(|_| begins_with_zero))
            .unwrap_or(national)
    }
}

const fn has(lengths: u32, len: usize) -> bool {
    len < 32 && lengths & 1 << len != 0
}

fn plan(line: &'static str, mobiles: &str) -> Option<NumberingPlan> {
    let mut parts = line.split(' ');
    let trunks = parts.next()?.split('|').filter(|trunk| *trunk != "-").collect();
    let mut abroad = vec![parts.next()?];
    if !abroad.contains(&"00") {
        abroad.push("00");
    }
    let lengths = all_lengths(parts.next()?);
    let starts = starts(parts.next()?);
    let mobiles = mobiles.split(' ').filter_map(mobiles_of).collect();
    Some(NumberingPlan { trunks, abroad, lengths, starts, mobiles })
}

/// `8-9:650-659,700`.
fn mobiles_of(text: &str) -> Option<Mobiles> {
    let (lengths, prefixes) = text.split_once(':')?;
    let range = |range: &str| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some((first.parse().ok()?, last.parse().ok()?))
    };
    let prefixes = prefixes.split(',').filter_map(range).collect();
    Some(Mobiles { lengths: all_lengths(lengths), prefixes })
}

/// `6,8-9`, as bits.
fn all_lengths(text: &str) -> u32 {
    text.split(',').filter_map(lengths).fold(0, |all, some| all | some)
}

/// `8-9`, or `10`, as bits.
fn lengths(range: &str) -> Option<u32> {
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
    Some((first..=last).fold(0, |bits, len| bits | 1 << len))
}

/// `2[23568]7`, as bits.
fn starts(text: &str) -> [u16; 10] {
    let mut starts = [0; 10];
    let (mut first, mut is_inside) = (0, false);
    for char in text.chars() {
        match char.to_digit(10).and_then(|digit| usize::try_from(digit).ok()) {
            Some(second) if is_inside => starts[first] |= 1 << second,
            Some(digit) => {
                first = digit;
                starts[first] = 0x3ff;
            }
            None => {
                is_inside = char == '[';
                if is_inside {
                    starts[first] = 0;
                }
            }
        }
    }
    starts
}
