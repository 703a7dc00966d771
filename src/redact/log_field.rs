//! Masks the fields of log lines. They have few names, so we look each name up once and keep its meaning.

use std::borrow::Cow;

use serde_json::Value;

use super::key_rules::{KeyKind, kind_of};
use super::mask::{find, find_below, mask, mask_of, mask_phone};
use super::mask_json::{MAX_NESTED, in_nested, is_of_a_machine, mask_below, walk};
use super::phone::digits_below;

/// What a name says about the values below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogField(Meaning);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// What the table of names says.
    Listed(KeyKind),
    /// Nothing.
    Nothing,
    /// An id of W3C Trace Context, if it has the form of one.
    TraceId,
}

impl LogField {
    /// A name that says nothing.
    pub(crate) const PLAIN: Self = Self(Meaning::Nothing);

    /// What the name says.
    pub(crate) fn of(name: &str) -> Self {
        let letters: String = name.chars().filter(char::is_ascii_alphabetic).collect();
        if ["spanid", "traceid"].iter().any(|id| letters.eq_ignore_ascii_case(id)) {
            return Self(Meaning::TraceId);
        }
        match kind_of(name) {
            Some(KeyKind::Plain) => Self::PLAIN,
            Some(kind) => Self(Meaning::Listed(kind)),
            None if announces(name) => Self(Meaning::Listed(KeyKind::Phone)),
            None => Self::PLAIN,
        }
    }

    /// Whether the name says nothing about numbers.
    pub(crate) fn is_plain(self) -> bool {
        self == Self::PLAIN
    }

    /// The text as it may be shown.
    pub(crate) fn mask<'a>(self, name: &str, text: &'a str) -> Cow<'a, str> {
        if text.is_empty() && !self.is_payload() {
            return Cow::Borrowed(text);
        }
        match self.0 {
            // Random digits sometimes look like a phone number. If they were masked, the trace could not be followed.
            Meaning::TraceId if is_trace_id(text) => Cow::Borrowed(text),
            Meaning::Nothing | Meaning::TraceId => mask_plain(name, text),
            Meaning::Listed(KeyKind::Address) if is_of_a_machine(text) => mask_plain(name, text),
            Meaning::Listed(KeyKind::Payload) => Cow::Owned(Self::payload(text.len())),
            Meaning::Listed(KeyKind::Phone) => mask_below_phone(name, text),
            Meaning::Listed(kind) => match kind.mask() {
                Some(mask) => Cow::Borrowed(mask),
                None => mask_listed(name, text),
            },
        }
    }

    /// The mask of a flag, or `None` if the flag may be shown.
    pub(crate) fn mask_flag(self) -> Option<&'static str> {
        (self.0 == Meaning::Listed(KeyKind::Health)).then_some("[health]")
    }

    fn is_payload(self) -> bool {
        self.0 == Meaning::Listed(KeyKind::Payload)
    }

    /// The mask of a payload of so many bytes.
    pub(crate) fn payload(bytes: usize) -> String {
        match bytes {
            0..1024 => format!("[payload {bytes} B]"),
            _ => format!("[payload {} KiB]", bytes / 1024),
        }
    }

    /// The mask of a number, or `None` if the number may be shown. `digits` is the number in JSON.
    pub(crate) fn mask_number(self, name: &str, digits: &str) -> Option<String> {
        let by_name = match self.0 {
            Meaning::Listed(KeyKind::Payload) => Some(Self::payload(digits.len())),
            Meaning::Listed(KeyKind::Phone) => digits_below(KeyKind::Phone, digits)
                .map(|digits| mask_phone(&digits))
                .or_else(|| (!find(&in_line(name, digits)).is_empty()).then(|| "***".to_owned())),
            Meaning::Listed(KeyKind::Digits) => {
                digits_below(KeyKind::Digits, digits).map(|digits| mask_phone(&digits))
            }
            Meaning::Listed(kind) if kind.takes_number(digits.len()) => {
                kind.mask().map(str::to_owned)
            }
            Meaning::Listed(_) | Meaning::Nothing | Meaning::TraceId => None,
        };
        by_name.or_else(|| find_below(name, digits).first().map(|found| mask_of(digits, found)))
    }
}

fn mask_plain<'a>(name: &str, text: &'a str) -> Cow<'a, str> {
    let nested = in_nested(text, MAX_NESTED, |value, nested| walk("", value, nested));
    nested.unwrap_or_else(|| mask_below(name, text))
}

/// Masks a value below a name that hides only some values, as [`walk`] does.
fn mask_listed<'a>(name: &str, text: &'a str) -> Cow<'a, str> {
    let mut value = Value::String(text.to_owned());
    walk(name, &mut value, MAX_NESTED);
    match value {
        Value::String(masked) if masked != text => Cow::Owned(masked),
        _ => Cow::Borrowed(text),
    }
}

/// The 32 hex digits of a trace, or the 16 of a span. Without a letter, they may be a card number.
fn is_trace_id(text: &str) -> bool {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    matches!(text.len(), 16 | 32)
        && text.bytes().all(is_hex)
        && text.bytes().any(|byte| byte.is_ascii_lowercase())
}

/// Masks a value after its name, as a scan of the line would.
fn in_line(name: &str, value: &str) -> String {
    format!("{name}: {value}")
}

fn mask_below_phone<'a>(name: &str, text: &'a str) -> Cow<'a, str> {
    if let Some(masked) = in_nested(text, MAX_NESTED, |value, nested| walk(name, value, nested)) {
        return masked;
    }
    if find(text).is_empty()
        && let Some(digits) = digits_below(KeyKind::Phone, text)
    {
        return Cow::Owned(mask_phone(&digits));
    }
    let masked = match mask(&in_line(name, text)) {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(masked) => match masked.strip_prefix(&in_line(name, "")) {
            Some(masked) => Cow::Owned(masked.to_owned()),
            None => Cow::Borrowed("[phone]"),
        },
    };
    if find(&in_json(name, &masked)).is_empty() { masked } else { Cow::Borrowed("[phone]") }
}

/// Masks a value after its name, as a scan of JSON would. There, an escape ends a run of digits that white space
/// would not end.
fn in_json(name: &str, value: &str) -> String {
    format!("\"{name}\":{}", Value::from(value))
}

/// Whether a scan of a whole line takes digits after this name for a phone number.
fn announces(name: &str) -> bool {
    ["4155552671", "123456"].iter().any(|digits| !find(&in_line(name, digits)).is_empty())
}
