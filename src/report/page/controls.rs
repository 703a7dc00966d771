//! What stopped the AI, who did, what people did, and what was refused.

use maud::{Markup, html};

use super::{Page, english, is_masked};
use crate::pack::sections::{ControlRefusal, Controls, HumanAct, Recipient, Stop};
use crate::report::text::{count, said, said_or};

pub(in crate::report) fn section(page: &Page<'_>) -> Markup {
    let (w, sections) = (page.words, &page.pack.sections);
    let acts = sections.explanation.content().map(|found| found.human_acts.as_slice());
    html! {
        (page.part("controls", w.stops, &sections.controls, |found| shown(page, found)))
        section aria-labelledby="h-people" {
            h2 #h-people { (w.people) }
            @match acts {
                Some(acts) if !acts.is_empty() => ul.rows { @for act in acts { (human_act(page, act)) } },
                _ => p.none { (w.nobody_acted) },
            }
        }
        @if let Some(disclosure) = sections.ai_disclosure.content() {
            section aria-labelledby="h-disclosure" {
                h2 #h-disclosure { (w.told_of_ai) }
                ul.rows { @for recipient in &disclosure.recipients { (told(page, recipient)) } }
            }
        }
    }
}

fn shown(page: &Page<'_>, controls: &Controls) -> Markup {
    let w = page.words;
    let refused = controls.switches.iter().flat_map(|switch| &switch.refused);
    let others = [
        &controls.consent_refusals,
        &controls.conflicts,
        &controls.repeats,
        &controls.other_refusals,
    ];
    let refused: Vec<_> = refused.chain(others.into_iter().flatten()).collect();
    html! {
        @if controls.stops.is_empty() { p { (w.not_stopped) } } @else {
            ul.rows { @for stop in &controls.stops { (stopped(page, stop)) } }
        }
        @for switch in &controls.switches {
            p {
                (w.switch) " " b { (page.code(&switch.switch)) } ": "
                (count(w.let_run, switch.admitted.len())) ", " (count(w.refused, switch.refused.len()))
            }
        }
        @if !refused.is_empty() {
            h3 { (w.refusals) }
            ul.rows { @for refusal in refused { (refused_row(page, refusal)) } }
        }
        @for resolution in &controls.resolutions {
            p {
                (w.resolved) ": " (page.code(resolution.finding.as_deref().unwrap_or("unknown")))
                @if let Some(by) = &resolution.by { ", " (said(by.who())) }
                " · " (page.source(&resolution.source))
            }
        }
        p.note { (english(controls.switches_set)) }
    }
}

fn stopped(page: &Page<'_>, stop: &Stop) -> Markup {
    let w = page.words;
    html! {
        li {
            p {
                b { (page.code(&stop.switch)) } " " (w.was_stopped) " (" (page.code(stop.scope)) ")"
                @if let Some(by) = &stop.by { ", " (w.by) " " (page.person(Some(by.who()), Some(by.how().as_str()), stop.source.seq)) }
                @if let Some(reason) = stop.reason.as_deref().filter(|reason| !is_masked(reason)) { ": " (page.code(reason)) }
            }
            p.about {
                (page.offset(stop.source.at)) " – "
                @match &stop.ended_by {
                    Some(end) => (page.offset(end.at)),
                    None => @match stop.until {
                        Some(until) => (until.format("%Y-%m-%d %H:%M UTC").to_string()),
                        None => (w.never_ended),
                    },
                }
                " · "
                @if stop.ran_inside.is_empty() { (w.nothing_inside) } @else {
                    span.tag.bad { (count(w.inside, stop.ran_inside.len())) }
                    @for ran in &stop.ran_inside { " " (page.event(ran.seq)) }
                }
            }
        }
    }
}

fn refused_row(page: &Page<'_>, refusal: &ControlRefusal) -> Markup {
    html! {
        li {
            p {
                @if let Some(effect) = &refusal.effect { b { (page.event_name(effect)) } ": " }
                (page.code(refusal.source.error_code.as_deref().unwrap_or("refused")))
                @if let Some(by) = &refusal.switched_by { " (" (said(by)) ")" }
            }
            p.about { (page.source(&refusal.source)) }
        }
    }
}

fn human_act(page: &Page<'_>, act: &HumanAct) -> Markup {
    html! {
        li {
            p {
                b { (page.event_name(&act.event_type)) }
                @if let Some(by) = &act.by {
                    ", " (page.words.by) " " (page.person(Some(by), act.how.as_deref(), act.source.seq))
                }
                @if let Some(reason) = act.reason.as_deref().filter(|reason| !is_masked(reason)) { ": " (said(reason)) }
            }
            p.about { (page.source(&act.source)) }
        }
    }
}

fn told(page: &Page<'_>, recipient: &Recipient) -> Markup {
    use crate::pack::sections::DisclosureVerdict as D;
    let w = page.words;
    let (tone, what) = match recipient.verdict {
        D::NotNeeded => ("good", w.not_needed),
        D::DeliveredBefore => ("good", w.delivered_before),
        D::SentBefore => ("", w.sent_before),
        D::Elsewhere => ("", w.elsewhere),
        D::NotCheckable => ("", w.unknown),
        D::Later => ("bad", w.later),
        D::Never => ("bad", w.never),
    };
    let text = recipient.disclosures.first().and_then(|disclosure| disclosure.message.as_ref());
    let text =
        text.and_then(|message| message.text.as_deref()).and_then(|text| text.lines().next());
    html! {
        li {
            p {
                b { (page.code(recipient.role)) }
                @if let Some(vendor) = &recipient.vendor_id { " " (said(vendor)) }
                " " span class={ "tag " (tone) } { (what) }
            }
            @if let Some(text) = text { p { "“" (said_or(Some(text), "")) "”" } }
            p.about { (english(&recipient.why)) }
        }
    }
}
