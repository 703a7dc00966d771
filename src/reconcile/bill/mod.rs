//! The provider's bill beside the model calls of the trail.
//!
//! Lines and calls are matched by the provider's response id. A call without one, or whose id is on no line, is matched
//! by time and tokens, and the report says how many were: that is likely, and not proven. If several fit, nothing is
//! chosen in silence: the first in time is taken, and a finding says how many there were.

mod line;
mod matching;
mod read;
mod report;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use self::matching::{Matching, ModelCall};
pub use self::read::{Bill, BillError};
pub use self::report::BillReconciled;
use super::{Finding, ReconcileError};
use crate::event::{RequestId, StreamId};
use crate::store::{AuditStore, RequestQuery, find_requests};

/// A request may call a model for as long after it began.
const REQUEST_LASTS_MAX: TimeDelta = TimeDelta::days(1);
const PAGE: u32 = 50;

/// Compares the bill of a period with the calls of models that the trail has in it.
///
/// Calls are those of requests that began in the period or up to a day before it. Near the ends of the period, a line
/// may be on the other side of midnight than its call: what is missing within five minutes of them is no finding.
///
/// The bill is held in memory, and of the trail the calls that no line names by id.
///
/// # Errors
/// [`ReconcileError::EmptyPeriod`], else as the store fails.
pub async fn reconcile_bill(
    store: &dyn AuditStore,
    bill: &Bill,
    (from, before): (DateTime<Utc>, DateTime<Utc>),
    mut on_finding: impl FnMut(Finding) + Send,
) -> Result<BillReconciled, ReconcileError> {
    if from >= before {
        return Err(ReconcileError::EmptyPeriod { from, before });
    }
    let mut report = BillReconciled::default();
    let mut matching = Matching::new(bill, (from, before));
    let mut query =
        RequestQuery::new().began_from(from - REQUEST_LASTS_MAX).began_before(before).page(PAGE);
    loop {
        let page = find_requests(store, &query).await?;
        for request in &page.requests {
            for call in calls(store, request.request_id).await? {
                matching.take(call, &mut report, &mut on_finding);
            }
        }
        let Some(next) = page.next else { break };
        query = query.after(next);
    }
    matching.finish(&mut report, &mut on_finding);
    Ok(report)
}

async fn calls(store: &dyn AuditStore, request_id: Uuid) -> Result<Vec<ModelCall>, ReconcileError> {
    let Ok(request) = RequestId::from_uuid(request_id) else { return Ok(Vec::new()) };
    let stream = store.read_stream(StreamId::from(&request)).await?;
    let records = stream.map(|stream| stream.records).unwrap_or_default();
    Ok(records.iter().filter_map(ModelCall::of).collect())
}
