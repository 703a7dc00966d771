//! Charts as inline SVG: sizes are attributes, because the page's policy allows no inline styles.

use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::Page;
use super::step::{Lane, Step};
use crate::event::payload::ScoreFactor;
use crate::report::text::{fill, said_or, span};

const WIDTH: f64 = 1000.0;
const LEFT: f64 = 130.0;
const LANE: f64 = 34.0;
const TICKS: i32 = 5;

/// Who did what when, over the whole request. The list below it says the same in words.
pub(in crate::report) fn lanes(page: &Page<'_>, steps: &[Step<'_>]) -> Markup {
    let at = |step: &Step<'_>| step.event.header.created_at;
    let (first, last) = (steps.iter().map(at).min(), steps.iter().map(at).max());
    let (Some(first), Some(last)) = (first, last) else { return html! {} };
    let height = LANE * 5.0 + 28.0;
    let about = fill(page.words.chart, &[&steps.len(), &span(first, last)]);
    html! {
        svg.lanes viewBox={ "0 0 " (WIDTH) " " (height) } role="img" aria-label=(about) {
            @for (row, lane) in (0_u8..).zip(Lane::ALL) {
                text x="0" y=(f64::from(row) * LANE + 24.0) { (lane.name(page)) }
                line x1=(LEFT) x2=(WIDTH) y1=(f64::from(row) * LANE + 20.0) y2=(f64::from(row) * LANE + 20.0) {}
            }
            @for tick in 0..=TICKS {
                text.tick x=(place(tick_time(first, last, tick), first, last)) y=(height - 4.0) {
                    (span(first, tick_time(first, last, tick)))
                }
            }
            @for step in steps { (mark(page, step, first, last)) }
        }
    }
}

fn mark(page: &Page<'_>, step: &Step<'_>, first: DateTime<Utc>, last: DateTime<Utc>) -> Markup {
    let row = Lane::ALL.iter().zip(0_u8..).find(|(lane, _)| **lane == step.lane);
    let y = f64::from(row.map_or(0, |(_, row)| row)) * LANE + 11.0;
    let header = &step.event.header;
    let took = chrono::TimeDelta::milliseconds(header.duration_ms.unwrap_or(0).into());
    let (x, end) =
        (place(header.created_at, first, last), place(header.created_at + took, first, last));
    let width = (end - x).clamp(6.0, (WIDTH - x).max(6.0));
    let kind = if header.outcome == "succeeded" { "mark" } else { "mark failed" };
    html! {
        rect class={ (kind) " " (step.lane.class()) } x=(tenths(x)) y=(y) width=(tenths(width)) height="18" rx="3" {
            title { (page.event_word(&header.event_type)) " (" (step.event.seq) ")" }
        }
    }
}

fn tick_time(first: DateTime<Utc>, last: DateTime<Utc>, tick: i32) -> DateTime<Utc> {
    first + (last - first) * tick / TICKS
}

fn place(at: DateTime<Utc>, first: DateTime<Utc>, last: DateTime<Utc>) -> f64 {
    let share = (at - first).as_seconds_f64() / (last - first).as_seconds_f64().max(1.0);
    tenths(LEFT + 8.0 + share.clamp(0.0, 1.0) * (WIDTH - LEFT - 40.0))
}

fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

/// The points of one vendor, factor by factor: gains to one side, losses to the other, all on one scale.
pub(in crate::report) fn factors(page: &Page<'_>, factors: &[ScoreFactor], most: f64) -> Markup {
    let scale = 200.0 / most.max(1.0);
    html! {
        ul.factors {
            @for factor in factors {
                li {
                    span.what { (said_or(factor.description.as_deref(), &factor.code)) }
                    svg.factor viewBox="-200 0 400 12" preserveAspectRatio="none" aria-hidden="true" {
                        line x1="0" x2="0" y1="0" y2="12" {}
                        rect class=(if factor.score_delta < 0.0 { "loss" } else { "gain" })
                            x=(tenths((factor.score_delta * scale).clamp(-200.0, 0.0))) y="2" height="8"
                            width=(tenths((factor.score_delta.abs() * scale).min(200.0))) {}
                    }
                    b { (points(page, factor.score_delta)) }
                }
            }
        }
    }
}

/// Points with their sign.
fn points(_page: &Page<'_>, delta: f64) -> String {
    if delta < 0.0 { format!("−{}", -delta) } else { format!("+{delta}") }
}

/// How much of a limit was used: a bar, with the numbers beside it.
pub(in crate::report) fn meter(used: i64, limit: i64) -> Markup {
    // A bar shows a share, so rounding does no harm.
    let share = |number: i64| u32::try_from(number.max(0)).map_or(f64::from(u32::MAX), f64::from);
    let width = tenths((share(used) / share(limit).max(1.0) * 200.0).clamp(0.0, 200.0));
    let class = if used > limit { "over" } else { "used" };
    html! {
        svg.meter viewBox="0 0 200 10" preserveAspectRatio="none" aria-hidden="true" {
            rect.track x="0" y="0" width="200" height="10" {}
            rect class=(class) x="0" y="0" width=(width) height="10" {}
        }
    }
}
