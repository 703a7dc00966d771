//! The numbering plans of all countries, as far as they tell where a number ends and its country begins.

use std::collections::HashMap;
use std::sync::LazyLock;

/// A line for each calling code: the code, the trunk prefixes before a national number (`-` for none), the
/// prefix of calls abroad, the lengths of national numbers, and their first digits, with the second ones in
/// brackets if not all ten follow. Facts, taken from libphonenumber's metadata 9.0.33; the legacy trunk
/// prefixes of Belarus, Lithuania and Mexico are added.
const TABLE: &str = include_str!("calling_codes.txt");

static PLANS: LazyLock<HashMap<&'static str, Plan>> = LazyLock::new(|| {
    TABLE.lines().filter_map(|line| line.split_once(' ')).filter_map(plan).collect()
});

/// One country's, or one calling code's.
pub(super) struct Plan {
    /// What stands before a national number inside the country.
    pub(super) trunks: Vec<&'static str>,
    /// What stands before a number of another country.
    pub(super) abroad: Vec<&'static str>,
    /// A bit for each length of a national number.
    lengths: u32,
    /// For each first digit, a bit for each second one.
    starts: [u16; 10],
}

/// The calling code that digits begin with. No code begins another.
pub(super) fn find(digits: &str) -> Option<(&'static str, &'static Plan)> {
    let mut prefixes = (1..=3).filter_map(|len| digits.get(..len));
    prefixes.find_map(|prefix| PLANS.get_key_value(prefix)).map(|(code, plan)| (*code, plan))
}

impl Plan {
    /// True if national numbers have this length.
    pub(super) fn has_length(&self, national: &str) -> bool {
        national.len() < 32 && self.lengths & 1 << national.len() != 0
    }

    /// True if national numbers have this length and begin so.
    pub(super) fn is_plausible(&self, national: &str) -> bool {
        let mut digits = national.bytes().map(|digit| usize::from(digit.wrapping_sub(b'0')));
        let (Some(first), Some(second)) = (digits.next(), digits.next()) else { return false };
        let seconds = self.starts.get(first).copied().unwrap_or_default();
        self.has_length(national) && second < 10 && seconds & 1 << second != 0
    }

    /// A national number without the trunk prefix that some keep behind the calling code: +44 (0) 20 …
    pub(super) fn without_trunk<'a>(&self, national: &'a str) -> &'a str {
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

fn plan((code, line): (&'static str, &'static str)) -> Option<(&'static str, Plan)> {
    let mut parts = line.split(' ');
    let trunks = parts.next()?.split('|').filter(|trunk| *trunk != "-").collect();
    let mut abroad = vec![parts.next()?];
    if !abroad.contains(&"00") {
        abroad.push("00");
    }
    let lengths = parts.next()?.split(',').filter_map(lengths).fold(0, |all, some| all | some);
    Some((code, Plan { trunks, abroad, lengths, starts: starts(parts.next()?) }))
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
