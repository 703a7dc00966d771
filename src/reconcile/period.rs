//! Compares a period, a page at a time: what is held is bounded by a page, and not by the period.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::compare::compare;
use super::conversation;
use super::found::Found;
use super::rows::Tables;
use super::trail::Trail;
use super::{Finding, ReconcileError, Reconciled};
use crate::event::{FindingCode, RequestId, StreamId, Subject};
use crate::store::{AuditStore, HostIds, HostRecords, RequestQuery, StoreError, find_requests};

/// Requests whose trails are held at once.
const REQUESTS: u32 = 50;
/// Ids of rows that are held at once.
const IDS: u32 = 50;

/// Compares every request that began in a period, and every row of the host's in it, as of `now`.
///
/// `on_finding` gets each finding as it comes: first those of the trail's requests, then rows of which the trail knows
/// nothing. Take a period that has ended: rows and events are written one after the other, and events may wait in a
/// spool.
///
/// # Errors
/// [`ReconcileError::EmptyPeriod`], else as a database fails. What was found until then has been handed out.
pub async fn reconcile_period(
    store: &dyn AuditStore,
    host: &dyn HostRecords,
    (from, before): (DateTime<Utc>, DateTime<Utc>),
    now: DateTime<Utc>,
    mut on_finding: impl FnMut(Finding) + Send,
) -> Result<Reconciled, ReconcileError> {
    if from >= before {
        return Err(ReconcileError::EmptyPeriod { from, before });
    }
    let (mut report, mut found) = (Reconciled::default(), Found::default());
    let mut query = RequestQuery::new().began_from(from).began_before(before).page(REQUESTS);
    loop {
        let page = find_requests(store, &query).await?;
        let ids: Vec<Uuid> = page.requests.iter().map(|request| request.request_id).collect();
        let trails = trails(store, &ids).await?;
        let tables = Tables::read(host, &trails, &mut found).await?;
        for trail in &trails {
            compare(trail, &tables, now, &mut found);
            report.requests += 1;
        }
        report.take(&mut found, &mut on_finding);
        let Some(next) = page.next else { break };
        query = query.after(next);
    }
    let mut after = None;
    while let Some(ids) = listed(host.requests(from, before, after, IDS).await?, &mut found) {
        unknown_requests(store, &ids, &mut found).await?;
        report.take(&mut found, &mut on_finding);
        let Some(last) = next(&ids) else { break };
        after = Some(last);
    }
    let mut after = None;
    while let Some(ids) = listed(host.conversations(from, before, after, IDS).await?, &mut found) {
        conversation::compare(store, host, &ids, (from, before), &mut found).await?;
        report.take(&mut found, &mut on_finding);
        let Some(last) = next(&ids) else { break };
        after = Some(last);
    }
    report.take(&mut found, &mut on_finding);
    Ok(report)
}

async fn trails(store: &dyn AuditStore, requests: &[Uuid]) -> Result<Vec<Trail>, StoreError> {
    let mut trails = Vec::with_capacity(requests.len());
    for request_id in requests {
        let Ok(request) = RequestId::from_uuid(*request_id) else { continue };
        if let Some(stream) = store.read_stream(StreamId::from(&request)).await? {
            trails.push(Trail::of(*request_id, &stream));
        }
    }
    Ok(trails)
}

fn listed(ids: HostIds, found: &mut Found) -> Option<Vec<Uuid>> {
    match ids {
        HostIds::NotCheckable(not) => {
            found.not_checkable.insert(not);
            None
        }
        HostIds::Ids(ids) => Some(ids),
    }
}

/// Where the next page begins; none after the last one.
fn next(ids: &[Uuid]) -> Option<Uuid> {
    let is_full = u32::try_from(ids.len()).is_ok_and(|listed| listed >= IDS);
    ids.last().copied().filter(|_| is_full)
}

/// Requests of the host's of which nothing was ever recorded.
async fn unknown_requests(
    store: &dyn AuditStore,
    requests: &[Uuid],
    found: &mut Found,
) -> Result<(), StoreError> {
    for request_id in requests {
        let Ok(request) = RequestId::from_uuid(*request_id) else { continue };
        let stream_id = StreamId::from(&request);
        if store.head(stream_id).await?.is_none() && store.read_stream(stream_id).await?.is_none() {
            found.request_id = Some(*request_id);
            let missing = Finding::new(FindingCode::MissingInTrail, Subject::Request);
            found.add(missing.row(Some(*request_id)));
        }
    }
    found.request_id = None;
    Ok(())
}
