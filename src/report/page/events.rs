//! Every event as it stands in the pack, folded.

use maud::{Markup, html};
use serde_json::{Map, Value};

use super::{Page, json};
use crate::pack::{PackEvent, View};
use crate::report::text::{cut, in_element, said};

/// Most characters of an event's JSON; the page's data has all of it.
const CHARACTERS_MAX: usize = 20_000;

/// Members of a header that are the same in all events of a request, or stand in the line above.
const SAME_OF_ALL: [&str; 6] =
    ["actor", "event_type", "outcome", "request_id", "stream_id", "version"];

pub(in crate::report) fn section(page: &Page<'_>) -> Markup {
    let w = page.words;
    let pack = page.pack;
    html! {
        section aria-labelledby="h-events" {
            h2 #h-events { (w.every_event) }
            p { (w.events_why) }
            p.search hidden {
                label for="search" { (w.search) } " "
                input #search type="search" autocomplete="off" spellcheck="false";
                " " output for="search" #found {}
            }
            ol.events { @for event in &pack.events { (row(page, event, Some("e"))) } }
            @if !(pack.writer_events.is_empty() && pack.switch_events.is_empty()) {
                h3 { (w.other_streams) }
                ol.events {
                    @for event in pack.writer_events.iter().chain(&pack.switch_events) { (row(page, event, None)) }
                }
            }
        }
    }
}

/// An event of the request has an anchor.
fn row(page: &Page<'_>, event: &PackEvent, anchor: Option<&str>) -> Markup {
    let header = &event.header;
    html! {
        li id=[anchor.map(|anchor| format!("{anchor}{}", event.seq))] {
            details {
                summary {
                    b { (event.seq) } " " (page.offset(header.created_at)) " "
                    span { (page.event_name(&header.event_type)) } " "
                    code { (said(&header.event_type)) } " "
                    span.about { (page.code(&header.actor)) }
                    @if header.outcome != "succeeded" { " " span.tag.bad { (page.code(&header.outcome)) } }
                }
                pre tabindex="0" { (in_element(&cut(&raw(event), CHARACTERS_MAX))) }
            }
        }
    }
}

/// The event without what only a program reads: salts, commitments and digests stand in the page's data.
fn raw(event: &PackEvent) -> String {
    let mut shown = Map::new();
    for (root, view) in event.views() {
        let part = root.trim_start_matches('/');
        if !view.value.is_null() {
            shown.insert(part.to_owned(), view.value.clone());
        }
        if !view.hidden.is_empty() {
            shown.insert(format!("hidden in {part}"), hidden(view));
        }
    }
    if let Ok(Value::Object(header)) = serde_json::to_value(&event.header) {
        let told = |name: &str| !SAME_OF_ALL.contains(&name);
        shown.extend(header.into_iter().filter(|(name, value)| told(name) && !value.is_null()));
    }
    json(&shown)
}

fn hidden(view: &View) -> Value {
    let rules =
        view.hidden.iter().map(|(pointer, hidden)| (pointer.clone(), hidden.rule.clone().into()));
    Value::Object(rules.collect())
}
