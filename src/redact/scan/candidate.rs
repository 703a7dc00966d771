//! Decides what a row of groups of digits is: a phone number, a card, or nothing.

use super::announced::{Announced, Around};
use super::number::{Group, MAX_DIGITS, Numbers};
use super::phone::{self, International};
use super::{card, context};
use crate::redact::key_rules::KeyKind;
use crate::redact::kind::Kind;

impl Numbers<'_> {
    /// The longest number that consecutive groups form, from this one on.
    pub(super) fn longest(&self, first: usize) -> Option<(usize, Kind)> {
        let mut best = None;
        let mut other_length = None;
        let mut has_plus_inside = false;
        let around = Around::new(self.text, self.groups[first].start);
        for last in first..self.len {
            let len = self.len_of(first, last);
            let group = &self.groups[last];
            if len > MAX_DIGITS || (last > first && self.begins_another(first, last)) {
                break;
            }
            has_plus_inside |= last > first && group.has_plus;
            if let Some(kind) = self.kind(&around, first, last, best.is_some()) {
                best = Some((last, kind));
            } else if self.groups[first].has_plus
                && !has_plus_inside
                && !self.is_sum(first)
                && !self.is_odd(first, last)
                && phone::international(self.digits_of(first, last)) == International::OtherLength
            {
                other_length = Some((last, Kind::Phone));
            }
        }
        best.or(other_length).or_else(|| self.cut(first).filter(|_| !around.is_labelled()))
    }

    pub(super) fn len_of(&self, first: usize, last: usize) -> usize {
        self.groups[last].first() + self.groups[last].len() - self.groups[first].first()
    }

    pub(super) fn digits_of(&self, first: usize, last: usize) -> &[u8] {
        let from = self.groups[first].first();
        &self.digits[from..from + self.len_of(first, last)]
    }

    /// Whether a later group belongs to a date, or is a number by itself. It is not one by itself
    /// if only a country's code precedes it.
    fn begins_another(&self, first: usize, last: usize) -> bool {
        let before = self.digits_of(first, last - 1);
        let group = &self.groups[last];
        let is_whole =
            phone::is_whole(self.digits_of(last, last)) || (group.has_plus && group.len() >= 10);
        (is_whole && before != b"250" && before != b"00250") || self.is_date(last)
    }

    /// What the groups are together.
    fn kind(
        &self,
        around: &Around<'_>,
        first: usize,
        last: usize,
        has_shorter: bool,
    ) -> Option<Kind> {
        let digits = self.digits_of(first, last);
        if self.is_odd(first, last) {
            return self.is_in_full(first, last, digits).then_some(Kind::Phone);
        }
        let group = &self.groups[first];
        match digits.len() {
            16 if self.is_national_id(first, last, digits) => Some(Kind::NationalId),
            13..=19
                if !group.has_plus
                    && self.is_card(first, last, digits)
                    && !around.is_id()
                    && !around.is_product() =>
            {
                Some(Kind::Card)
            }
            4..=6
                if first == last && context::is_momo_code(self.text, group.start, group.end()) =>
            {
                Some(Kind::MomoCode)
            }
            5..=17 if self.is_phone(around, first, last, has_shorter) => Some(Kind::Phone),
            _ => None,
        }
    }

    fn is_odd(&self, first: usize, last: usize) -> bool {
        self.groups[first + 1..=last].iter().any(|group| group.is_odd)
    }

    /// `0788*123*456`: a whole prefix in the first group, which no time has, and no single digits.
    fn is_in_full(&self, first: usize, last: usize, digits: &[u8]) -> bool {
        let inner = &self.groups[first + 1..=last];
        self.groups[first].len() >= 3
            && inner.iter().all(|group| group.len() >= 2 && !group.has_plus && !group.has_comma)
            && phone::is_mobile_in_full(digits)
    }

    fn is_phone(&self, around: &Around<'_>, first: usize, last: usize, has_shorter: bool) -> bool {
        let digits = self.digits_of(first, last);
        let (group, end) = (&self.groups[first], self.groups[last].end());
        let inner = &self.groups[first + 1..=last];
        let has_inner_plus = inner.iter().any(|group| group.has_plus);
        if group.has_plus
            && !has_inner_plus
            && phone::international(digits) == International::Number
        {
            return true;
        }
        if self.is_decimal(first, last) {
            return false;
        }
        // The fraction of a decimal may begin with zeros.
        if let Some(number) = digits.strip_prefix(b"00")
            && group.joint != b'.'
            && phone::is_behind_zeros(number)
        {
            return !around.is_product();
        }
        let is_price = || context::is_price(self.text, group.start, end);
        let is_thing = || around.is_labelled() || context::is_counted(self.text, end);
        if phone::is_bare(digits) {
            return if digits[0] == b'0' || digits.starts_with(b"250") {
                !around.is_product()
            } else {
                !self.is_amount(first, last)
                    && self.is_row_of_its_own(first, last)
                    && !is_thing()
                    && !is_price()
            };
        }
        if self.is_amount(first, last) || has_inner_plus {
            return false;
        }
        if (first == last && digits.len() >= 7 && context::is_linked(self.text, group.start))
            || self.is_national(first, last, has_shorter) && !around.is_labelled()
        {
            return true;
        }
        let may_be_told = self.may_be_told(first, last, has_shorter);
        if !may_be_told && !self.is_of_the_world(first, last) || is_price() {
            return false;
        }
        may_be_told && self.is_told(around, first, last)
            || self.is_of_the_world(first, last) && !is_thing()
    }

    /// Whether groups are a sum of money: they have a comma, or are in thousands.
    fn is_amount(&self, first: usize, last: usize) -> bool {
        let has_comma = self.groups[first + 1..=last].iter().any(|group| group.has_comma);
        let is_in_thousands = || (first + 1..=last).all(|at| self.groups[at].len() == 3);
        let has_zeros = || (first..=last).any(|at| self.digits_of(at, at) == b"000");
        has_comma || last > first && has_zeros() && is_in_thousands()
    }

    /// Whether groups are written as one country writes its numbers, without its code.
    fn is_national(&self, first: usize, last: usize, has_shorter: bool) -> bool {
        let digits = self.digits_of(first, last);
        // Eleven digits may be a British mobile number, but also a Rwandan one with a quantity after it.
        let is_written_so = match digits.len() {
            10 => self.is_north_american(first, last, digits),
            11 => {
                digits.starts_with(b"07")
                    && !has_shorter
                    && last - first <= 2
                    && !self.is_glued(first, last)
            }
            _ => false,
        };
        is_written_so || self.is_in_brackets(first, last, digits)
    }

    /// Whether digits can be a phone number if a word or a name before them announces one.
    fn may_be_told(&self, first: usize, last: usize, has_shorter: bool) -> bool {
        let digits = self.digits_of(first, last);
        let groups = &self.groups[first..=last];
        let is_epoch = groups.len() == 1
            && matches!(digits.len(), 10 | 13)
            && matches!(&digits[..2], b"16" | b"17" | b"18" | b"19");
        // Groups after a whole number are not part of it.
        let may_be_longer = || digits.len() <= 11 || phone::mobile_code(digits).is_some();
        // A short number is whole only if the row ends with it.
        let may_end = || digits.len() >= 10 || self.ends_row(first, last);
        if digits.len() > phone::MAX_DIGITS
            || is_epoch
            || has_shorter && !may_be_longer()
            || !may_end()
        {
            return false;
        }
        let is_round = groups.len() == 1 && digits.len() < 9 && digits.ends_with(b"00");
        let pair = |at: usize| (digits[at] - b'0') * 10 + (digits[at + 1] - b'0');
        let is_day = match (digits.len(), groups.len()) {
            (6, 3) => pair(0) <= 31 && pair(2) <= 12 && matches!(pair(4), 20..=29),
            (8, 1) => matches!(pair(0), 19 | 20) && pair(4) <= 12 && pair(6) <= 31,
            _ => false,
        };
        !is_round && !is_day
    }

    /// Whether a word or a name before the digits announces a phone number.
    fn is_told(&self, around: &Around<'_>, first: usize, last: usize) -> bool {
        let len = self.len_of(first, last);
        let is_named = match around.named() {
            Some(KeyKind::Phone) => true,
            // `from` and `to` may name other digits too.
            Some(_) => first == last && len >= 10,
            None => false,
        };
        let needed = if len < 7 { Announced::Clearly } else { Announced::Perhaps };
        (is_named || around.announced() >= needed) && !around.is_labelled()
    }

    /// Whether digits are a mobile number of any country with its calling code, in groups as people write them.
    fn is_of_the_world(&self, first: usize, last: usize) -> bool {
        let digits = self.digits_of(first, last);
        (10..=13).contains(&digits.len())
            && digits[0] != b'0'
            && last - first <= 6
            && !self.is_glued(first, last)
            && phone::mobile_code(digits).is_some_and(|code| {
                let lens = || self.groups[first..=last].iter().map(Group::len);
                let is_in_pairs =
                    self.groups[first].len() == code && lens().skip(2).all(|len| len >= 2);
                let is_in_threes = last - first <= 2 && lens().all(|len| len >= 3);
                first == last
                    || (is_in_pairs || is_in_threes) && self.begins_and_ends_row(first, last)
            })
    }

    /// Whether letters touch the digits, as in the numbers of orders: `INV447…`, `ORD-447…`.
    fn is_glued(&self, first: usize, last: usize) -> bool {
        let (before, behind) = self.text.split_at(self.groups[first].start);
        let behind = &behind[self.groups[last].end() - before.len()..];
        let is_letter = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_';
        let is_code = match before.as_bytes() {
            [.., letter, b'-' | b'#' | b'_'] => letter.is_ascii_alphabetic(),
            [.., last] => is_letter(last) || *last == b'#',
            [] => false,
        };
        is_code || behind.as_bytes().first().is_some_and(is_letter)
    }

    /// Whether a number without any prefix has the row to itself, or groups that distinguish it from a row of counts.
    fn is_row_of_its_own(&self, first: usize, last: usize) -> bool {
        let lens = || self.groups[first..=last].iter().map(Group::len);
        let is_joined = |sign: u8| self.groups[first + 1..=last].iter().any(|g| g.joint == sign);
        // `7.20 7.01 6.33` are three decimals.
        let are_decimals = is_joined(b'.') && is_joined(b' ');
        !are_decimals
            && (last - first <= 3 && lens().all(|len| len >= 2)
                || self.begins_and_ends_row(first, last))
    }

    /// Whether the plus before a group joins it to the text right before it: `1.4.2+20261124`.
    fn is_sum(&self, first: usize) -> bool {
        let before = self.text[..self.groups[first].start].trim_end_matches(['+', '\u{ff0b}']);
        before.len() < self.groups[first].start && before.ends_with(|c: char| c.is_alphanumeric())
    }

    /// Whether no further groups stand beside these, except after a comma or another clear break.
    fn begins_and_ends_row(&self, first: usize, last: usize) -> bool {
        let start = &self.groups[first];
        let begins = start.joint == 0 || start.has_comma || start.is_odd || start.has_plus;
        begins && self.ends_row(first, last)
    }

    fn ends_row(&self, first: usize, last: usize) -> bool {
        let has_slash = || self.groups[first + 1..=last].iter().any(|group| group.joint == b'/');
        let is_apart = |group: &Group| {
            group.has_comma || group.is_odd || group.has_plus || group.joint == b'/' && !has_slash()
        };
        self.groups[..self.len].get(last + 1).is_none_or(is_apart)
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

    /// `0.788123456`, `30.788123456`: no further groups, and no whole phone number after the point.
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

    /// The part of a number that is there if the text breaks off inside it.
    fn cut(&self, first: usize) -> Option<(usize, Kind)> {
        let last = self.len - 1;
        let rest = &self.text[self.groups[last].end()..];
        let is_end = rest.is_empty() || rest == "…" || rest == "...";
        let digits = self.digits_of(first, last);
        // No number begins inside a chain of groups.
        let begins = !matches!(self.groups[first].joint, b'/' | b'-' | b'.' | b':');
        let is_plain = begins
            && !self.is_glued(first, last)
            && (first..=last).all(|at| !self.is_date(at) && !self.groups[at].has_comma)
            && !self.is_decimal(first, last)
            && !self.is_odd(first, last);
        (is_end && is_plain && phone::is_cut(digits)).then_some((last, Kind::Phone))
    }

    /// The 16 digits of an identity card: the holder's status, the year of birth, `7` or `8`, and the rest. They come
    /// in the groups that cards print, or in any groups other than the single digits of tables.
    fn is_national_id(&self, first: usize, last: usize, digits: &[u8]) -> bool {
        let lens = || self.groups[first..=last].iter().map(Group::len);
        matches!(digits[0], b'1'..=b'3')
            && matches!(&digits[1..3], b"19" | b"20")
            && matches!(digits[5], b'7' | b'8')
            && (lens().all(|len| len >= 2) || lens().eq([1, 4, 1, 7, 1, 2]))
    }

    /// Whether digits are a card number, in the groups that cards print.
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
