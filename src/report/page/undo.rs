//! What can be undone and until when, what was undone, and what is final.

use maud::{Markup, html};

use super::{Page, english, is_masked};
use crate::event::Identity;
use crate::pack::sections::{EffectState, UndoPlan, UndoProgress, UndoStep, UndoTry};
use crate::report::text::said;

pub(in crate::report) fn section(page: &Page<'_>) -> Markup {
    page.part("reversal", page.words.undo, &page.pack.sections.reversal, |plan| shown(page, plan))
}

fn shown(page: &Page<'_>, plan: &UndoPlan) -> Markup {
    let w = page.words;
    let (settled, open): (Vec<_>, Vec<_>) =
        plan.steps.iter().partition(|step| state(step.progress).1);
    html! {
        @for undo in &plan.undos {
            p {
                (w.undo_begun) " "
                (page.person(
                    undo.by.as_ref().map(Identity::who),
                    undo.by.as_ref().map(|by| by.how().as_str()),
                    undo.source.seq,
                ))
                @if let Some(reason) = undo.reason.as_deref().filter(|reason| !is_masked(reason)) { ": " (said(reason)) }
                " · " (page.source(&undo.source))
            }
        }
        @if open.is_empty() { p { (w.undo_nothing) } } @else {
            ul.rows { @for one in open { (step(page, one)) } }
        }
        @if !settled.is_empty() {
            details.more.settled {
                summary { (w.undo_settled) " (" (settled.len()) ")" }
                ul.rows { @for one in settled { (step(page, one)) } }
            }
        }
        @for what in &plan.not_checkable { p.note { (w.unchecked) ": " (english(what)) } }
    }
}

fn step(page: &Page<'_>, step: &UndoStep) -> Markup {
    let w = page.words;
    let (at, _, tone) = state(step.progress);
    let undone_by = if step.reversal == "final" { w.undo_corrected } else { w.by };
    html! {
        li {
            p {
                b { (page.event_name(&step.event_type)) }
                @if let Some(vendor) = &step.vendor_id { " " (said(vendor)) }
                " " span class={ "tag " (tone) } { (w.undo_progress[at]) }
                @if let Some(until) = step.until { " " (w.until) " " (until.format("%Y-%m-%d %H:%M UTC")) }
            }
            p.about {
                (page.source(&step.source)) " · " (page.code(&step.reversal))
                @if let Some(by) = &step.compensation { ", " (undone_by) " “" (page.event_name(by)) "”" }
                @for (at, state) in step.way.iter().enumerate() { @if at > 0 { " → " } @else { ": " } (page.code(state)) }
            }
            p.about { (english(step.why)) }
            @for one in &step.tries { (tried(page, one)) }
        }
    }
}

fn tried(page: &Page<'_>, one: &UndoTry) -> Markup {
    let ended = page.pack.events.iter().find(|event| event.header.id == one.effect_id);
    html! {
        p.about {
            (page.words.undo_try) " " (page.offset(one.source.at)) ": "
            (page.code(word(one.state))) " · " (page.event(ended.map_or(one.source.seq, |event| event.seq)))
        }
    }
}

fn word(state: EffectState) -> &'static str {
    match state {
        EffectState::Done => "done",
        EffectState::Failed => "failed",
        EffectState::InDoubt => "in_doubt",
        EffectState::Running => "running",
        EffectState::Voided => "voided",
    }
}

/// The place of its words, whether an undo has nothing to do about it any more, and its tone.
fn state(progress: UndoProgress) -> (usize, bool, &'static str) {
    match progress {
        UndoProgress::ActInDoubt => (0, false, "bad"),
        UndoProgress::ActRunning => (1, false, ""),
        UndoProgress::Covered => (2, true, ""),
        UndoProgress::Done => (3, true, "good"),
        UndoProgress::Final => (4, true, ""),
        UndoProgress::InDoubt => (5, false, "bad"),
        UndoProgress::Late => (6, true, "bad"),
        UndoProgress::Open => (7, false, ""),
        UndoProgress::UnderWay => (8, false, ""),
    }
}
