//! Matches lines of a bill with calls.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::line::{BillLine, Field, TOKENS};
use super::read::Bill;
use super::report::BillReconciled;
use crate::event::{Aspect, EventType, FindingCode, Outcome, Subject};
use crate::reconcile::trail::text;
use crate::reconcile::{Finding, Side};
use crate::record::StoredRecord;

/// How far a provider's time may be from ours.
const CLOCKS_DIFFER_MAX: TimeDelta = TimeDelta::minutes(5);
/// Costs are the same if they are as near as this: one of the two may have been rounded.
const COST_MARGIN: i64 = 1;

/// A call of a model, as the trail has it.
#[derive(Clone, Debug)]
pub(super) struct ModelCall {
    request_id: Option<Uuid>,
    event_id: Uuid,
    /// When it began, and when it ended.
    began_at: DateTime<Utc>,
    ended_at: DateTime<Utc>,
    response_id: Option<String>,
    model: Option<String>,
    tokens: [Option<i64>; 5],
    cost_microusd: Option<i64>,
    /// Whether it certainly reached the provider.
    has_succeeded: bool,
}

impl ModelCall {
    /// Reads a call of Moltbot, or another event that names the provider's answer.
    pub(super) fn of(record: &StoredRecord) -> Option<Self> {
        let header = &record.header;
        let output = record.output.as_ref();
        let response_id = text(output, "response_id");
        let is_call = header.is(&EventType::MOLTBOT_CALLED);
        if (!is_call && response_id.is_none()) || header.outcome == Outcome::Refused.as_str() {
            return None;
        }
        let number = |name: &str| output?.get(name)?.as_i64().filter(|number| *number >= 0);
        let took = TimeDelta::milliseconds(header.duration_ms.unwrap_or_default().into());
        Some(Self {
            request_id: header.request_id,
            event_id: header.id,
            began_at: header.created_at,
            ended_at: header.created_at.checked_add_signed(took).unwrap_or(header.created_at),
            response_id,
            model: text(output, "model").or_else(|| text(record.input.as_ref(), "model")),
            tokens: TOKENS.map(|(_, name)| number(name)),
            cost_microusd: number("cost_microusd"),
            has_succeeded: header.outcome == Outcome::Succeeded.as_str(),
        })
    }

    fn finding(&self, code: FindingCode) -> Finding {
        let finding = Finding::new(code, Subject::ModelCall).event(self.event_id);
        Finding { request_id: self.request_id, ..finding }
    }

    /// Whether a line fits by time and by the tokens of input and output, all of which must be known.
    fn fits(&self, line: &BillLine) -> bool {
        let Some(time) = line.time.value() else { return false };
        let is_near =
            self.began_at - CLOCKS_DIFFER_MAX <= time && time <= self.ended_at + CLOCKS_DIFFER_MAX;
        let [input, _, _, output, _] = [0, 1, 2, 3, 4].map(|kind: usize| {
            self.tokens[kind].is_some() && self.tokens[kind] == line.tokens[kind].value()
        });
        is_near && input && output
    }
}

/// The lines of a bill, and which calls they are for.
pub(super) struct Matching<'a> {
    bill: &'a Bill,
    period: (DateTime<Utc>, DateTime<Utc>),
    by_id: HashMap<&'a str, usize>,
    is_matched: Vec<bool>,
    /// Calls that no line names.
    pending: Vec<ModelCall>,
    /// Lines that repeat the id of another.
    repeated: Vec<usize>,
}

impl<'a> Matching<'a> {
    pub(super) fn new(bill: &'a Bill, period: (DateTime<Utc>, DateTime<Utc>)) -> Self {
        let (mut by_id, mut repeated) = (HashMap::new(), Vec::new());
        for (at, line) in bill.lines.iter().enumerate() {
            let Some(id) = &line.id else { continue };
            if by_id.contains_key(id.as_str()) {
                repeated.push(at);
            } else {
                by_id.insert(id.as_str(), at);
            }
        }
        let is_matched = vec![false; bill.lines.len()];
        Self { bill, period, by_id, is_matched, pending: Vec::new(), repeated }
    }

    pub(super) fn take(
        &mut self,
        call: ModelCall,
        report: &mut BillReconciled,
        on_finding: &mut impl FnMut(Finding),
    ) {
        if self.is_in(call.began_at) {
            report.calls += 1;
            let cost = call.cost_microusd.unwrap_or_default();
            report.recorded_microusd = report.recorded_microusd.saturating_add(cost);
        }
        let line = call.response_id.as_deref().and_then(|id| self.by_id.get(id).copied());
        match line {
            // Two events may report one answer.
            Some(at) if self.is_matched[at] => {}
            Some(at) => {
                self.is_matched[at] = true;
                report.matched_by_id += 1;
                compare(&call, &self.bill.lines[at], report, on_finding);
            }
            None => self.pending.push(call),
        }
    }

    pub(super) fn finish(
        mut self,
        report: &mut BillReconciled,
        on_finding: &mut impl FnMut(Finding),
    ) {
        for at in std::mem::take(&mut self.repeated) {
            self.is_matched[at] = true;
            let twice = Finding::new(FindingCode::BilledTwice, Subject::BillLine);
            report.add(Finding { line: Some(self.bill.lines[at].number), ..twice }, on_finding);
        }
        self.by_time(report, on_finding);
        for number in &self.bill.unreadable {
            let lost = Finding::new(FindingCode::Unreadable, Subject::BillLine);
            report.add(Finding { line: Some(*number), ..lost.other(Side::Unreadable) }, on_finding);
        }
        for (line, is_matched) in self.bill.lines.iter().zip(&self.is_matched) {
            self.left(line, *is_matched, report, on_finding);
        }
    }

