//! The request in one paragraph.

use maud::{Markup, html};

use super::{Page, is_masked, shop};
use crate::pack::sections::{Explanation, RequestSummary};
use crate::report::text::{clean, count, cut, dollars, fill, said, span};

/// The page's title: what was needed, or which request it is.
pub(in crate::report) fn title(page: &Page<'_>) -> String {
    let explanation = page.pack.sections.explanation.content();
    let need = explanation.and_then(need).map(|need| cut(&clean(need), 80).into_owned());
    need.unwrap_or_else(|| fill(page.words.request_title, &[&page.pack.request_id]))
}

/// What was needed, as the last search has it.
fn need(explanation: &Explanation) -> Option<&str> {
    let needs = explanation.selections.iter().rev();
    let mut needs = needs.filter_map(|selection| selection.normalized_need.as_deref());
    needs.find(|need| !need.is_empty() && !need.starts_with('['))
}

pub(in crate::report) fn paragraph(page: &Page<'_>) -> Markup {
    html! {
        section aria-labelledby="h-summary" {
            h2 #h-summary { (page.words.in_short) }
            p.lead {
                @for sentence in sentences(page) { (sentence) " " }
            }
        }
    }
}

fn sentences(page: &Page<'_>) -> Vec<Markup> {
    let sections = &page.pack.sections;
    let mut said = Vec::new();
    if let Some(request) = sections.request.content() {
        said.push(opening(page, request));
    }
    said.extend(messages(page));
    said.extend(vendors(page));
    said.extend(shortlist(page));
    said.extend(ai(page));
    said.extend(stops(page));
    if let Some(request) = sections.request.content() {
        said.extend(ending(page, request));
    }
    said
}

fn opening(page: &Page<'_>, request: &RequestSummary) -> Markup {
    let w = page.words;
    let explanation = page.pack.sections.explanation.content();
    let category = explanation.and_then(|explanation| {
        explanation.selections.iter().rev().find_map(|selection| selection.category.as_deref())
    });
    let channel = request.snapshot.channel.as_deref().unwrap_or(w.unknown);
    html! {
        @if let Some(need) = explanation.and_then(need) {
            (w.asked_for) " " b { (said(need)) } "."
        } @else if let Some(category) = category {
            (w.asked_in) " " b { (page.code(category)) } "."
        } @else {
            (fill(w.wrote_by, &[&channel]))
        }
    }
}

fn messages(page: &Page<'_>) -> Option<Markup> {
    let messages = page.pack.sections.conversation.content()?;
    let inbound = messages.iter().filter(|message| message.direction == "inbound").count();
    let w = page.words;
    let (inbound, all) = (count(w.messages_in, inbound), messages.len() - inbound);
    Some(html! { (inbound) ", " (count(w.messages_out, all)) "." })
}

fn vendors(page: &Page<'_>) -> Option<Markup> {
    let outreach = page.pack.sections.vendor_outreach.content()?;
    let asked = outreach.sent.iter().filter(|outreach| outreach.went_out).count();
    let replied = outreach.sent.iter().filter(|outreach| !outreach.replies.is_empty()).count();
    let w = page.words;
    let explanation = page.pack.sections.explanation.content();
    let known = explanation.map_or(asked, |explanation| explanation.vendors.len());
    Some(html! {
        (fill(w.vendors_asked, &[&asked, &known.max(asked)])) " " (count(w.vendors_replied, replied))
    })
}

fn shortlist(page: &Page<'_>) -> Option<Markup> {
    let w = page.words;
    let shortlists = page.pack.sections.shortlist.content();
    let Some(last) = shortlists.and_then(|found| found.shortlists.last()) else {
        // Without a search, nobody expects a list.
        page.pack.sections.vendor_outreach.content()?;
        return Some(html! { (w.no_shortlist) });
    };
    let names = last.items.iter().map(|item| shop(item.vendor_name.as_deref(), &item.vendor_id));
    Some(html! {
        @if last.items.is_empty() { (w.empty_shortlist) } @else {
            (w.listed) " "
            @for (at, name) in names.enumerate() {
                @if at > 0 { ", " }
                (at + 1) ". " (said(name))
            }
            "."
        }
        @if let Some(handoff) = last.handoffs.last() {
            " " (w.handed_off) " " (page.offset(handoff.source.at)) "."
        }
    })
}

fn ai(page: &Page<'_>) -> Option<Markup> {
    let w = page.words;
    let decisions = page.pack.sections.moltbot_decisions.content()?;
    let costs: Vec<u64> = decisions.calls.iter().filter_map(|call| call.cost_microusd).collect();
    let calls = count(w.ai_calls, decisions.calls.len());
    // What is not recorded is not free.
    let unknown = decisions.calls.len() - costs.len();
    Some(html! {
        (calls) ", "
        @if costs.is_empty() { (w.cost_unknown) } @else {
            (fill(w.cost, &[&dollars(costs.iter().sum())]))
            @if unknown > 0 { " " (count(w.cost_partly, unknown)) }
        }
        "."
    })
}

fn stops(page: &Page<'_>) -> Option<Markup> {
    let controls = page.pack.sections.controls.content()?;
    let stop = controls.stops.first()?;
    let w = page.words;
    Some(html! {
        b { (page.code(&stop.switch)) " " (w.was_stopped) " " (page.offset(stop.source.at)) }
        @if let Some(by) = &stop.by { ", " (w.by) " " (page.person(Some(by.who()), None, stop.source.seq)) }
        @if let Some(reason) = stop.reason.as_deref().filter(|reason| !is_masked(reason)) {
            " (" (page.code(reason)) ")"
        }
        "."
    })
}

fn ending(page: &Page<'_>, request: &RequestSummary) -> Option<Markup> {
    let snapshot = &request.snapshot;
    let state = snapshot.state.as_deref()?;
    let took = snapshot.first_event_at.zip(snapshot.last_event_at);
    let w = page.words;
    Some(html! {
        (w.state_is) " " b { (page.code(state)) }
        @if let Some((first, last)) = took { " " (fill(w.after, &[&span(first, last)])) }
        "."
    })
}
