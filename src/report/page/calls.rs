//! Consents and phone calls.

use maud::{Markup, html};

use super::Page;
use crate::pack::sections::{Attempt, CallAttempts, Consent, ConsentState};
use crate::report::text::{said, said_or};

pub(in crate::report) fn section(page: &Page<'_>) -> Markup {
    page.part("calls", page.words.calls, &page.pack.sections.call_attempts, |found| {
        shown(page, found)
    })
}

fn shown(page: &Page<'_>, calls: &CallAttempts) -> Markup {
    let w = page.words;
    html! {
        ul.rows {
            @for asked in &calls.consents { (consent(page, asked)) }
            @for decision in &calls.unmatched_decisions {
                li { p { (w.consent) ": " (page.code(decision.decision)) } p.about { (page.source(&decision.source)) } }
            }
            @for placed in &calls.attempts { (attempt(page, placed)) }
        }
        @if calls.attempts.is_empty() { p { (w.nobody_called) } }
    }
}

fn consent(page: &Page<'_>, consent: &Consent) -> Markup {
    let w = page.words;
    html! {
        li {
            p { b { (w.consent_asked) } } p.about { (page.source(&consent.source)) }
            @for decision in &consent.decisions {
                p {
                    b { (page.code(decision.decision)) }
                    @if let Some(text) = &decision.text { ": “" (said(text)) "”" }
                }
                p.about {
                    (page.source(&decision.source))
                    @if let Some(until) = decision.expires_at { " · " (w.until) " " (until.format("%Y-%m-%d %H:%M UTC").to_string()) }
                }
            }
            @if consent.decisions.is_empty() { p.about { (w.no_answer) } }
        }
    }
}

fn attempt(page: &Page<'_>, attempt: &Attempt) -> Markup {
    let w = page.words;
    html! {
        li {
            p {
                b { (w.call_to) " " (said_or(attempt.target_role.as_deref(), w.unknown)) }
                @if let Some(purpose) = &attempt.purpose { ": " (page.code(purpose)) }
                " "
                @match attempt.consent_granted {
                    ConsentState::Yes => span.tag.good { (w.with_consent) },
                    ConsentState::No => span.tag.bad { (w.without_consent) },
                    ConsentState::NotCheckable => span.tag { (w.consent_unknown) },
                }
            }
            p.about { (page.source(&attempt.source)) }
            ul {
                @for report in &attempt.statuses {
                    li {
                        (page.code(report.status.as_deref().unwrap_or("unknown")))
                        @if let Some(seconds) = report.duration_seconds { ", " (seconds) " s" }
                        @if let Some(error) = &report.error_message { ": " (said(error)) }
                    }
                }
            }
        }
    }
}
