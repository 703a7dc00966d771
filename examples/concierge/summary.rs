//! The summary of all plays, counted from the trail.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::time::Duration;

use moltbot_audit::record::StoredRecord;
use serde_json::Value;

use super::simulation::terminal::{Look, Paint};

type Counts = BTreeMap<String, usize>;

/// Sums over requests.
#[derive(Default)]
pub(crate) struct Summary {
    events: usize,
    /// Requests by their state.
    states: Counts,
    admitted: usize,
    /// Effects that were admitted, by how they ended.
    ended: Counts,
    /// Effects that were not admitted, by reason.
    refused: Counts,
    replayed: usize,
    /// Packs that were exported and verified.
    pub(crate) packs: usize,
}

impl Summary {
    /// Counts a request's whole trail.
    pub(crate) fn add(&mut self, trail: &[StoredRecord]) {
        self.events += trail.len();
        let mut admitted = HashSet::new();
        let mut state = "no state".to_owned();
        for record in trail {
            let text = |part: &Option<Value>, member: &str| {
                Some(part.as_ref()?.get(member)?.as_str()?.to_owned())
            };
            match record.header.event_type.as_str() {
                "effect.admitted" => admitted.extend(text(&record.input, "effect_id")),
                "effect.refused" => {
                    let code = record.header.error_code.as_deref().unwrap_or("no code");
                    *self.refused.entry(code.to_owned()).or_default() += 1;
                }
                "effect.replayed" => self.replayed += 1,
                "request.state_changed" if record.header.outcome == "succeeded" => {
                    let to = |part| text(part, "to_state");
                    state = to(&record.output).or_else(|| to(&record.input)).unwrap_or(state);
                }
                _ => {}
            }
        }
        self.admitted += admitted.len();
        for record in trail.iter().filter(|one| admitted.contains(&one.header.id.to_string())) {
            *self.ended.entry(record.header.outcome.clone()).or_default() += 1;
        }
        *self.states.entry(state).or_default() += 1;
    }

    /// The closing lines. `took` is how long all plays took, if it is to be shown.
    pub(crate) fn told(&self, took: Option<Duration>, paint: Paint) -> String {
        let requests = self.states.values().sum::<usize>();
        let refused = self.refused.values().sum::<usize>();
        let succeeded = self.ended.get("succeeded").copied().unwrap_or_default();
        let mut lines = paint.paint(Look::Strong, "Summary");
        let mut line = |label: &str, text: String| {
            let _written = write!(lines, "\n  {label:<10}{text}");
        };
        line("requests", format!("{requests}: {}", listed(&self.states)));
        let rate = took.map(|took| {
            let pace = self.events as u128 * 1_000 / took.as_millis().max(1);
            format!(" in {:.1} s, {pace} a second", took.as_secs_f64())
        });
        line("events", format!("{}{}", self.events, rate.unwrap_or_default()));
        let share = percent(succeeded, self.admitted);
        line(
            "effects",
            format!("{} admitted: {}; {share} succeeded", self.admitted, listed(&self.ended)),
        );
        let look = if refused == 0 { Look::Good } else { Look::Warn };
        let why = if refused == 0 { String::new() } else { format!(": {}", listed(&self.refused)) };
        line("refused", paint.paint(look, &format!("{refused}{why}")));
        if self.replayed > 0 {
            line("replayed", format!("{}: answered from the record", self.replayed));
        }
        if self.packs > 0 {
            let packs = format!("{} exported, each verified", self.packs);
            line("packs", paint.paint(Look::Good, &packs));
        }
        lines
    }
}

fn listed(counts: &Counts) -> String {
    if counts.is_empty() {
        return "none".to_owned();
    }
    counts.iter().map(|(what, count)| format!("{count} {what}")).collect::<Vec<_>>().join(", ")
}

fn percent(part: usize, whole: usize) -> String {
    let thousandths = (part * 1_000).checked_div(whole);
    thousandths.map_or("none".to_owned(), |all| format!("{}.{} %", all / 10, all % 10))
}
