//! How the trail compares with the host's own tables, as of an export.
//!
//! The exporter compares, and records what it found as an event of the request (`audit.reconciled`). The section is
//! computed from that event, so it is chained and signed like everything else, and a verifier computes it again. What
//! the host's rows said is the exporter's word. What the trail says is in the pack: each finding names its event.

use std::collections::HashSet;

use serde::Serialize;
use serde_json::Value;

use super::typed_events::{OtherShape, Source, typed};
use crate::event::payload::{Reconciled, ReconciledFinding, ReconciledSide};
use crate::event::{Aspect, FindingCode, Identity, Subject, sentence};
use crate::pack::{PackEvent, Section};

/// The last comparison of the request with the host's tables.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Reconciliation {
    /// The event that records it. What was recorded after it was not compared.
    #[serde(flatten)]
    pub source: Source,
    /// How many comparisons are in the stream.
    pub comparisons: usize,
    /// Who had it compared.
    pub by: Option<Identity>,
    /// How many rows and events were found on both sides.
    pub rows_matched: Option<u64>,
    /// How many findings are errors.
    pub errors: Option<u64>,
    /// How many findings are warnings.
    pub warnings: Option<u64>,
    /// Tables and columns that could not be compared: of them, nothing was found and nothing agreed.
    pub not_checkable: Vec<String>,
    /// The findings.
    pub findings: Vec<TableFinding>,
    /// How many findings are not listed.
    pub left_out: u64,
    /// The payload as it is, if it does not have the shape of its event type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_shape: Option<OtherShape>,
}

/// One finding.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct TableFinding {
    /// What was found.
    pub code: Option<String>,
    /// `error` or `warning`.
    pub severity: Option<String>,
    /// What it is about.
    pub subject: Option<String>,
    /// In which respect the sides differ.
    pub aspect: Option<String>,
    /// The finding in one sentence.
    pub sentence: String,
    /// The event of the trail.
    pub trail_event_id: Option<String>,
    /// False if the finding names an event that is not in the stream before the comparison.
    pub is_event_known: bool,
    /// The host's row.
    pub row_id: Option<String>,
    /// What the trail says.
    pub trail: Option<Value>,
    /// What the tables said.
    pub tables: Option<Value>,
}

pub(super) fn section(events: &[PackEvent]) -> Section<Reconciliation> {
    let mut comparisons = typed::<Reconciled>(events).filter(|event| event.source.succeeded());
    let mut count = 0;
    let Some(last) = comparisons.by_ref().inspect(|_| count += 1).last() else {
        return Section::not_recorded("the host's own tables were not compared");
    };
    let before = events.iter().filter(|event| event.seq < last.source.seq);
    let known: HashSet<String> = before.map(|event| event.header.id.to_string()).collect();
    let by = last.known(last.input.by.clone());
    let findings = last.output.findings.into_iter().map(|finding| told(finding, &known));
    Section::Recorded {
        content: Reconciliation {
            findings: findings.collect(),
            source: last.source,
            comparisons: count,
            by,
            rows_matched: last.output.rows_matched,
            errors: last.output.errors_found,
            warnings: last.output.warnings_found,
            not_checkable: last.output.not_checkable,
            left_out: last.output.findings_left_out.unwrap_or_default(),
            other_shape: last.other_shape,
        },
    }
}

fn told(finding: ReconciledFinding, known: &HashSet<String>) -> TableFinding {
    let (trail, tables) = (finding.said_by_trail.as_ref(), finding.said_by_tables.as_ref());
    TableFinding {
        sentence: in_words(&finding),
        is_event_known: finding.trail_event_id.as_ref().is_none_or(|id| known.contains(id)),
        trail: trail.and_then(shown),
        tables: tables.and_then(shown),
        code: finding.finding_code,
        severity: finding.severity,
        subject: finding.subject,
        aspect: finding.aspect,
        trail_event_id: finding.trail_event_id,
        row_id: finding.row_id,
    }
}

fn in_words(finding: &ReconciledFinding) -> String {
    let code = finding.finding_code.as_deref().and_then(FindingCode::parse);
    let subject = finding.subject.as_deref().and_then(Subject::parse);
    let (Some(code), Some(subject)) = (code, subject) else {
        return "this release does not know the finding".to_owned();
    };
    let aspect = finding.aspect.as_deref().and_then(Aspect::parse);
    let side = |side: Option<&ReconciledSide>| match side.and_then(shown) {
        Some(Value::String(text)) => text,
        Some(value) => value.to_string(),
        None => "absent".to_owned(),
    };
    let sides = (side(finding.said_by_trail.as_ref()), side(finding.said_by_tables.as_ref()));
    sentence(code, subject, aspect, (&sides.0, &sides.1))
}

/// What a side says, as it is shown.
fn shown(side: &ReconciledSide) -> Option<Value> {
    let number = side.side_number.and_then(serde_json::Number::from_f64).map(Value::Number);
    let time = || {
        let time = side.side_time?.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        Some(Value::String(time))
    };
    side.side_word.clone().map(Value::String).or(number).or_else(time)
}
