//! Collects the groups of digits in which one number may be written.
//!
//! A number is the longest row of whole groups that forms one. So a quantity beside a number is not part of it, and a
//! date, a decimal or a price in between is not a number. We decide when the row ends.

use std::ops::Range;

use super::found::Found;
use super::{iban, opaque};
use crate::redact::digit::{Separator, digit_at, percent_encoded, separator, unseen_between};
use crate::redact::kind::Kind;

/// The most groups and digits that are held. Both are more than any number has.
const MAX_GROUPS: usize = 20;
const MAX_HELD: usize = 40;

/// The most digits of a number, which is a card number, and so of a group in it.
pub(super) const MAX_DIGITS: usize = 19;

/// The most separators between two digits of one number, as in `+250 (0) 788`, and the most bytes.
const MAX_SEPARATORS: usize = 5;
const MAX_GAP: usize = 20;

/// The most bytes of a group.
const MAX_WRITTEN: usize = 200;

/// The current row of groups, each close to the one before.
pub(super) struct Numbers<'a> {
    pub(super) text: &'a str,
    pub(super) groups: [Group; MAX_GROUPS],
    pub(super) len: usize,
    pub(super) digits: [u8; MAX_HELD],
    held: usize,
    /// Everything before this place is done.
    skip_to: usize,
}

/// Digits without a separator between them.
#[derive(Clone, Copy, Default)]
pub(super) struct Group {
    pub(super) start: usize,
    /// Its length in bytes.
    written: u8,
    /// Where its digits are held, and how many. The types are small, because a row of groups is created for each
    /// text.
    first: u8,
    len: u8,
    pub(super) has_plus: bool,
    /// What joins it to the group before. If that is not a single byte, a slash if it has one, otherwise a space.
    pub(super) joint: u8,
    pub(super) has_comma: bool,
    /// True if it is joined by a sign that only a number with its whole prefix may have.
    pub(super) is_odd: bool,
}

impl Group {
    pub(super) fn end(&self) -> usize {
        self.start + usize::from(self.written)
    }

    pub(super) fn first(&self) -> usize {
        usize::from(self.first)
    }

    pub(super) fn len(&self) -> usize {
        usize::from(self.len)
    }
}

