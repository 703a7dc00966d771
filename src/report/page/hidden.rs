//! What is hidden from this reader, by which rule, and what that means.

use maud::{Markup, html};

use super::Page;
use super::structured::structured;
use crate::redact::Additions;
use crate::report::text::{count, said};
use crate::report::words::record;

pub(in crate::report) fn section(page: &Page<'_>) -> Markup {
    let (w, pack) = (page.words, page.pack);
    let what =
        if pack.profile.name == "external" { w.external_copy_why } else { w.internal_copy_why };
    html! {
        section aria-labelledby="h-hidden" {
            h2 #h-hidden { (w.hidden) }
            p { (what) " " (w.hidden_why) }
            @match pack.sections.redactions.content() {
                None => p.none { (w.nothing_hidden) },
                Some(rules) => dl.rules {
                    @for (rule, number) in rules {
                        dt { (page.code(rule)) }
                        dd {
                            (count(w.values, usize::try_from(*number).unwrap_or(usize::MAX)))
                            @if let Some(why) = record::of(record::RULES, rule, page.language) { ": " (why) }
                        }
                    }
                },
            }
            @if pack.profile.additions != Additions::default() { p { (w.additions) } pre tabindex="0" { (super::json(&pack.profile.additions)) } }
        }
        (page.part("erased", w.erasures, &pack.sections.erasures, |found| structured(page, found)))
        @if !pack.set_aside.is_empty() {
            section aria-labelledby="h-aside" {
                h2 #h-aside { (w.set_aside) }
                ul.rows { @for event in &pack.set_aside {
                    li #{ "e" (event.seq) } { p { (w.event) " " (event.seq) ": " (said(&event.reason.to_string())) } }
                } }
            }
        }
    }
}
