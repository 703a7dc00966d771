//! What happened, in order, with what led to what.

use std::collections::HashMap;

use maud::{Markup, html};
use serde_json::Value;

use super::chart::lanes;
use super::step::{Lane, Step};
use super::{Page, is_masked, shop};
use crate::pack::PackEvent;
use crate::report::text::{said, seconds, snippet};

/// Steps that are shown at once; those after them are folded.
const STEPS_MAX: usize = 60;

pub(in crate::report) fn section(page: &Page<'_>) -> Markup {
    let w = page.words;
    let steps = steps(page);
    let (first, rest) = steps.split_at(steps.len().min(STEPS_MAX));
    html! {
        section aria-labelledby="h-timeline" {
            h2 #h-timeline { (w.what_happened) }
            @if steps.is_empty() { p.none { (w.none) } } @else {
                (lanes(page, &steps))
                ol.timeline { @for step in first { (shown(page, step)) } }
                @if !rest.is_empty() {
                    details.more {
                        summary { (w.more) " (" (rest.len()) ")" }
                        ol.timeline start=(first.len() + 1) { @for step in rest { (shown(page, step)) } }
                    }
                }
                p.note { (w.timeline_note) }
            }
        }
    }
}

fn shown(page: &Page<'_>, step: &Step<'_>) -> Markup {
    let header = &step.event.header;
    let w = page.words;
    html! {
        li.(step.lane.class()) {
            span.when { (page.offset(header.created_at)) }
            div {
                span.lane { (step.lane.name(page)) }
                b { (page.event_name(&header.event_type)) }
                @if header.outcome != "succeeded" {
                    " " span.tag.bad { (page.code(&header.outcome)) }
                }
                @if let Some(detail) = &step.detail { ": " (said(detail)) }
                @if let Some(code) = &header.error_code { " (" (page.code(code)) ")" }
                p.about {
                    (page.event(step.event.seq))
                    @if let Some(took) = header.duration_ms { " · " (w.took) " " (seconds(took)) }
                    @if let Some(cause) = page.cause(step.event) {
                        " · " (w.because_of) " "
                        a href={ "#e" (cause.seq) } {
                            (page.event_name(&cause.header.event_type)) " (" (cause.seq) ")"
                        }
                    }
                }
            }
        }
    }
}

fn steps<'a>(page: &Page<'a>) -> Vec<Step<'a>> {
    let details = details(page);
    let events = page.pack.events.iter();
    let steps = events.filter_map(|event| {
        let lane = Lane::of(event)?;
        let detail = details.get(&event.seq).cloned().or_else(|| named_detail(page, event));
        Some(Step { event, lane, detail })
    });
    steps.collect()
}

/// What sections know of an event that fits into a line.
fn details(page: &Page<'_>) -> HashMap<i64, String> {
    let sections = &page.pack.sections;
    let mut details = HashMap::new();
    for message in sections.conversation.content().into_iter().flatten() {
        let said = message.text.as_deref().or(message.button_id.as_deref());
        let said = said.or(message.message_type.as_deref());
        details.extend(said.map(|said| (message.source.seq, snippet(said))));
    }
    if let Some(outreach) = sections.vendor_outreach.content() {
        for sent in &outreach.sent {
            let name = shop(sent.vendor_name.as_deref(), &sent.vendor_id);
            details.insert(sent.source.seq, snippet(name));
            for reply in &sent.replies {
                let said = reply.text.as_deref().or(reply.availability.as_deref());
                let said = format!("{name}: {}", said.unwrap_or_default());
                details.insert(reply.source.seq, snippet(&said));
            }
        }
    }
    for call in sections.moltbot_decisions.content().into_iter().flat_map(|found| &found.calls) {
        let action = call.action_type.as_deref().map(|action| page.word(action));
        details.extend(action.map(|action| (call.source.seq, snippet(&action))));
    }
    if let Some(request) = sections.request.content() {
        for step in &request.transitions {
            let to = page.word(&step.to_state);
            let states = match step.from_state.as_deref() {
                Some(from) => format!("{} → {to}", page.word(from)),
                None => to,
            };
            details.insert(step.source.seq, snippet(&states));
        }
    }
    details
}

/// A member of the event that names what it is about.
fn named_detail(page: &Page<'_>, event: &PackEvent) -> Option<String> {
    let members = ["effect", "budget", "switch", "reason", "ocr_type", "status"];
    let values = [&event.input.value, &event.output.value];
    let found = members.iter().find_map(|member| {
        values.iter().find_map(|value| value.get(member).and_then(Value::as_str))
    });
    found.filter(|found| !is_masked(found)).map(|found| snippet(&page.word(found)))
}
