//! The shortlist with its reasons, and why the others are not on it.

use maud::{Markup, html};

use super::chart::factors;
use super::{Page, shop};
use crate::event::payload::ShortlistItem;
use crate::pack::sections::{Explanation, Shortlist, Shortlists, Stage, VendorStory};
use crate::report::text::{grouped, said, said_or};

pub(in crate::report) fn section(page: &Page<'_>) -> Markup {
    let w = page.words;
    let sections = &page.pack.sections;
    html! {
        (page.part("shortlist", w.why_these, &sections.shortlist, |found| cards(page, found)))
        @if let Some(explanation) = sections.explanation.content() { (others(page, explanation)) }
    }
}

fn cards(page: &Page<'_>, shortlists: &Shortlists) -> Markup {
    let w = page.words;
    let Some(last) = shortlists.shortlists.last() else {
        return html! { p.none { (w.no_shortlist) } };
    };
    let points = last.items.iter().flat_map(|item| &item.factors);
    let most = points.map(|factor| factor.score_delta.abs()).fold(1.0, f64::max);
    let order = page.pack.sections.explanation.content().and_then(|found| found.orders.last());
    html! {
        @if let Some(order) = order {
            p {
                (w.decided_by) " "
                b {
                    @match order.decided_by.as_deref() {
                        Some(by) => (page.code(by)),
                        None => (w.not_said),
                    }
                }
                ". " (page.source(&last.source))
            }
            @if !order.follows_score {
                p.finding { b { (w.not_by_score) } " " (w.not_by_score_why) }
            }
        }
        @if last.items.is_empty() { p.none { (w.empty_shortlist) } }
        ol.cards { @for (at, item) in last.items.iter().enumerate() { (card(page, at + 1, item, most)) } }
        (told(page, last))
    }
}

fn card(page: &Page<'_>, place: usize, item: &ShortlistItem, most: f64) -> Markup {
    let w = page.words;
    html! {
        li.card {
            header {
                span.place aria-hidden="true" { (place) }
                div {
                    h3 {
                        span.hidden { (place) ". " }
                        (said(shop(item.vendor_name.as_deref(), &item.vendor_id)))
                    }
                    p.about { (said_or(item.response_summary.as_deref(), "")) }
                }
                p.score { b { (item.total) } " " (w.points) }
            }
            (factors(page, &item.factors, most))
            @if let Some(price) = item.price { p { (w.price) ": " (grouped(price)) " RWF" } }
            (reasons(page, &item.vendor_id))
        }
    }
}

/// What the explanation says of a vendor, in its own words.
fn reasons(page: &Page<'_>, vendor_id: &str) -> Markup {
    let Some(explanation) = page.pack.sections.explanation.content() else { return html! {} };
    let told = explanation.text_of(vendor_id, page.language);
    html! { @for line in told.lines().skip(1) { p { (said(line.trim())) } } }
}

fn told(page: &Page<'_>, shortlist: &Shortlist) -> Markup {
    html! {
        @if let Some(text) = &shortlist.summary_text {
            p { (page.words.client_was_told) " “" (said(text)) "”" }
        }
    }
}

fn others(page: &Page<'_>, explanation: &Explanation) -> Markup {
    let w = page.words;
    let others = explanation.vendors.iter().filter(|vendor| vendor.stage != Stage::Shortlisted);
    let others: Vec<_> = others.collect();
    html! {
        section aria-labelledby="h-others" {
            h2 #h-others { (w.why_not) }
            @if others.is_empty() { p.none { (w.no_others) } } @else {
                ul.rows { @for vendor in others { (other(page, explanation, vendor)) } }
            }
            (unanswered(page, explanation))
        }
    }
}

fn other(page: &Page<'_>, explanation: &Explanation, vendor: &VendorStory) -> Markup {
    let told = explanation.text_of(&vendor.vendor_id, page.language);
    let mut lines = told.lines().map(str::trim);
    html! {
        li {
            p { (said(lines.next().unwrap_or_default())) }
            @for line in lines { p.about { (said(line)) } }
        }
    }
}

/// Parts of the explanation's text that stand nowhere else on the page: what the record cannot answer, above all.
fn unanswered(page: &Page<'_>, explanation: &Explanation) -> Markup {
    let text = explanation.text(page.language);
    let last = text.split("\n\n").last().unwrap_or_default();
    html! {
        @if !explanation.unanswered.is_empty() {
            details {
                summary { (last.lines().next().unwrap_or_default()) " (" (explanation.unanswered.len()) ")" }
                ul { @for line in last.lines().skip(1) { li { (said(line.trim())) } } }
            }
        }
    }
}
