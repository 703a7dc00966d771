//! Compares one request.

use chrono::{DateTime, TimeDelta, Utc};

use super::compare::compare;
use super::conversation;
use super::found::Found;
use super::rows::{Rows, Tables};
use super::trail::Trail;
use super::{Finding, ReconcileError, Reconciled};
use crate::event::{FindingCode, RequestId, StreamId, Subject};
use crate::store::{AuditStore, HostQuery, HostRecords, HostTable};

/// How long before its first event, and after its last, rows of a request are looked for.
const MARGIN: TimeDelta = TimeDelta::minutes(1);

/// Compares one request's trail with the host's rows, as of `now`.
///
/// Of its conversation, it looks at the rows from the request's first event to its last.
///
/// # Errors
/// [`ReconcileError::UnknownRequest`] if neither side knows it, else as a database fails.
pub async fn reconcile_request(
    store: &dyn AuditStore,
    host: &dyn HostRecords,
    request: &RequestId,
    now: DateTime<Utc>,
) -> Result<(Reconciled, Vec<Finding>), ReconcileError> {
    let (mut report, mut found) =
        (Reconciled { requests: 1, ..Default::default() }, Found::default());
    let request_id = request.uuid();
    found.request_id = Some(request_id);
    match store.read_stream(StreamId::from(request)).await? {
        None => {
            let keys = [request_id.to_string()];
            let query =
                HostQuery { table: HostTable::Requests, column: "id", keys: &keys, between: None };
            let rows = Rows::read(host, query, &mut found).await?;
            if rows.all().next().is_none() {
                return Err(ReconcileError::UnknownRequest { request_id });
            }
            let missing = Finding::new(FindingCode::MissingInTrail, Subject::Request);
            found.add(missing.row(Some(request_id)));
        }
        Some(stream) => {
            let trail = Trail::of(request_id, &stream);
            let tables = Tables::read(host, std::slice::from_ref(&trail), &mut found).await?;
            compare(&trail, &tables, now, &mut found);
            if let Some(conversation) = trail.conversation_id {
                found.request_id = Some(request_id);
                let dates = stream.records.iter().map(|record| record.header.created_at);
                let first = dates.clone().min().unwrap_or(stream.head.started_at);
                let last = dates.max().unwrap_or(stream.head.last_at);
                let time = (first - MARGIN, last + MARGIN);
                conversation::compare(store, host, &[conversation], time, &mut found).await?;
            }
        }
    }
    let mut findings = Vec::new();
    report.take(&mut found, |finding| findings.push(finding));
    Ok((report, findings))
}
