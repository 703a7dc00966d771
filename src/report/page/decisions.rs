//! What the AI was asked, what it answered, what was made of that, and photos that were read.

use maud::{Markup, html};

use super::{Page, json};
use crate::pack::sections::{AiCall, Decision, Decisions, OcrJob};
use crate::report::text::{cut, dollars, said, said_or, seconds};

/// Most characters of an answer's JSON; the raw event has more.
const ANSWER_MAX: usize = 4_000;

pub(in crate::report) fn section(page: &Page<'_>) -> Markup {
    let (w, sections) = (page.words, &page.pack.sections);
    html! {
        (page.part("decisions", w.decisions, &sections.moltbot_decisions, |found| calls(page, found)))
        @if sections.ocr_jobs.content().is_some() {
            (page.part("photos", w.photos, &sections.ocr_jobs, |jobs| html! {
                ul.rows { @for job in jobs { (photo(page, job)) } }
            }))
        }
    }
}

fn calls(page: &Page<'_>, decisions: &Decisions) -> Markup {
    html! { ol.rows { @for call in &decisions.calls { (decision(page, call)) } } }
}

fn decision(page: &Page<'_>, call: &Decision) -> Markup {
    let w = page.words;
    let verdict = call.judgements.last().map(|judgement| judgement.verdict);
    html! {
        li {
            h3 {
                @match &call.action_type {
                    Some(action) => (page.code(action)),
                    None => (page.code(&call.source.outcome)),
                }
                " "
                @match verdict {
                    Some("accepted") => span.tag.good { (page.code("accepted")) },
                    Some(other) => span.tag.bad { (page.code(other)) },
                    None => span.tag { (w.not_judged) },
                }
            }
            p.about {
                (page.source(&call.source))
                @if let Some(took) = call.source.duration_ms { " · " (seconds(took)) }
            }
            dl {
                dt { (w.its_reason) } dd { (said_or(call.why.as_deref(), w.no_reason)) }
                @for judgement in &call.judgements {
                    @if !judgement.reasons.is_empty() {
                        dt { (w.rejected_because) }
                        dd { @for reason in &judgement.reasons { (page.code(reason)) " " } }
                    }
                }
                dt { (w.model) }
                dd { (said_or(call.served_model.as_deref().or(call.model.as_deref()), w.unknown)) }
                dt { (w.tokens) } dd { (tokens(page, call)) }
                dt { (w.saw) } dd { (saw(page, call)) }
            }
            @if let Some(event) = page.event_at(call.source.seq) {
                details {
                    summary { (w.given) }
                    pre tabindex="0" { (cut(&json(&event.input.value), ANSWER_MAX)) }
                }
            }
            @if let Some(action) = &call.action {
                details {
                    summary { (w.whole_answer) }
                    pre tabindex="0" { (cut(&json(action), ANSWER_MAX)) }
                }
            }
        }
    }
}

fn tokens(page: &Page<'_>, call: &Decision) -> Markup {
    let w = page.words;
    let number = |tokens: Option<u64>| tokens.map_or("?".to_owned(), |tokens| tokens.to_string());
    html! {
        (number(call.input_tokens)) " → " (number(call.output_tokens)) ", "
        @match call.cost_microusd {
            Some(cost) => (dollars(cost)),
            None => (w.cost_unknown),
        }
    }
}

/// Which kinds of personal data the call was given.
fn saw(page: &Page<'_>, call: &Decision) -> Markup {
    let w = page.words;
    let explanation = page.pack.sections.explanation.content();
    let calls = explanation.map(|found| found.ai_calls.as_slice()).unwrap_or_default();
    let found: Option<&AiCall> = calls.iter().find(|ai| ai.source.seq == call.source.seq);
    html! {
        @match found {
            None => (w.unknown),
            Some(ai) => {
                @if ai.saw.is_empty() { (w.no_personal_data) }
                @for (at, kind) in ai.saw.iter().enumerate() { @if at > 0 { ", " } (page.code(kind)) }
                @if ai.is_partly_hidden { " (" (w.partly_hidden) ")" }
            },
        }
    }
}

fn photo(page: &Page<'_>, job: &OcrJob) -> Markup {
    let w = page.words;
    html! {
        li {
            h3 { (said_or(job.ocr_type.as_deref(), w.photo)) " " span.tag { (page.code(job.result.as_deref().unwrap_or("unknown"))) } }
            @if let Some(source) = job.ended.as_ref().or(job.created.as_ref()) { p.about { (page.source(source)) } }
            p {
                @if let Some(confidence) = job.confidence {
                    (w.confidence) " " (confidence)
                    @if let Some(threshold) = job.threshold { " (" (w.needed) " " (threshold) ")" }
                }
                @if job.needs_clarification == Some(true) { " · " (w.asked_again) }
            }
            @if let Some(extracted) = &job.extracted {
                details { summary { (w.was_read) } pre tabindex="0" { (cut(&json(extracted), ANSWER_MAX)) } }
            }
            @for warning in &job.warnings { p.about { "! " (said(warning)) } }
        }
    }
}
