//! Masks a value by the name beside it, where names are few and are looked at once: a log's fields.

use std::borrow::Cow;

use super::key_name::{is_person_key, is_phone_key, kind_by_key, snake_case};
use super::mask::{find, mask, mask_of, mask_phone};
use super::phone::digits_below_key;
use super::scan::Kind;
use super::walk::{MAX_NESTED, in_nested, walk};

/// What a name says of the values below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// A street, which nobody may read.
    Address,
    /// What was sent or read as a whole.
    Payload,
    /// A person's name.
    Person,
    /// A phone number, however it is written.
    Phone,
    /// Nothing.
    Plain,
    /// An id of W3C Trace Context, where it has the form of one.
    TraceId,
    /// Something that is kept out whatever it looks like.
    Withheld(Kind),
}

impl Named {
    /// What the name says.
    pub(crate) fn of(name: &str) -> Self {
        let name = &*snake_case(name);
        if matches!(name, "span_id" | "trace_id") {
            Self::TraceId
        } else if let Some(kind) = kind_by_key(name) {
            Self::Withheld(kind)
        } else if is_phone_key(name) || announces(name) {
            Self::Phone
        } else if is_person_key(name) {
            Self::Person
        } else if is_payload(name) {
            Self::Payload
        } else if is_address(name) {
            Self::Address
        } else {
            Self::Plain
        }
    }

    /// The text as it may be shown.
    pub(crate) fn mask<'a>(self, name: &str, text: &'a str) -> Cow<'a, str> {
        match self {
            Self::Plain | Self::Phone if text.is_empty() => Cow::Borrowed(text),
            // Random digits look like a number now and then; masked, nobody could follow the trace.
            Self::TraceId if is_trace_id(text) => Cow::Borrowed(text),
            Self::Plain | Self::TraceId => {
                let nested = in_nested(text, MAX_NESTED, |value, nested| walk("", value, nested));
                nested.unwrap_or_else(|| mask(text))
            }
            Self::Phone => mask_below_phone(name, text),
            Self::Address => Cow::Borrowed("[address]"),
            Self::Payload => Cow::Owned(Self::payload(text.len())),
            Self::Person => Cow::Borrowed("[name]"),
            Self::Withheld(kind) => Cow::Owned(format!("[{}]", kind.as_str())),
        }
    }

    /// What stands in the place of so many bytes.
    pub(crate) fn payload(bytes: usize) -> String {
        match bytes {
            0..1024 => format!("[payload {bytes} B]"),
            _ => format!("[payload {} KiB]", bytes / 1024),
        }
    }

    /// What stands in the place of a number, or `None` where it may be shown as it is. `digits` is as
    /// JSON has it.
    pub(crate) fn mask_number(self, name: &str, digits: &str) -> Option<String> {
        let by_name = match self {
            // A count of tokens is no token; a one-time password has four digits or more.
            Self::Withheld(kind) if digits.len() >= 4 => Some(format!("[{}]", kind.as_str())),
            Self::Address => Some("[address]".to_owned()),
            Self::Payload => Some(Self::payload(digits.len())),
            Self::Phone => digits_below_key(digits)
                .map(|digits| mask_phone(&digits))
                .or_else(|| (!find(&in_line(name, digits)).is_empty()).then(|| "***".to_owned())),
            _ => None,
        };
        by_name.or_else(|| find(digits).first().map(|found| mask_of(digits, found)))
    }
}

/// The 32 hex digits of a trace, or the 16 of a span. Without a letter it may be a card's number.
fn is_trace_id(text: &str) -> bool {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    matches!(text.len(), 16 | 32)
        && text.bytes().all(is_hex)
        && text.bytes().any(|byte| byte.is_ascii_lowercase())
}

/// A value behind its name, as a scan of a line has it.
fn in_line(name: &str, value: &str) -> String {
    format!("{name}: {value}")
}

fn mask_below_phone<'a>(name: &str, text: &'a str) -> Cow<'a, str> {
    if let Some(masked) = in_nested(text, MAX_NESTED, |value, nested| walk(name, value, nested)) {
        return masked;
    }
    if find(text).is_empty()
        && let Some(digits) = digits_below_key(text)
    {
        return Cow::Owned(mask_phone(&digits));
    }
    match mask(&in_line(name, text)) {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(masked) => match masked.strip_prefix(&in_line(name, "")) {
            Some(masked) => Cow::Owned(masked.to_owned()),
            None => Cow::Borrowed("[phone]"),
        },
    }
}

/// Whether a scan of a whole line takes digits behind this name for a number.
fn announces(name: &str) -> bool {
    ["4155552671", "123456"].iter().any(|digits| !find(&in_line(name, digits)).is_empty())
}

/// Names of what is never logged: bodies, webhooks, what was read off a photo, a statement's values.
fn is_payload(name: &str) -> bool {
    const NAMES: [&str; 10] = [
        "bind_params",
        "body",
        "db_params",
        "full_text",
        "ocr_text",
        "payload",
        "query_params",
        "raw",
        "raw_text",
        "text_full",
    ];
    let is_one = |suffix: &str| {
        name.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with(['_', '.']))
    };
    NAMES.contains(&name) || is_one("body") || is_one("payload")
}

/// Names of places where people live. `address` alone is mostly a machine's.
fn is_address(name: &str) -> bool {
    const NAMES: [&str; 5] =
        ["client_address", "delivery_address", "home_address", "postal_address", "street_address"];
    NAMES.contains(&name)
}
