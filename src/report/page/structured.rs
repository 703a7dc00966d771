//! Data of any shape as lists, for sections that have no drawing of their own.

use chrono::{DateTime, Utc};
use maud::{Markup, html};
use serde::Serialize;
use serde_json::{Map, Value};

use super::Page;
use crate::report::text::said;

/// What programs need to find an event again. People have its number and time.
const UNTOLD: [&str; 4] = ["caused_by", "event_id", "host_ids", "recorded_at"];

/// Deeper than any section is nested.
const DEPTH_MAX: usize = 12;

pub(in crate::report) fn structured<T: Serialize>(page: &Page<'_>, content: &T) -> Markup {
    shown(page, &serde_json::to_value(content).unwrap_or_default(), 0)
}

fn shown(page: &Page<'_>, value: &Value, depth: usize) -> Markup {
    match value {
        _ if depth > DEPTH_MAX => html! { "…" },
        Value::Null => html! { (page.words.unknown) },
        Value::Bool(_) | Value::Number(_) => html! { (value.to_string()) },
        Value::String(text) if is_word(text) => page.code(text),
        Value::String(text) => match text.parse::<DateTime<Utc>>() {
            Ok(at) => page.offset(at),
            Err(_) => said(text),
        },
        Value::Array(items) if items.is_empty() => html! { "–" },
        Value::Array(items) => html! {
            ul.rows { @for item in items { li { (shown(page, item, depth + 1)) } } }
        },
        Value::Object(members) => object(page, members, depth),
    }
}

fn object(page: &Page<'_>, members: &Map<String, Value>, depth: usize) -> Markup {
    let told = |(name, value): &(&String, &Value)| {
        !UNTOLD.contains(&name.as_str())
            && !value.is_null()
            && !value.as_array().is_some_and(Vec::is_empty)
    };
    html! {
        dl {
            @for (name, value) in members.iter().filter(told) {
                @match (name.as_str(), value.as_i64()) {
                    ("seq", Some(seq)) => { dt { (page.words.event) } dd { (page.event(seq)) } },
                    // An id is no word, whatever it looks like.
                    (id, _) if id.ends_with("_id") => {
                        dt { (page.code(id)) } dd { (said(value.as_str().unwrap_or_default())) }
                    },
                    _ => { dt { (page.code(name)) } dd { (shown(page, value, depth + 1)) } },
                }
            }
        }
    }
}

fn is_word(text: &str) -> bool {
    text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}
