//! Limits as bars, and what was refused because of them.

use maud::{Markup, html};

use super::Page;
use super::chart::meter;
use crate::pack::sections::{BudgetUse, Budgets};
use crate::report::text::{count, fill, grouped};

pub(in crate::report) fn section(page: &Page<'_>) -> Markup {
    page.part("budgets", page.words.budgets, &page.pack.sections.budgets, |found| {
        shown(page, found)
    })
}

fn shown(page: &Page<'_>, budgets: &Budgets) -> Markup {
    let w = page.words;
    let counts = &budgets.counts;
    html! {
        ul.meters { @for used in &budgets.usage { (bar(page, used)) } }
        p {
            (count(w.effects_admitted, counts.admitted)) ": "
            (fill(w.effects_ended, &[&counts.done, &counts.failed, &counts.voided, &counts.in_doubt]))
        }
        @if !budgets.refusals.is_empty() {
            h3 { (w.refused_by_limit) }
            ul.rows {
                @for refusal in &budgets.refusals {
                    li {
                        p {
                            @if let Some(effect) = &refusal.effect { b { (page.event_name(effect)) } ": " }
                            @match (&refusal.budget, refusal.elapsed_ms) {
                                (Some(budget), _) => (page.code(budget)),
                                (None, Some(_)) => (w.time_over),
                                (None, None) => (page.code(refusal.source.error_code.as_deref().unwrap_or(""))),
                            }
                            @if let (Some(used), Some(limit)) = (refusal.used, refusal.limit) {
                                " (" (fill(w.of, &[&grouped(used), &grouped(limit)])) ")"
                            }
                        }
                        p.about { (page.source(&refusal.source)) }
                    }
                }
            }
        }
        @if !budgets.outside.is_empty() { p.finding { (count(w.outside, budgets.outside.len())) } }
    }
}

fn bar(page: &Page<'_>, used: &BudgetUse) -> Markup {
    let w = page.words;
    let limit = used.limits.last().copied();
    html! {
        li {
            span.what { (page.code(&used.budget)) span.about { " " (page.code(used.period)) } }
            @match limit {
                Some(limit) if used.not_checkable.is_none() => {
                    (meter(used.used, limit))
                    b { (fill(w.of, &[&grouped(used.used), &grouped(limit)])) }
                },
                _ => { span {} b { (w.unknown) } },
            }
            @if used.reserved > 0 { p.about { (fill(w.reserved, &[&grouped(used.reserved)])) } }
        }
    }
}
