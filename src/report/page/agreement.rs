//! Whether trail and tables agree.

use maud::{Markup, html};

use super::{Page, english};
use crate::pack::sections::{Reconciliation, TableFinding};
use crate::report::text::{count, said};

pub(in crate::report) fn section(page: &Page<'_>) -> Markup {
    let w = page.words;
    let found = &page.pack.sections.reconciliation;
    html! {
        (page.part("reconciliation", w.agree, found, |found| shown(page, found)))
        p.note { (w.agree_why) }
    }
}

fn shown(page: &Page<'_>, found: &Reconciliation) -> Markup {
    let w = page.words;
    let number = |forms, number: Option<u64>| match number {
        Some(number) => count(forms, usize::try_from(number).unwrap_or(usize::MAX)),
        None => w.unknown.to_owned(),
    };
    html! {
        p {
            (number(w.agreed, found.rows_matched)) ", " (number(w.agree_errors, found.errors)) ", "
            (number(w.agree_warnings, found.warnings)) " · " (page.source(&found.source))
        }
        @if !found.findings.is_empty() {
            ul.rows { @for one in &found.findings { (finding(page, one)) } }
        }
        @if found.left_out > 0 { p { (w.more) ": " (found.left_out) } }
        @if !found.not_checkable.is_empty() {
            p {
                (w.not_compared) ": "
                @for (at, name) in found.not_checkable.iter().enumerate() {
                    @if at > 0 { ", " } code { (said(name)) }
                }
            }
        }
    }
}

fn finding(page: &Page<'_>, finding: &TableFinding) -> Markup {
    let severity = finding.severity.as_deref().unwrap_or("unknown");
    let tone = if severity == "error" { "tag bad" } else { "tag" };
    let is_named = |event: &&crate::pack::PackEvent| {
        finding.trail_event_id.as_deref() == Some(event.header.id.to_string().as_str())
    };
    let event = page.pack.events.iter().find(is_named);
    html! {
        li {
            p { span class=(tone) { (page.code(severity)) } " " (english(&finding.sentence)) }
            p.about {
                @if let Some(event) = event { (page.event(event.seq)) }
                @if let Some(row) = &finding.row_id { " " code { (said(row)) } }
            }
        }
    }
}
