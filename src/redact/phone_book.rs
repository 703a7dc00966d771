//! The known phone numbers of one request, and the search for them in texts.

use std::collections::HashSet;
use std::ops::Range;

use super::digit::{digit_at, separator};
use super::e164::{CallingCode, of_digits, of_found, spellings};

/// The most digits that are compared: those of a number, and two zeros before it.
const MAX_DIGITS: usize = 17;

/// The most separators between two digits of one number.
const MAX_BETWEEN: usize = 5;

/// The numbers of one request, in their canonical form.
pub(super) struct PhoneBook {
    home: CallingCode,
    vendors: HashSet<String>,
    /// All other people's.
    others: HashSet<String>,
    /// The digits that people may write for vendors' numbers.
    spelled_vendors: HashSet<String>,
    /// The digits that people may write for all others.
    spelled_others: HashSet<String>,
}

/// A digit of a text.
#[derive(Clone, Copy)]
struct Digit {
    value: char,
    start: usize,
    end: usize,
}

impl PhoneBook {
    /// An empty book for a deployment in this country.
    pub(super) fn new(home: CallingCode) -> Self {
        Self {
            home,
            vendors: HashSet::new(),
            others: HashSet::new(),
            spelled_vendors: HashSet::new(),
            spelled_others: HashSet::new(),
        }
    }

    /// Remembers a number as it was written.
    pub(super) fn insert(&mut self, written: &str, is_vendor: bool) {
        let number = of_found(written, self.home);
        let (numbers, spelled) = if is_vendor {
            (&mut self.vendors, &mut self.spelled_vendors)
        } else {
            (&mut self.others, &mut self.spelled_others)
        };
        spelled.extend(spellings(&number));
        numbers.insert(number);
    }

    /// Whether a written number is a vendor's and no other person's.
    pub(super) fn is_vendor(&self, written: &str) -> bool {
        let number = of_found(written, self.home);
        self.vendors.contains(&number) && !self.others.contains(&number)
    }

    /// Whether a written number is a client's or a stranger's.
    pub(super) fn is_somebodys(&self, written: &str) -> bool {
        self.others.contains(&of_found(written, self.home))
    }

    /// Whether digits without a plus are a known number.
    pub(super) fn holds(&self, digits: &str) -> bool {
        let number = of_digits(digits, false, self.home);
        self.others.contains(&number)
            || self.vendors.contains(&number)
            || self.spelled_others.contains(digits)
            || self.spelled_vendors.contains(digits)
    }

    /// Where a text has a known number. What the scanner takes for the number of an order may be the client's own.
    /// Vendors' numbers are searched for only if asked.
    pub(super) fn find(&self, text: &str, with_vendors: bool) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        let knows_vendors = with_vendors && !self.spelled_vendors.is_empty();
        if self.spelled_others.is_empty() && !knows_vendors {
            return found;
        }
        let mut run: Vec<Digit> = Vec::new();
        let (mut at, mut between) = (0, 0);
        while let Some(c) = text[at..].chars().next() {
            let start = at;
            if let Some((value, len)) = digit_at(text, at) {
                at += len;
                run.push(Digit { value: char::from(b'0' + value), start, end: at });
                between = 0;
                continue;
            }
            // We skip a whole separator, because an escaped one has digits of its own.
            let separator = if c.is_alphanumeric() { None } else { separator(text, at) };
            at += separator.map_or(c.len_utf8(), |(_, len)| len);
            between += 1;
            if separator.is_none() || between > MAX_BETWEEN {
                self.find_in_run(&run, with_vendors, &mut found);
                run.clear();
            }
        }
        self.find_in_run(&run, with_vendors, &mut found);
        found
    }

    /// Compares whole groups of digits only, because a part of a longer number is not a number.
    fn find_in_run(&self, run: &[Digit], with_vendors: bool, found: &mut Vec<Range<usize>>) {
        let is_known = |digits: &str| {
            self.spelled_others.contains(digits)
                || (with_vendors && self.spelled_vendors.contains(digits))
        };
        let ends_group = |index: usize| {
            run.get(index + 1).is_none_or(|next: &Digit| next.start > run[index].end)
        };
        let mut first = 0;
        while first < run.len() {
            let mut longest = None;
            if first == 0 || ends_group(first - 1) {
                let mut digits = String::with_capacity(MAX_DIGITS);
                for (index, digit) in run.iter().enumerate().skip(first).take(MAX_DIGITS) {
                    digits.push(digit.value);
                    if ends_group(index) && is_known(&digits) {
                        longest = Some(index);
                    }
                }
            }
            match longest {
                Some(last) => {
                    found.push(run[first].start..run[last].end);
                    first = last + 1;
                }
                None => first += 1,
            }
        }
    }
}