impl<'a> Numbers<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let groups = [Group::default(); MAX_GROUPS];
        Self { text, groups, len: 0, digits: [0; MAX_HELD], held: 0, skip_to: 0 }
    }

    /// Takes the digits of a token. Tokens come from left to right.
    pub(super) fn feed(&mut self, token: Range<usize>, found: &mut Vec<Found>) {
        let bytes = self.text.as_bytes();
        let mut at = token.start.max(self.skip_to);
        let mut begins = true;
        while at < token.end {
            let byte = bytes[at];
            if begins && byte.is_ascii_alphabetic() && self.account(at + 2, found) {
                at = self.skip_to;
                continue;
            }
            if begins
                && byte.is_ascii_hexdigit()
                && let Some(len) = opaque::len_at(self.text, at)
            {
                self.decide(true, found);
                at += len;
                self.skip_to = at;
                begins = false;
                continue;
            }
            let may_be_digit = byte.is_ascii_digit() || matches!(byte, b'%' | b'&' | 0x80..);
            if may_be_digit && digit_at(self.text, at).is_some() {
                at = self.group(at, found);
                begins = false;
            } else if byte.is_ascii() {
                let is_encoded = byte == b'%' && percent_encoded(self.text, at).is_some();
                begins = !byte.is_ascii_alphanumeric();
                at += if is_encoded { 3 } else { 1 };
            } else {
                let c = self.text[at..].chars().next().unwrap_or_default();
                begins = !c.is_alphanumeric();
                at += c.len_utf8();
            }
        }
    }

    /// Ends the current row, at the end of the text.
    pub(super) fn end(&mut self, found: &mut Vec<Found>) {
        self.decide(true, found);
    }

    /// Takes the bank account with its check digits here, if there is one.
    fn account(&mut self, digits: usize, found: &mut Vec<Found>) -> bool {
        let Some(at) = iban::range(self.text, digits) else { return false };
        self.decide(true, found);
        self.skip_to = at.end;
        found.push(Found { at, kind: Kind::Iban });
        true
    }

    /// Takes the group of digits that begins here, and returns where it ends.
    fn group(&mut self, start: usize, found: &mut Vec<Found>) -> usize {
        let mut values = [0; MAX_DIGITS];
        let (mut end, mut len) = (start, 0);
        let mut at = start;
        while let Some((value, bytes)) = digit_at(self.text, at)
            && (at - start < MAX_WRITTEN || len > MAX_DIGITS)
        {
            if let Some(place) = values.get_mut(len) {
                *place = b'0' + value;
            }
            len += 1;
            end = at + bytes;
            at = end + unseen_between(self.text, end).unwrap_or_default();
        }
        self.skip_to = end;
        // The digits that a mask leaves are not part of another number.
        let is_masked = len <= 3 && self.text[..start].ends_with("***");
        if len > MAX_DIGITS || is_masked {
            self.decide(true, found);
            return end;
        }
        let written = u8::try_from(end - start).unwrap_or(u8::MAX);
        let small = |count| u8::try_from(count).unwrap_or(u8::MAX);
        let (first, len_held) = (small(self.held), small(len));
        let mut group = Group { start, written, first, len: len_held, ..Group::default() };
        let last = self.len.checked_sub(1).map(|last| self.groups[last].end());
        if let Some(joined) = last.and_then(|end| self.gap(end, start)) {
            group = Group { start, written, first, len: len_held, ..joined };
        } else {
            self.decide(true, found);
            group.has_plus = self.plus_before(start);
        }
        while self.len == MAX_GROUPS || self.held + len > MAX_HELD {
            self.decide(false, found);
        }
        group.first = small(self.held);
        self.digits[self.held..self.held + len].copy_from_slice(&values[..len]);
        self.held += len;
        self.groups[self.len] = group;
        self.len += 1;
        end
    }

    /// A group that describes the gap to the one before. `None` if a number cannot have such a gap.
    fn gap(&self, mut at: usize, end: usize) -> Option<Group> {
        if end - at > MAX_GAP {
            return None;
        }
        let joint = match &self.text.as_bytes()[at..end] {
            // Most groups are joined by one of these.
            [joint @ (b' ' | b'-' | b'.' | b'/')] => {
                return Some(Group { joint: *joint, ..Group::default() });
            }
            [joint] => *joint,
            gap if gap.contains(&b'/') => b'/',
            _ => b' ',
        };
        let mut group = Group { joint, ..Group::default() };
        let (mut has_picture, mut has_space) = (false, false);
        for _ in 0..=MAX_SEPARATORS {
            if at >= end {
                break;
            }
            let (kind, len) = separator(self.text, at)?;
            group.has_plus |= kind == Separator::Plus;
            group.has_comma |= kind == Separator::Comma;
            group.is_odd |= kind == Separator::Odd;
            has_picture |= kind == Separator::Picture;
            has_space |= self.text.as_bytes()[at] == b' ';
            at += len;
        }
        group.is_odd |= has_picture && has_space;
        (at >= end).then_some(group)
    }

    /// Whether a plus stands before the first group. A space or a bracket may stand between.
    fn plus_before(&self, start: usize) -> bool {
        let before = self.text[..start].trim_end_matches([' ', '(', '\u{a0}', '\u{200b}']);
        let before = if start - before.len() > 3 { &self.text[..start] } else { before };
        before.ends_with(['+', '\u{ff0b}']) || before.ends_with("%2B") || before.ends_with("%2b")
    }

    /// Decides on the current groups: on all, or only on those that later groups cannot change.
    fn decide(&mut self, all: bool, found: &mut Vec<Found>) {
        // The code of a merchant for mobile money has the fewest digits of all.
        if all && self.held < 4 {
            (self.len, self.held) = (0, 0);
            return;
        }
        let mut first = 0;
        while first < self.len {
            let may_grow = self.held - self.groups[first].first() < MAX_DIGITS;
            if !all && may_grow && first > 0 {
                break;
            }
            if let Some(groups) = self.known_format(first) {
                first += groups;
            } else if let Some((last, kind)) = self.longest(first) {
                let mut start = self.groups[first].start;
                if kind == Kind::Phone && self.groups[first].has_plus {
                    start = self.text[..start].rfind(['+', '\u{ff0b}', '%']).unwrap_or(start);
                }
                found.push(Found { at: start..self.groups[last].end(), kind });
                first = last + 1;
            } else {
                first += 1;
            }
        }
        self.drop_first(first.min(self.len));
    }

    fn drop_first(&mut self, count: usize) {
        let gone = self.groups.get(count).filter(|_| count < self.len);
        let digits_gone = gone.map_or(self.held, Group::first);
        self.groups.copy_within(count..self.len, 0);
        self.len -= count;
        self.digits.copy_within(digits_gone..self.held, 0);
        self.held -= digits_gone;
        for group in &mut self.groups[..self.len] {
            group.first = group.first.saturating_sub(u8::try_from(digits_gone).unwrap_or(u8::MAX));
        }
    }
}
