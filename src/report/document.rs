//! The page as a whole: head, landmarks, order of its parts, and the data that it carries.

use chrono::{DateTime, FixedOffset, Utc};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::page::{
    Page, agreement, budgets, calls, chat, controls, decisions, events, findings, hidden, summary,
    timeline, undo, vendors, verdicts, verify, writers,
};
use super::script::{POLICY, SCRIPT, STYLE, embedded, packed};
use super::text::{said, snippet};
use super::words::messages;
use crate::event::Language;

pub(super) fn whole(page: &Page<'_>) -> String {
    let title = summary::title(page);
    let document = html! {
        (DOCTYPE)
        html lang=(code_of(page.language)) dir="ltr" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(*POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (snippet(&title)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { (page.words.skip) }
                (top(page, &title))
                main #main { (parts(page, Reader::Browser)) }
                footer { p { (page.words.made_by) " " (said(&page.pack.request_id.to_string())) } }
                // The browser runs neither: they are data.
                script #pack type="application/gzip" { (packed(&page.json)) }
                script #words type="application/json" { (PreEscaped(embedded(messages(page.language)))) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    document.into_string()
}

/// What a terminal shows of it.
pub(super) fn story(page: &Page<'_>) -> Markup {
    let w = page.words;
    let head = &page.pack.integrity.head;
    html! {
        (top(page, &summary::title(page)))
        (parts(page, Reader::Terminal))
        footer {
            p { (w.head) ": " (head.seq) ", " code { (head.chain_hash) } }
            p.about { (w.made_by) " " (said(&page.pack.request_id.to_string())) }
        }
    }
}

/// Who reads the parts. A browser has a button and every event besides.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    Browser,
    Terminal,
}

fn code_of(language: Language) -> &'static str {
    match language {
        Language::En => "en",
        Language::Fr => "fr",
        Language::Rw => "rw",
    }
}

fn top(page: &Page<'_>, title: &str) -> Markup {
    let w = page.words;
    let sections = &page.pack.sections;
    let snapshot = sections.request.content().map(|request| &request.snapshot);
    let copy = if page.pack.profile.name == "external" { w.external_copy } else { w.internal_copy };
    html! {
        header.top {
            div {
                h1 { (said(title)) }
                @if !title.contains(&page.pack.request_id.to_string()) {
                    p.about { (w.request) " " code { (page.pack.request_id) } }
                }
                @if let Some(times) = snapshot.and_then(|snapshot| snapshot.first_event_at.zip(snapshot.last_event_at)) {
                    p.about { (period(times)) }
                }
                p {
                    span.tag { (copy) }
                    @if let Some(state) = snapshot.and_then(|snapshot| snapshot.state.as_deref()) {
                        " " span.tag { (page.code(state)) }
                    }
                }
            }
            nav aria-label=(w.contents) {
                a href="#check" { (w.check) } " "
                a href="#h-timeline" { (w.what_happened) } " "
                a href="#h-others" { (w.why_not) } " "
                a href="#h-reversal" { (w.undo) } " "
                a href="#h-controls" { (w.stops) } " "
                a href="#h-hidden" { (w.hidden) } " "
                a href="#h-events" { (w.every_event) }
            }
        }
    }
}

/// From when to when, in the time of Kigali, which has no summer time, and in UTC.
fn period((first, last): (DateTime<Utc>, DateTime<Utc>)) -> Markup {
    let kigali = |at: DateTime<Utc>| {
        FixedOffset::east_opt(2 * 3600).map_or(at.fixed_offset(), |zone| at.with_timezone(&zone))
    };
    let (from, to) = (kigali(first), kigali(last));
    let same_day = from.date_naive() == to.date_naive();
    let to = if same_day { to.format("%H:%M:%S") } else { to.format("%Y-%m-%d %H:%M:%S") };
    html! {
        (from.format("%Y-%m-%d %H:%M:%S").to_string()) " – " (to.to_string()) " Kigali (UTC+2) · "
        (first.format("%H:%M:%S").to_string()) " – " (last.format("%H:%M:%S").to_string()) " UTC"
    }
}

fn parts(page: &Page<'_>, reader: Reader) -> Markup {
    let is_browser = reader == Reader::Browser;
    html! {
        (verdicts::list(page))
        (summary::paragraph(page))
        (findings::section(page))
        @if is_browser { (verify::panel(page)) }
        (timeline::section(page))
        (vendors::section(page))
        (budgets::section(page))
        (chat::section(page))
        (decisions::section(page))
        (calls::section(page))
        (undo::section(page))
        (agreement::section(page))
        (writers::section(page))
        (controls::section(page))
        (hidden::section(page))
        @if is_browser { (events::section(page)) }
    }
}
