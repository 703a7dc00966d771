//! Finds requests by when they began, by their state, by the host's ids, and by what their events name.

use super::criteria::EffectScope;
use super::find::PAGE_MAX;
use super::{AuditStore, FindError, ListedStream, RequestPage, RequestQuery, StreamScope};

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
    check_key(store, query).await?;
    let scope = scope(store, query).await?;
    let is_wanted = |stream: &ListedStream| {
        let state = stream.request.as_ref().and_then(|request| request.state.as_ref());
        query.state.as_ref().is_none_or(|wanted| state == Some(wanted))
            && query.criteria.is_met_by(&stream.facts, &scope.asked)
    };
    let shows_all = query.state.is_none() && scope.asked.is_nothing();
    let (mut requests, mut after, mut scanned) = (Vec::new(), query.after, 0);
    while scanned < SCAN_MAX {
        // One more than the page, so that a page which happens to hold all has no next one.
        let step = if shows_all { STEP.min(query.page + 1) } else { STEP };
        let streams = store.list_streams(&scope, after, step).await?;
        let is_last = u32::try_from(streams.len()).is_ok_and(|listed| listed < step);
        scanned += step;
        for stream in streams {
            let cursor = stream.cursor;
            let is_wanted = is_wanted(&stream);
            if let Some(request) = stream.request.filter(|_| is_wanted) {
                if requests.len() == query.page as usize {
                    return Ok(RequestPage { requests, next: after });
                }
                requests.push(request);
            }
            after = Some(cursor);
        }
        if is_last {
            return Ok(RequestPage { requests, next: None });
        }
    }
    Ok(RequestPage { requests, next: after })
}

/// Under another key than the database's, nothing would be found, and that would read as "never recorded".
async fn check_key(store: &dyn AuditStore, query: &RequestQuery) -> Result<(), FindError> {
    let Some(given) = query.criteria.fingerprint() else { return Ok(()) };
    match store.key_in_use().await? {
        Some(in_use) if in_use != given => Err(FindError::OtherKey { in_use, given }),
        _ => Ok(()),
    }
}

/// Which streams to list. If an effect has the idempotency key, its index leads to its stream; only a message's key is
/// looked for in all streams.
async fn scope(store: &dyn AuditStore, query: &RequestQuery) -> Result<StreamScope, FindError> {
    let criteria = &query.criteria;
    let in_doubt = EffectScope { is_in_doubt: criteria.is_in_doubt, ..EffectScope::default() };
    let mut scope = StreamScope { effects: in_doubt, ..query.scope.clone() };
    let mut is_key_found = false;
    if let Some(key) = &criteria.idempotency_key {
        let mut of_effect = scope.clone();
        of_effect.effects.keys.clone_from(&key.hashes);
        is_key_found = !store.list_streams(&of_effect, None, 1).await?.is_empty();
        if is_key_found {
            scope = of_effect;
        }
    }
    scope.asked = criteria.asked(is_key_found);
    Ok(scope)
}
