//! Recognises groups of digits whose form shows that they are not a phone number.

use super::announced::{Announced, Around};
use super::context;
use super::number::{Group, Numbers};
use super::phone;

impl Numbers<'_> {
    /// How many groups, from this one on, have such a form: a date, an IP address, an ISBN.
    pub(super) fn known_format(&self, first: usize) -> Option<usize> {
        let group = &self.groups[first];
        // This rules out most groups quickly, by their length and because no sign follows.
        let is_joined = self.row().get(first + 1).is_some_and(|next| next.joint != b' ');
        let is_book = || self.digits[group.first()..].starts_with(b"97");
        if !is_joined && !matches!(group.len(), 9 | 12) && !is_book() {
            return None;
        }
        if self.is_date(first) {
            return Some(3);
        }
        if group.has_plus {
            return None;
        }
        if self.is_day(first) {
            return Some(2);
        }
        if self.is_tracking_number(first) || self.is_compact_time(first) {
            return Some(1);
        }
        if self.is_machine_address(first) {
            return Some(4);
        }
        if self.is_plot(first) {
            return Some(5);
        }
        self.book(first).or_else(|| self.version(first))
    }

    /// `24/11/2026`, `2026-11-24`: three groups with the same sign between them, and no more.
    pub(super) fn is_date(&self, first: usize) -> bool {
        let Some([a, b, c]) = self.row().get(first..first + 3) else { return false };
        let joint = b.joint;
        let is_year = |group: &Group| group.len() == 4 && (1900..2100).contains(&self.value(group));
        let is_day = |group: &Group| group.len() <= 2 && (1..=31).contains(&self.value(group));
        let is_joint = matches!(joint, b'/' | b'-' | b'.') && c.joint == joint;
        is_joint
            && is_day(b)
            && ((is_day(a) && is_year(c)) || (is_year(a) && is_day(c)))
            && self.stands_alone(first, 3, joint)
    }

    /// `27/07`: a day and its month, in either order.
    fn is_day(&self, first: usize) -> bool {
        let Some([a, b]) = self.row().get(first..first + 2) else { return false };
        let (one, other) = (self.value(a), self.value(b));
        let is_pair = |day: u64, month: u64| (1..=31).contains(&day) && (1..=12).contains(&month);
        b.joint == b'/'
            && a.len() <= 2
            && b.len() <= 2
            && (is_pair(one, other) || is_pair(other, one))
            && self.stands_alone(first, 2, b'/')
    }

    /// `RR788123456RW` (Universal Postal Union, S10).
    fn is_tracking_number(&self, first: usize) -> bool {
        let group = &self.groups[first];
        let bytes = self.text.as_bytes();
        let is_code = |code: &[u8]| code.iter().all(u8::is_ascii_uppercase);
        let is_outside = |byte: Option<&u8>| byte.is_none_or(|byte| !byte.is_ascii_alphanumeric());
        let (start, end) = (group.start, group.end());
        group.len() == 9
            && start.checked_sub(2).is_some_and(|from| {
                is_code(&bytes[from..start]) && is_outside(bytes[..from].last())
            })
            && bytes.get(end..end + 2).is_some_and(is_code)
            && is_outside(bytes.get(end + 2))
    }

    /// `202611240321`: year, month, day, hour, minute.
    fn is_compact_time(&self, first: usize) -> bool {
        let group = &self.groups[first];
        let digits = self.digits_of(first, first);
        let pair = |at: usize| (digits[at] - b'0') * 10 + (digits[at + 1] - b'0');
        group.len() == 12
            && digits.starts_with(b"20")
            && matches!(pair(4), 1..=12)
            && matches!(pair(6), 1..=31)
            && pair(8) < 24
            && pair(10) < 60
    }

    /// `144.159.79.242`.
    fn is_machine_address(&self, first: usize) -> bool {
        let Some(groups) = self.row().get(first..first + 4) else { return false };
        groups[1..].iter().all(|group| group.joint == b'.')
            && groups.iter().all(|group| group.len() <= 3 && self.value(group) <= 255)
            && groups.iter().all(|group| group.len() == 1 || self.digits[group.first()] != b'0')
            && !(self.may_be_mobile(first, first + 3)
                && Around::new(self.text, groups[0].start).announced() != Announced::No)
            && self.stands_alone(first, 4, b'.')
    }

    fn may_be_mobile(&self, first: usize, last: usize) -> bool {
        let digits = self.digits_of(first, last);
        phone::is_bare(digits) || phone::mobile_code(digits).is_some()
    }

    /// `1/02/07/04/1234`: province, district, sector, cell and plot, as Rwanda numbers its land.
    fn is_plot(&self, first: usize) -> bool {
        let Some(groups) = self.row().get(first..first + 5) else { return false };
        groups[1..].iter().all(|group| group.joint == b'/')
            && groups[0].len() == 1
            && groups[1..4].iter().all(|group| group.len() == 2)
            && groups[4].len() <= 5
            && self.stands_alone(first, 5, b'/')
    }

    /// `978-7-9572-9449-2`, `0-7475-3269-9` (ISO 2108): the number of its groups, if the check digit is right.
    fn book(&self, first: usize) -> Option<usize> {
        let row = self.row();
        let joint = row.get(first + 1)?.joint;
        let digits = &self.digits[row[first].first()..];
        let count = |len: usize| {
            let last = (first + 1..row.len()).find(|last| self.len_of(first, *last) >= len)?;
            let is_whole = self.len_of(first, last) == len && row[last].len() == 1;
            let is_joined = row[first + 1..=last].iter().all(|group| group.joint == joint);
            (is_whole && is_joined && last - first >= 3).then_some(last - first + 1)
        };
        let sum = |weight: fn(usize) -> u32, len: usize| -> u32 {
            let digits = digits[..len].iter().enumerate();
            digits.map(|(place, digit)| weight(place) * u32::from(digit - b'0')).sum()
        };
        if !matches!(joint, b'-' | b' ') {
            return None;
        }
        let thirteen = || {
            let is_book = digits.starts_with(b"978") || digits.starts_with(b"979");
            count(13).filter(|_| {
                let weight = |place| if place % 2 == 0 { 1 } else { 3 };
                is_book && sum(weight, 13).is_multiple_of(10)
            })
        };
        let ten = || {
            count(10).filter(|_| {
                let weight = |place| 10 - u32::try_from(place).unwrap_or_default();
                row[first].len() == 1 && joint == b'-' && sum(weight, 10).is_multiple_of(11)
            })
        };
        thirteen().or_else(ten)
    }

    /// `Chrome/135.0.6020.214`, `v10.20.3000.4`: the number of its groups.
    fn version(&self, first: usize) -> Option<usize> {
        let row = self.row();
        let points = row[first + 1..].iter().take_while(|group| group.joint == b'.').count();
        let groups = &row[first..=first + points];
        let is_named = match &self.text.as_bytes()[..row[first].start] {
            [.., name, b'/'] => {
                name.is_ascii_alphabetic()
                    && groups[0].len() <= 3
                    && groups[1..].iter().any(|group| group.len() == 1)
                    && !context::is_linked(self.text, row[first].start)
            }
            [.., b'v' | b'V'] => true,
            _ => false,
        };
        (points >= 2 && is_named).then_some(points + 1)
    }

    fn row(&self) -> &[Group] {
        &self.groups[..self.len]
    }

    fn value(&self, group: &Group) -> u64 {
        let digits = &self.digits[group.first()..group.first() + group.len()];
        digits.iter().fold(0_u64, |value, digit| {
            value.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
        })
    }

    /// Whether this sign joins neither the group before nor the one after.
    fn stands_alone(&self, first: usize, count: usize, joint: u8) -> bool {
        let is_joined =
            |at: usize| self.row().get(at).is_some_and(|group: &Group| group.joint == joint);
        !is_joined(first) && !is_joined(first + count)
    }
}
