//! Finds requests by when they began, by their state, and by the host's ids.

use super::find::PAGE_MAX;
use super::{AuditStore, FindError, FoundRequest, RequestPage, RequestQuery};

/// Streams that one statement reads.
const STEP: u32 = 500;
/// Most streams that one page reads. Pages of a rare state may hold few requests, or none.
const SCAN_MAX: u32 = 10_000;

/// Finds requests, a page at a time.
///
/// A page reads at most 10,000 streams, so that a search for a rare state stays bounded: check
/// whether there is a [`next`](RequestPage::next) page. Requests that begin in the meantime are on
/// no later page.
///
/// # Errors
/// [`FindError`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let store = moltbot_audit::testing::MemoryStore::new();
/// use moltbot_audit::store::{RequestQuery, find_requests};
///
/// let mut query = RequestQuery::new().state("shortlist_ready");
/// loop {
///     let page = find_requests(&store, &query).await?;
///     for request in page.requests {
///         println!("{} since {}", request.request_id, request.began_at);
///     }
///     let Some(next) = page.next else { break };
///     query = query.after(next);
/// }
/// # Ok(())
/// # }
/// ```
pub async fn find_requests(
    store: &dyn AuditStore,
    query: &RequestQuery,
) -> Result<RequestPage, FindError> {
    let (from, before) = (query.scope.from, query.scope.before);
    if from >= before {
        return Err(FindError::EmptyTime { from, before });
    }
    if !(1..=PAGE_MAX).contains(&query.page) {
        return Err(FindError::PageSize { asked: query.page });
    }
    let is_wanted = |request: &FoundRequest| {
        query.state.as_ref().is_none_or(|state| request.state.as_ref() == Some(state))
    };
    let (mut requests, mut after, mut scanned) = (Vec::new(), query.after, 0);
    while scanned < SCAN_MAX {
        // One more than the page, so that a page which happens to hold all has no next one.
        let step = if query.state.is_none() { STEP.min(query.page + 1) } else { STEP };
        let streams = store.list_streams(&query.scope, after, step).await?;
        let is_last = u32::try_from(streams.len()).is_ok_and(|listed| listed < step);
        scanned += step;
        for stream in streams {
            if let Some(request) = stream.request.filter(&is_wanted) {
                if requests.len() == query.page as usize {
                    return Ok(RequestPage { requests, next: after });
                }
                requests.push(request);
            }
            after = Some(stream.cursor);
        }
        if is_last {
            return Ok(RequestPage { requests, next: None });
        }
    }
    Ok(RequestPage { requests, next: after })
}
