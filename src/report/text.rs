//! Values as a page shows them: what they hold stays text, whatever it is.

use std::borrow::Cow;
use std::fmt::{Display, Write as _};

use chrono::{DateTime, Utc};
use maud::{Markup, PreEscaped, html};

/// Most characters of a text in the story. The page's data has all of it.
const CHARACTERS_MAX: usize = 2_000;

/// A value that somebody wrote, isolated: its direction does not reach what stands around it.
pub(super) fn said(text: &str) -> Markup {
    html! { bdi { (cut(&clean(text), CHARACTERS_MAX)) } }
}

/// A value that may be missing.
pub(super) fn said_or(text: Option<&str>, otherwise: &str) -> Markup {
    let text = text.filter(|text| !text.is_empty());
    html! { @if let Some(text) = text { (said(text)) } @else { (otherwise) } }
}

/// The beginning of a text on one line.
pub(super) fn snippet(text: &str) -> String {
    cut(&clean(text).replace(['\n', '\t'], " "), 90).into_owned()
}

/// The first characters of a text, and how many more there are.
pub(super) fn cut(text: &str, most: usize) -> Cow<'_, str> {
    let Some((at, _)) = text.char_indices().nth(most) else { return Cow::Borrowed(text) };
    let more = text[at..].chars().count();
    Cow::Owned(format!("{}… (+{more})", &text[..at]))
}

/// Replaces what HTML does not allow: control characters get their pictures, and noncharacters the sign for such.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    let is_wrong = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{fdd0}'..='\u{fdef}')
            || u32::from(c) & 0xfffe == 0xfffe
    };
    if !text.contains(is_wrong) {
        return Cow::Borrowed(text);
    }
    let picture = |c: char| match c {
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        '\x7f' => '\u{2421}',
        _ => '\u{fffd}',
    };
    Cow::Owned(text.chars().map(|c| if is_wrong(c) { picture(c) } else { c }).collect())
}

/// A text with what cannot be seen made visible: control characters, those that turn the direction of text, and others
/// without a glyph.
pub(super) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in clean(text).chars() {
        match c {
            '\u{ad}'
            | '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}' => {
                // Writing to a text does not fail.
                let _ = write!(shown, "\\u{:04x}", u32::from(c));
            }
            // Letters that no one sees, but that a program may read.
            '\u{e0000}'..='\u{e007f}' => {
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
            }
            c => shown.push(c),
        }
    }
    shown
}

/// A long text inside an element, where quotes mean nothing: escaping those would make JSON a tenth longer.
pub(super) fn in_element(text: &str) -> Markup {
    let mut escaped = String::with_capacity(text.len() + text.len() / 16);
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            c => escaped.push(c),
        }
    }
    PreEscaped(escaped)
}

/// Puts values into the places `{0}`, `{1}`, … of a text of ours.
pub(super) fn fill(text: &str, values: &[&dyn Display]) -> String {
    // In one pass, so that a value with braces in it stays as it is.
    let mut filled = String::with_capacity(text.len());
    let mut parts = text.split('{');
    filled.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (place, rest) = part.split_once('}').unwrap_or((part, ""));
        let value = place.parse::<usize>().ok().and_then(|at| values.get(at));
        filled.push_str(&value.map(ToString::to_string).unwrap_or_default());
        filled.push_str(rest);
    }
    filled
}

/// One of a thing, or several: the second form for all numbers but one.
pub(super) fn count(forms: [&str; 2], number: usize) -> String {
    fill(forms[usize::from(number != 1)], &[&number])
}

/// Minutes and seconds, with hours where there are any.
pub(super) fn span(from: DateTime<Utc>, to: DateTime<Utc>) -> String {
    let seconds = (to - from).num_seconds();
    let (sign, seconds) = if seconds < 0 { ("−", -seconds) } else { ("", seconds) };
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{sign}{minutes}:{seconds:02}"),
        _ => format!("{sign}{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// How long something took.
pub(super) fn seconds(milliseconds: i32) -> String {
    match milliseconds {
        0..1_000 => format!("{milliseconds} ms"),
        _ => format!("{:.1} s", f64::from(milliseconds) / 1_000.0),
    }
}

/// A number with a thin gap between its thousands, as it is read in every language.
pub(super) fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    if number < 0 { format!("−{grouped}") } else { grouped }
}

/// Microdollars as dollars.
pub(super) fn dollars(microusd: u64) -> String {
    let text = format!("{}.{:06}", microusd / 1_000_000, microusd % 1_000_000);
    let kept = text.len() - 2;
    // Two decimals at least, and four if there is something in them.
    let text = text[..kept].strip_suffix("00").unwrap_or(&text[..kept]).to_owned();
    format!("${text}")
}
