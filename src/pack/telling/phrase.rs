//! What can be said, in any language.

use super::ended::Ended;
use crate::pack::scoring::{Change, Exact};
use crate::pack::sections::{
    AiCall, Difference, HumanAct, PhoneCalls, Source, Unanswered, VendorStory,
};

/// What a vendor would have reached.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    Asked,
    First,
    Listed,
}

/// One sentence, or a few that belong together.
pub(super) enum Phrase<'a> {
    Act(&'a HumanAct),
    Ai,
    AiCall(&'a AiCall),
    ByTheRule { places: &'a str },
    Calls,
    Difference(&'a Difference),
    Differs { rule: &'a str, event: i64 },
    FirstByTheRule,
    Listed { places: &'a str, decided_by: Option<&'a str> },
    NoAct,
    NoAi,
    NoChange { aim: Aim },
    NoShortlist,
    NotMentioned { vendor_id: &'a str },
    People,
    PhoneCalls(&'a PhoneCalls),
    Place { place: usize, vendor_id: &'a str, total: Exact },
    Question(&'a Unanswered),
    RuleNotKnown { rule: &'a str, event: i64 },
    RuleNotNamed { event: i64 },
    Same { rules: &'a str },
    Unanswered,
    Unreadable { event: i64 },
    Vendor { vendor: &'a VendorStory, ended: &'a Ended<'a> },
    Vendors,
    WhyThese,
    WouldBe { aim: Aim, changes: &'a [Change] },
}

/// The vendor's id, and its name if the pack shows it.
pub(super) fn named(vendor: &VendorStory) -> String {
    let name = vendor.vendor_name.as_deref().filter(|name| !name.is_empty() && *name != "[hidden]");
    match name {
        Some(name) => format!("{}, {name}", vendor.vendor_id),
        None => vendor.vendor_id.clone(),
    }
}

/// Places in the stream, with commas between them.
pub(super) fn numbers(events: &[i64]) -> String {
    events.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// What calls end with, each with its code.
pub(super) fn with_codes(calls: &[Source], event: &str) -> String {
    let said = calls.iter().map(|call| match &call.error_code {
        Some(code) => format!("{event} {} ({code})", call.seq),
        None => format!("{event} {}", call.seq),
    });
    said.collect::<Vec<_>>().join(", ")
}

/// A number with a separator between its thousands, and a mark before its decimals.
pub(super) fn grouped(number: Exact, separator: &str, mark: &str) -> String {
    let text = number.to_string();
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut said = sign.to_owned();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            said.push_str(separator);
        }
        said.push(digit);
    }
    if !decimals.is_empty() {
        said.push_str(mark);
        said.push_str(decimals);
    }
    said
}

/// Whole minutes, if a number of seconds is that.
pub(super) fn minutes(seconds: Exact) -> Option<Exact> {
    let minutes = seconds.divided_by(60).floor();
    (minutes * 60 == seconds && minutes > Exact::ZERO).then_some(minutes)
}