    /// Matches what no id matches, earliest call first.
    fn by_time(&mut self, report: &mut BillReconciled, on_finding: &mut impl FnMut(Finding)) {
        let mut pending = std::mem::take(&mut self.pending);
        pending.sort_by_key(|call| (call.began_at, call.event_id));
        // By time, so that each call looks at the lines near it only.
        let mut lines: Vec<(DateTime<Utc>, usize)> = self
            .bill
            .lines
            .iter()
            .enumerate()
            .filter(|(at, _)| !self.is_matched[*at])
            .filter_map(|(at, line)| Some((line.time.value()?, at)))
            .collect();
        lines.sort_unstable();
        for call in pending {
            let first =
                lines.partition_point(|(time, _)| *time < call.began_at - CLOCKS_DIFFER_MAX);
            let near = lines[first..].iter();
            let near = near.take_while(|(time, _)| *time <= call.ended_at + CLOCKS_DIFFER_MAX);
            let fitting: Vec<usize> = near
                .map(|(_, at)| *at)
                .filter(|at| !self.is_matched[*at] && call.fits(&self.bill.lines[*at]))
                .collect();
            let Some(at) = fitting.first().copied() else {
                if call.has_succeeded && self.is_well_in(call.began_at) {
                    report.add(call.finding(FindingCode::MissingInBill), on_finding);
                }
                continue;
            };
            self.is_matched[at] = true;
            report.matched_by_time += 1;
            let line = &self.bill.lines[at];
            if fitting.len() > 1 {
                let uncertain = call.finding(FindingCode::Uncertain);
                let uncertain = uncertain.other(Side::count(fitting.len()));
                report.add(Finding { line: Some(line.number), ..uncertain }, on_finding);
            }
            compare(&call, line, report, on_finding);
        }
    }

    fn left(
        &self,
        line: &BillLine,
        is_matched: bool,
        report: &mut BillReconciled,
        on_finding: &mut impl FnMut(Finding),
    ) {
        let time = line.time.value();
        if time.is_some_and(|time| self.is_in(time)) || (time.is_none() && is_matched) {
            report.lines += 1;
            let cost = line.cost_microusd.value().unwrap_or_default();
            report.billed_microusd = report.billed_microusd.saturating_add(cost);
        }
        if is_matched {
            return;
        }
        let finding = match time {
            Some(time) if self.is_well_in(time) => {
                Finding::new(FindingCode::MissingInTrail, Subject::BillLine).other(Side::Time(time))
            }
            Some(_) => return,
            // Nobody knows whether it is of this period.
            None => {
                let unreadable = Finding::new(FindingCode::Unreadable, Subject::BillLine);
                let unreadable = unreadable.other(Side::Unreadable);
                Finding { aspect: Some(Aspect::Time), ..unreadable }
            }
        };
        report.add(Finding { line: Some(line.number), ..finding }, on_finding);
    }

    fn is_in(&self, time: DateTime<Utc>) -> bool {
        self.period.0 <= time && time < self.period.1
    }

    /// Whether a time is so far from the ends of the period that the other side's is in it too.
    fn is_well_in(&self, time: DateTime<Utc>) -> bool {
        self.period.0 + CLOCKS_DIFFER_MAX <= time && time < self.period.1 - CLOCKS_DIFFER_MAX
    }
}

fn compare(
    call: &ModelCall,
    line: &BillLine,
    report: &mut BillReconciled,
    on_finding: &mut impl FnMut(Finding),
) {
    let mut found = |aspect, trail: Option<i64>, other: Field<i64>, margin: i64| {
        let trail_side = trail.map_or(Side::Absent, Side::integer);
        let (code, other) = match (trail, other) {
            (_, Field::Unreadable) => (FindingCode::Unreadable, Side::Unreadable),
            (Some(trail), Field::Value(other)) if trail.abs_diff(other) > margin.unsigned_abs() => {
                (FindingCode::Differs, Side::integer(other))
            }
            (Some(_), Field::Value(_)) => return,
            // What one side does not say is unknown, and not 0.
            _ => return report.unknown += 1,
        };
        let finding = call.finding(code).trail(trail_side).other(other);
        let finding = Finding { aspect: Some(aspect), line: Some(line.number), ..finding };
        report.add(finding, on_finding);
    };
    for (kind, (aspect, _)) in TOKENS.iter().enumerate() {
        found(*aspect, call.tokens[kind], line.tokens[kind], 0);
    }
    found(Aspect::Cost, call.cost_microusd, line.cost_microusd, COST_MARGIN);
    if let (Some(said), Some(billed)) = (&call.model, &line.model)
        && said != billed
    {
        // Names of models are the provider's, so neither is shown.
        let other = call.finding(FindingCode::Differs).warning();
        let other = other.trail(Side::Unlisted).other(Side::Unlisted);
        let finding = Finding { aspect: Some(Aspect::Model), line: Some(line.number), ..other };
        report.add(finding, on_finding);
    }
}
