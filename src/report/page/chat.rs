//! Messages: with the client as a chat, and with each vendor.

use maud::{Markup, html};

use super::{Page, shop};
use crate::pack::sections::{Delivery, Message, Outreach, Outreaches, Reply};
use crate::report::text::{count, grouped, said, said_or};

/// Messages that are shown at once.
const MESSAGES_MAX: usize = 80;

pub(in crate::report) fn section(page: &Page<'_>) -> Markup {
    let sections = &page.pack.sections;
    let w = page.words;
    html! {
        (page.part("chat", w.conversation, &sections.conversation, |messages| chat(page, messages)))
        (page.part("vendors", w.with_vendors, &sections.vendor_outreach, |found| vendors(page, found)))
    }
}

fn chat(page: &Page<'_>, messages: &[Message]) -> Markup {
    let (first, rest) = messages.split_at(messages.len().min(MESSAGES_MAX));
    html! {
        ol.chat { @for message in first { (bubble(page, message)) } }
        @if !rest.is_empty() {
            details.more {
                summary { (page.words.more) " (" (rest.len()) ")" }
                ol.chat start=(first.len() + 1) { @for message in rest { (bubble(page, message)) } }
            }
        }
    }
}

fn bubble(page: &Page<'_>, message: &Message) -> Markup {
    let w = page.words;
    let is_out = message.direction == "outbound";
    html! {
        li.(if is_out { "out" } else { "in" }) {
            p.who { (writer(page, message)) }
            p.text dir="auto" {
                @match (&message.text, &message.button_id, &message.media_id) {
                    (Some(text), ..) => (said(text)),
                    (None, Some(button), _) => { (w.pressed) " “" (said(button)) "”" },
                    (None, None, Some(_)) => { (w.sent_a) " " (page.code(message.message_type.as_deref().unwrap_or("file"))) },
                    (None, None, None) => { em { (w.text_not_shown) } },
                }
            }
            p.about {
                (page.source(&message.source))
                @if is_out { " · " (delivery(page, message.delivery.as_ref(), &message.source.outcome)) }
                @if message.duplicate { " · " (w.duplicate) }
            }
        }
    }
}

fn writer(page: &Page<'_>, message: &Message) -> &'static str {
    let w = page.words;
    match (message.direction, message.actor.as_str()) {
        ("inbound", _) => w.lanes[0],
        (_, "admin") => w.a_person,
        (_, "moltbot") => w.lanes[1],
        _ => w.the_bot,
    }
}

/// How far a message came.
fn delivery(page: &Page<'_>, delivery: Option<&Delivery>, outcome: &str) -> Markup {
    let w = page.words;
    html! {
        @if outcome != "succeeded" { span.tag.bad { (page.code(outcome)) } } @else {
            @match delivery.and_then(|delivery| delivery.status) {
                None => (w.delivery_unknown),
                Some("failed") => span.tag.bad { (w.not_delivered) },
                Some(status) => (page.code(status)),
            }
        }
    }
}

fn vendors(page: &Page<'_>, outreaches: &Outreaches) -> Markup {
    let w = page.words;
    html! {
        ul.rows { @for outreach in &outreaches.sent { (vendor(page, outreach)) } }
        @if !outreaches.unmatched_replies.is_empty() {
            h3 { (count(w.unmatched_replies, outreaches.unmatched_replies.len())) }
            ul.rows { @for answer in &outreaches.unmatched_replies { li { (reply(page, answer)) } } }
        }
    }
}

fn vendor(page: &Page<'_>, outreach: &Outreach) -> Markup {
    let w = page.words;
    html! {
        li {
            h3 { (said(shop(outreach.vendor_name.as_deref(), &outreach.vendor_id))) }
            p.about { (page.event(outreach.source.seq)) }
            details {
                summary {
                    (w.was_asked) " " (page.offset(outreach.source.at)) " · "
                    (delivery(page, outreach.delivery.as_ref(), &outreach.source.outcome))
                }
                p.text dir="auto" { (said_or(outreach.text.as_deref(), w.text_not_shown)) }
            }
            @for answer in &outreach.replies { (reply(page, answer)) }
            @if outreach.replies.is_empty() { p.about { (w.no_reply) } }
        }
    }
}

fn reply(page: &Page<'_>, reply: &Reply) -> Markup {
    let w = page.words;
    html! {
        blockquote {
            p dir="auto" { (said_or(reply.text.as_deref(), w.text_not_shown)) }
            p.about {
                (w.understood) ": "
                (page.code(reply.availability.as_deref().unwrap_or("unclear")))
                @if let Some(price) = reply.price_min { ", " (grouped(price)) }
                @if let Some(price) = reply.price_max { @if reply.price_min != Some(price) { " – " (grouped(price)) } }
                @if reply.price_min.is_some() { " RWF" }
                @if let Some(confidence) = reply.confidence { ", " (w.confidence) " " (confidence) }
                " · " (page.source(&reply.source))
                @if reply.post_handoff { " · " (w.after_handoff) }
            }
            @for warning in &reply.warnings { p.about { "! " (page.code(warning)) } }
        }
    }
}
