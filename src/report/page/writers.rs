//! Which programs wrote the events: who could have changed what.

use maud::{Markup, html};

use super::{Page, is_masked};
use crate::pack::sections::WriterUse;
use crate::report::text::{count, grouped, said};

pub(in crate::report) fn section(page: &Page<'_>) -> Markup {
    let w = page.words;
    page.part("writers", w.writers, &page.pack.sections.writers, |writers| {
        html! {
            p { (w.writers_why) }
            ul.rows { @for writer in writers { (row(page, writer)) } }
        }
    })
}

fn row(page: &Page<'_>, writer: &WriterUse) -> Markup {
    let w = page.words;
    let range = writer.first_seq.zip(writer.last_seq);
    html! {
        li {
            @match &writer.said {
                None => p { b { (w.unknown_writer) } " " code { (writer.writer_id) } },
                Some(said_by) => {
                    @let said_of = &said_by.content;
                    p {
                        @match said_of.program.as_deref() {
                            Some(program) if !is_masked(program) => { b { (said(program)) } },
                            Some(_) => { b { (w.program_hidden) } " " code { (writer.writer_id) } },
                            None => { b { (w.unknown) } },
                        }
                        @for part in [&said_of.program_version, &said_of.commit].into_iter().flatten() {
                            @if !is_masked(part) { " " code { (said(part)) } }
                        }
                    }
                    details {
                        summary { (w.in_force) }
                        ul {
                            @for limit in &said_of.limits {
                                li {
                                    (page.code(limit.budget.as_deref().unwrap_or_default())) " "
                                    (page.code(limit.period.as_deref().unwrap_or_default())) ": "
                                    @match limit.limit {
                                        Some(limit) => (grouped(limit)),
                                        None => (w.unknown),
                                    }
                                }
                            }
                            @for (name, digest) in &said_of.digests {
                                li { (said(name)) ": " code { (said(digest)) } }
                            }
                        }
                    }
                },
            }
            p.about {
                (count(w.events_written, writer.events))
                @if let Some((first, last)) = range { " (" (page.event(first)) " – " (page.event(last)) ")" }
            }
        }
    }
}
