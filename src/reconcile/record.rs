//! Records that the two sides were compared, and exports a pack that says so.

use chrono::{DateTime, Utc};

use super::{Finding, ReconcileError, Reconciled, Side, reconcile_request};
use crate::auditor::{Auditor, RecordError};
use crate::event::payload::{
    self, ReconciledFinding, ReconciledInput, ReconciledOutput, ReconciledSide,
};
use crate::event::{Actor, AuditEvent, Identity, RequestId};
use crate::pack::{RequestPack, export_recorded};
use crate::record::Recorded;
use crate::redact::Profile;
use crate::store::{AuditStore, HostRecords, NotCheckable};

/// Most findings that an event lists.
const FINDINGS_MAX: usize = 100;

/// Records what a comparison of a period found, in the system's stream. The gauge `audit_unreconciled_findings` shows
/// the last one, in every process.
///
/// `by` says who had it compared. A text is a merely claimed identity.
///
/// # Errors
/// As [`Auditor::record`].
pub async fn record_reconciled(
    auditor: &Auditor,
    (from, before): (DateTime<Utc>, DateTime<Utc>),
    report: &Reconciled,
    by: impl Into<Identity>,
) -> Result<Recorded, RecordError> {
    let input = ReconciledInput {
        period_from: Some(from),
        period_before: Some(before),
        by: Some(by.into().said_by_host()),
        ..Default::default()
    };
    // The findings are in the report. Each request's are recorded when its pack is exported.
    record(auditor, None, &input, &output(report, &[])).await
}

/// Compares a request with the host's tables, records what was found, and exports the pack with it in it.
///
/// The pack's section `reconciliation` then shows what the host's rows said. The export itself is recorded too, as by
/// [`export_recorded`].
///
/// # Errors
/// [`ReconcileError::UnknownRequest`] if neither side knows the request, [`ReconcileError::NotRecorded`] if the
/// comparison could not be recorded, else as a database or the export fails.
pub async fn export_reconciled(
    auditor: &Auditor,
    store: &dyn AuditStore,
    host: &dyn HostRecords,
    request: &RequestId,
    profile: &Profile,
    by: impl Into<Identity>,
) -> Result<RequestPack, ReconcileError> {
    let by = by.into();
    let (report, findings) = reconcile_request(store, host, request, auditor.now()).await?;
    // Recording would create the stream of a request of which only the host has a row.
    if store.head(request.into()).await?.is_some() {
        let by = Some(by.clone().said_by_host());
        let input = ReconciledInput { by, ..Default::default() };
        let output = output(&report, &findings);
        record(auditor, Some(request), &input, &output)
            .await
            .map_err(ReconcileError::NotRecorded)?;
    }
    Ok(export_recorded(auditor, store, request, profile, by).await?)
}

async fn record(
    auditor: &Auditor,
    request: Option<&RequestId>,
    input: &ReconciledInput,
    output: &ReconciledOutput,
) -> Result<Recorded, RecordError> {
    let event = AuditEvent::typed::<payload::Reconciled>(Actor::Admin, input, output)?;
    let event = match request {
        Some(request) => event.request(request),
        None => event,
    };
    auditor.record_reserved(event).await
}

fn output(report: &Reconciled, findings: &[Finding]) -> ReconciledOutput {
    let left_out = findings.len().saturating_sub(FINDINGS_MAX);
    let not_checkable =
        report.not_checkable.iter().map(|NotCheckable { table, column, .. }| {
            column.map_or_else(|| table.to_string(), |column| format!("{table}.{column}"))
        });
    ReconciledOutput {
        requests_compared: Some(report.requests),
        rows_matched: Some(report.matched.values().sum()),
        errors_found: Some(report.errors),
        warnings_found: Some(report.warnings),
        not_checkable: not_checkable.collect(),
        findings: findings.iter().take(FINDINGS_MAX).map(recorded).collect(),
        findings_left_out: (left_out > 0).then(|| u64::try_from(left_out).unwrap_or(u64::MAX)),
        ..Default::default()
    }
}

fn recorded(finding: &Finding) -> ReconciledFinding {
    ReconciledFinding {
        finding_code: Some(finding.code.to_string()),
        severity: Some(finding.severity.to_string()),
        subject: Some(finding.subject.to_string()),
        aspect: finding.aspect.map(|aspect| aspect.to_string()),
        trail_event_id: finding.event_id.map(|id| id.to_string()),
        row_id: finding.row_id.map(|id| id.to_string()),
        said_by_trail: Some(side(finding.trail)),
        said_by_tables: Some(side(finding.other)),
        ..Default::default()
    }
}

fn side(side: Side) -> ReconciledSide {
    let word =
        |word: &str| ReconciledSide { side_word: Some(word.to_owned()), ..Default::default() };
    match side {
        Side::Absent => word("absent"),
        Side::Number(number) => ReconciledSide { side_number: Some(number), ..Default::default() },
        Side::Time(time) => ReconciledSide { side_time: Some(time), ..Default::default() },
        Side::Unlisted => word("unlisted"),
        Side::Unreadable => word("unreadable"),
        Side::Word(text) => word(text),
    }
}
