//! What other limits, or an engaged switch, would have refused in a period.
//!
//! Each request is replayed from its own stream, by the rules that decide about effects: the same charges, added up in
//! the same order, against other limits. What the host would have done after a refusal is not known, and is not guessed:
//! what it did afterwards is replayed all the same, and counted.

mod alternative;
mod replay;
mod report;

use chrono::{DateTime, Utc};

pub use self::alternative::Alternative;
use self::replay::Replay;
pub use self::report::{NotReplayable, Replayed, WouldBeRefused, WouldRefuse};
use super::ReconcileError;
use crate::event::{RequestId, StreamId};
use crate::store::{AuditStore, RequestQuery, find_requests};

const PAGE: u32 = 50;

/// Replays every admission of the requests that began in a period, and hands out those that would have been refused.
///
/// What cannot be replayed is counted first, in [`Replayed::not_replayable`], and taken as admitted. It holds one
/// request at a time.
///
/// # Errors
/// [`ReconcileError::EmptyPeriod`], else as the store fails.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let store = moltbot_audit::testing::MemoryStore::new();
/// use moltbot_audit::Budget;
/// use moltbot_audit::policy::Limits;
/// use moltbot_audit::reconcile::{Alternative, what_if};
///
/// let limits = Limits::default().per_request(Budget::MOLTBOT_CALLS, 6)?;
/// let february = ("2026-02-01T00:00:00Z".parse()?, "2026-03-01T00:00:00Z".parse()?);
/// let alternative = Alternative { limits, ..Default::default() };
/// let replayed = what_if(&store, &alternative, february, |refused| println!("{refused}")).await?;
/// println!("{} of {} would have been refused", replayed.refused, replayed.admissions);
/// # Ok(())
/// # }
/// ```
pub async fn what_if(
    store: &dyn AuditStore,
    alternative: &Alternative,
    (from, before): (DateTime<Utc>, DateTime<Utc>),
    mut on_refused: impl FnMut(WouldBeRefused) + Send,
) -> Result<Replayed, ReconcileError> {
    if from >= before {
        return Err(ReconcileError::EmptyPeriod { from, before });
    }
    let mut report = Replayed::default();
    let mut query = RequestQuery::new().began_from(from).began_before(before).page(PAGE);
    loop {
        let page = find_requests(store, &query).await?;
        for request in &page.requests {
            let Ok(id) = RequestId::from_uuid(request.request_id) else { continue };
            let Some(stream) = store.read_stream(StreamId::from(&id)).await? else { continue };
            Replay::new(alternative, &stream).run(&stream.records, &mut report, &mut on_refused);
        }
        let Some(next) = page.next else { break };
        query = query.after(next);
    }
    Ok(report)
}
