//! The verdicts: what a reader wants to know first.

use maud::{Markup, html};

use super::{Page, Tone};
use crate::pack::sections::{BudgetVerdict, DisclosureVerdict, StopVerdict};
use crate::report::text::{count, fill, said};

struct Verdict {
    id: &'static str,
    tone: Tone,
    title: &'static str,
    why: Markup,
}

pub(in crate::report) fn list(page: &Page<'_>) -> Markup {
    let verdicts = [
        intact(page),
        complete(page),
        sealed(page),
        budget(page),
        controls(page),
        disclosure(page),
    ];
    html! {
        section aria-labelledby="h-verdicts" {
            h2.hidden #h-verdicts { (page.words.verdicts) }
            ul.verdicts {
                @for verdict in verdicts {
                    li.(verdict.tone.class()) #{ "verdict-" (verdict.id) } {
                        i aria-hidden="true" { (verdict.tone.sign()) }
                        h3 { (verdict.title) }
                        p { (verdict.why) }
                    }
                }
            }
        }
    }
}

fn intact(page: &Page<'_>) -> Verdict {
    let w = page.words;
    let (tone, title, why) = match &page.verified {
        Err(fault) => (Tone::Bad, w.not_intact, super::english(&fault.to_string())),
        Ok(found) if found.unchecked().is_empty() => {
            (Tone::Good, w.intact, html! { (count(w.intact_why, found.events())) })
        }
        Ok(found) => {
            let first = found.unchecked().first().map(ToString::to_string).unwrap_or_default();
            (Tone::Unknown, w.intact_partly, super::english(&first))
        }
    };
    Verdict { id: "intact", tone, title, why }
}

fn complete(page: &Page<'_>) -> Verdict {
    let w = page.words;
    let (aside, last) = (page.pack.set_aside.len(), page.pack.integrity.head.seq);
    let (tone, title, why) = match &page.verified {
        Err(_) => (Tone::Unknown, w.complete_unknown, html! { (w.complete_unknown_why) }),
        Ok(_) if aside > 0 => {
            (Tone::Warning, w.complete_aside, html! { (count(w.complete_aside_why, aside)) })
        }
        Ok(_) => (Tone::Good, w.complete, html! { (fill(w.complete_why, &[&last])) }),
    };
    Verdict { id: "complete", tone, title, why }
}

fn sealed(page: &Page<'_>) -> Verdict {
    let w = page.words;
    let names = signers(page);
    let (tone, title, why) = if names.is_empty() {
        (Tone::Unknown, w.unsigned, html! { (w.unsigned_why) })
    } else {
        (Tone::Unknown, w.signed, html! { (w.signed_why) " " (said(&names.join(", "))) })
    };
    Verdict { id: "sealed", tone, title, why }
}

/// Who signed the pack, as its note claims: names of keys.
pub(in crate::report) fn signers(page: &Page<'_>) -> Vec<String> {
    #[cfg(feature = "signatures")]
    if let Some(note) = &page.pack.signed_note {
        return note.signatures().iter().map(|by| format!("{}+{}", by.name(), by.id())).collect();
    }
    let _: &Page<'_> = page;
    Vec::new()
}

fn budget(page: &Page<'_>) -> Verdict {
    let w = page.words;
    let check = page.pack.sections.budgets.content().map(|budgets| &budgets.check);
    let (tone, title, why) = match check {
        None => (Tone::Good, w.within, html! { (w.no_effects) }),
        Some(BudgetVerdict::WithinLimits { admitted, outside: 0 }) => {
            (Tone::Good, w.within, html! { (count(w.within_why, *admitted)) })
        }
        Some(BudgetVerdict::WithinLimits { outside, .. }) => {
            (Tone::Warning, w.within_outside, html! { (count(w.within_outside_why, *outside)) })
        }
        Some(BudgetVerdict::Passed { seq, budget, used, amount, limit, .. }) => {
            let why = html! {
                (page.code(budget)) ": " (used) " + " (amount) " > " (limit) ", " (page.event(*seq))
            };
            (Tone::Bad, w.passed_limit, why)
        }
        Some(BudgetVerdict::NotCheckable { seq, .. }) => (
            Tone::Unknown,
            w.budget_unknown,
            html! { (w.budget_unknown_why) " " (page.event(*seq)) },
        ),
    };
    Verdict { id: "budget", tone, title, why }
}

fn controls(page: &Page<'_>) -> Verdict {
    let w = page.words;
    let check = page.pack.sections.controls.content().map(|controls| &controls.check);
    let (tone, title, why) = match check {
        None | Some(StopVerdict::NothingRan { stops: 0 }) => {
            (Tone::Good, w.controls, html! { (w.no_stop_why) })
        }
        Some(StopVerdict::NothingRan { stops }) => {
            (Tone::Good, w.controls, html! { (count(w.nothing_ran_why, *stops)) })
        }
        Some(StopVerdict::RanInside { seq, .. }) => {
            (Tone::Bad, w.ran_inside, html! { (w.ran_inside_why) " " (page.event(*seq)) })
        }
        Some(StopVerdict::NotCheckable { .. }) => {
            (Tone::Unknown, w.controls_unknown, html! { (w.controls_unknown_why) })
        }
    };
    Verdict { id: "controls", tone, title, why }
}

fn disclosure(page: &Page<'_>) -> Verdict {
    use DisclosureVerdict as D;
    let w = page.words;
    let verdict = page.pack.sections.ai_disclosure.content().map(|disclosure| disclosure.verdict);
    let (tone, title, why) = match verdict {
        None | Some(D::NotNeeded) => (Tone::Good, w.disclosed, w.not_needed_why),
        Some(D::DeliveredBefore) => (Tone::Good, w.disclosed, w.delivered_before_why),
        Some(D::SentBefore) => (Tone::Warning, w.disclosed_sent, w.sent_before_why),
        Some(D::Elsewhere) => (Tone::Unknown, w.disclosed_elsewhere, w.elsewhere_why),
        Some(D::NotCheckable) => (Tone::Unknown, w.disclosed_unknown, w.disclosed_unknown_why),
        Some(D::Later) => (Tone::Bad, w.disclosed_late, w.later_why),
        Some(D::Never) => (Tone::Bad, w.never_disclosed, w.never_why),
    };
    Verdict { id: "disclosure", tone, title, why: html! { (why) } }
}
