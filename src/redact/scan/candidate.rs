//! Decides what groups of digits in a row are.

use super::number::{Group, MAX_DIGITS, Numbers};
use super::phone::{self, International};
use super::{Kind, Scope, card, context, world};

impl Numbers<'_> {
    /// `24/11/2026`, `2026-11-24`: the same sign between its groups, and no more of them.
    pub(super) fn is_date(&self, first: usize) -> bool {
        let Some([a, b, c]) = self.groups[..self.len].get(first..first + 3) else { return false };
        let joint = b.joint;
        let value = |group: &Group| {
            let digits = &self.digits[group.first()..group.first() + group.len()];
            digits.iter().fold(0_u64, |value, digit| value * 10 + u64::from(digit - b'0'))
        };
        let is_year = |group: &Group| group.len() == 4 && (1900..2100).contains(&value(group));
        let is_day = |group: &Group| group.len() <= 2 && (1..=31).contains(&value(group));
        let is_joint = matches!(joint, b'/' | b'-' | b'.') && c.joint == joint;
        let next = self.groups[..self.len].get(first + 3);
        is_joint
            && is_day(b)
            && ((is_day(a) && is_year(c)) || (is_year(a) && is_day(c)))
            && (first == 0 || self.groups[first].joint != joint)
            && next.is_none_or(|next| next.joint != joint)
    }

    /// The longest number that groups in a row make, from this one on.
    pub(super) fn longest(&self, first: usize) -> Option<(usize, Kind)> {
        let mut best = None;
        let mut other_length = None;
        let mut has_plus_inside = false;
        for last in first..self.len {
            let len = self.len_of(first, last);
            let group = &self.groups[last];
            if len > MAX_DIGITS || (last > first && self.begins_another(first, last)) {
                break;
            }
            has_plus_inside |= last > first && group.has_plus;
            if let Some(kind) = self.kind(first, last, best.is_some()) {
                best = Some((last, kind));
            } else if self.groups[first].has_plus
                && !has_plus_inside
                && !self.is_odd(first, last)
                && phone::international(self.digits_of(first, last)) == International::OtherLength
            {
                other_length = Some((last, Kind::Phone));
            }
        }
        best.or(other_length).or_else(|| self.cut(first))
    }

    fn len_of(&self, first: usize, last: usize) -> usize {
        self.groups[last].first() + self.groups[last].len() - self.groups[first].first()
    }

    fn digits_of(&self, first: usize, last: usize) -> &[u8] {
        let from = self.groups[first].first();
        &self.digits[from..from + self.len_of(first, last)]
    }

    /// Whether a later group is a date's, or a number by itself: not where only a country's code
    /// precedes it.
    fn begins_another(&self, first: usize, last: usize) -> bool {
        let before = self.digits_of(first, last - 1);
        let group = &self.groups[last];
        let is_whole =
            phone::is_whole(self.digits_of(last, last)) || (group.has_plus && group.len() >= 10);
        (is_whole && before != b"250" && before != b"00250") || self.is_date(last)
    }

    /// What the groups make together.
    fn kind(&self, first: usize, last: usize, has_shorter: bool) -> Option<Kind> {
        let digits = self.digits_of(first, last);
        if self.is_odd(first, last) {
            return self.is_in_full(first, last, digits).then_some(Kind::Phone);
        }
        match digits.len() {
            16 if self.is_national_id(first, last, digits) => Some(Kind::NationalId),
            13..=19 if !self.groups[first].has_plus && self.is_card(first, last, digits) => {
                Some(Kind::Card)
            }
            4..=6 if first == last => {
                let group = &self.groups[first];
                let is_code = context::is_momo_code(self.text, group.start, group.end());
                is_code.then_some(Kind::MomoCode)
            }
            7..=17 if self.is_phone(first, last, digits, has_shorter) => Some(Kind::Phone),
            _ => None,
        }
    }

    fn is_odd(&self, first: usize, last: usize) -> bool {
        self.groups[first + 1..=last].iter().any(|group| group.is_odd)
    }

    /// `0788*123*456`: a whole prefix in the first group, as no time has it, and no single digits.
    fn is_in_full(&self, first: usize, last: usize, digits: &[u8]) -> bool {
        let inner = &self.groups[first + 1..=last];
        self.groups[first].len() >= 3
            && inner.iter().all(|group| group.len() >= 2 && !group.has_plus && !group.has_comma)
            && phone::is_mobile_in_full(digits)
    }

    fn is_phone(&self, first: usize, last: usize, digits: &[u8], has_shorter: bool) -> bool {
        let (group, end) = (&self.groups[first], self.groups[last].end());
        let inner = &self.groups[first + 1..=last];
        if group.has_plus && inner.iter().all(|group| !group.has_plus) {
            match phone::international(digits) {
                International::Number => return true,
                International::OtherLength | International::No => {}
            }
        }
        if self.is_decimal(first, last) {
            return false;
        }
        // Order numbers begin with zeros too: with `00` only a full number with its country counts.
        if let Some(number) = digits.strip_prefix(b"00").filter(|number| number.len() >= 10)
            && phone::international(number) == International::Number
        {
            return true;
        }
        let has_comma = inner.iter().any(|group| group.has_comma);
        let has_thousands =
            last > first && (first..=last).any(|at| self.digits_of(at, at) == b"000");
        let is_amount = has_thousands || has_comma;
        let starts_as_one = digits[0] == b'0' || digits.starts_with(b"250");
        if phone::is_bare(digits) {
            return starts_as_one || !is_amount && !context::is_price(self.text, group.start, end);
        }
        if is_amount || digits.len() < 7 || inner.iter().any(|group| group.has_plus) {
            return false;
        }
        if first == last && digits.len() <= 15 && context::is_linked(self.text, group.start) {
            return true;
        }
        // Eleven digits are a British mobile number, and a Rwandan one with a quantity behind it.
        let is_national = match digits.len() {
            10 => self.is_north_american(first, last, digits),
            11 => digits.starts_with(b"07") && !has_shorter && last - first <= 2,
            _ => false,
        };
        is_national
            || self.is_in_brackets(first, last, digits)
            || (self.may_be_announced(first, last, digits)
                && context::is_announced(self.text, group.start)
                && !context::is_price(self.text, group.start, end))
            || (inner.len() <= 5 && self.is_of_the_world(digits, group.start, end))
    }

    /// Whether digits can be a number where a word says that one follows: no IP address, no time.
    fn may_be_announced(&self, first: usize, last: usize, digits: &[u8]) -> bool {
        let groups = &self.groups[first..=last];
        let is_address = groups.len() == 4
            && groups[1..].iter().all(|group| group.joint == b'.')
            && groups.iter().all(|group| group.len() <= 3);
        let is_epoch = groups.len() == 1
            && matches!(digits.len(), 10 | 13)
            && matches!(&digits[..2], b"16" | b"17" | b"18" | b"19");
        (9..=13).contains(&digits.len())
            && (digits[0] == b'0' || digits.len() >= 10)
            && !is_address
            && !is_epoch
    }

    /// What only a library of all numbering plans knows.
    fn is_of_the_world(&self, digits: &[u8], start: usize, end: usize) -> bool {
        self.scope == Scope::Full
            && cfg!(feature = "phone")
            && (10..=13).contains(&digits.len())
            && digits[0] != b'0'
            && !context::is_price(self.text, start, end)
            && world::is_mobile(digits)
    }

    /// `(020) 7946 0958`.
    fn is_in_brackets(&self, first: usize, last: usize, digits: &[u8]) -> bool {
        let start = self.groups[first].start;
        let closes = |group: &Group| {
            self.text.as_bytes()[self.groups[first].end()] == b')' && group.len() > 1
        };
        last > first
            && (9..=11).contains(&digits.len())
            && digits[0] == b'0'
            && self.text.as_bytes()[..start].last() == Some(&b'(')
            && closes(&self.groups[first + 1])
    }

    /// `415-555-0132`, `(415) 555-0132`.
    fn is_north_american(&self, first: usize, last: usize, digits: &[u8]) -> bool {
        let lens = self.groups[first..=last].iter().map(Group::len);
        let end = self.groups[last].joint;
        lens.eq([3, 3, 4])
            && digits[0] >= b'2'
            && digits[3] >= b'2'
            && matches!(end, b'-' | b'.')
            && (self.groups[last - 1].joint == end
                || self.text.as_bytes()[self.groups[first].end()] == b')')
    }

    /// `0.788123456`, `30.788123456`: no more groups, and not a whole number behind the point.
    fn is_decimal(&self, first: usize, last: usize) -> bool {
        let groups = &self.groups[..self.len];
        let is_point = |at: usize| groups.get(at).is_some_and(|group| group.joint == b'.');
        let stands_alone = |at: usize| !is_point(at - 1) && !is_point(at + 1);
        let fraction = if last == first { first } else { first + 1 };
        fraction > 0
            && last <= first + 1
            && is_point(fraction)
            && groups[fraction - 1].len() <= 3
            && groups[fraction].len() >= 4
            && stands_alone(fraction)
            && !phone::is_whole(self.digits_of(fraction, fraction))
    }

    /// Where the text breaks off inside of a number: what is there of it.
    fn cut(&self, first: usize) -> Option<(usize, Kind)> {
        let last = self.len - 1;
        let rest = &self.text[self.groups[last].end()..];
        let is_end = rest.is_empty() || rest == "…" || rest == "...";
        let digits = self.digits_of(first, last);
        let is_plain = (first..=last).all(|at| !self.is_date(at) && !self.groups[at].has_comma)
            && !self.is_decimal(first, last)
            && !self.is_odd(first, last);
        (is_end && is_plain && phone::is_cut(digits)).then_some((last, Kind::Phone))
    }

    /// A citizen's 16 digits: `1`, year of birth, `7` or `8`, and the rest; as cards print it, or in any
    /// groups but single digits, as tables have them.
    fn is_national_id(&self, first: usize, last: usize, digits: &[u8]) -> bool {
        let lens = || self.groups[first..=last].iter().map(Group::len);
        matches!(digits[0], b'1'..=b'3')
            && matches!(&digits[1..3], b"19" | b"20")
            && matches!(digits[5], b'7' | b'8')
            && (lens().all(|len| len >= 2) || lens().eq([1, 4, 1, 7, 1, 2]))
    }

    /// In the groups that cards print.
    fn is_card(&self, first: usize, last: usize, digits: &[u8]) -> bool {
        let lens = || self.groups[first..=last].iter().map(Group::len);
        let is_grouped = first == last
            || lens().eq([4, 4, 4, 4])
            || lens().eq([4, 4, 8])
            || lens().eq([4, 6, 5])
            || lens().eq([4, 6, 4])
            || lens().eq([4, 4, 4, 4, 3]);
        is_grouped && card::is_card(digits)
    }
}
