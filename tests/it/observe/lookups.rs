//! What the metrics ask of the store, however much a drain brings at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use moltbot_audit::delivery::{QueueLimits, Spool};
use moltbot_audit::record::Record;
use moltbot_audit::store::admission::{AdmissionStore as _, EarlierEvent, FirstShortlist};
use moltbot_audit::store::{BoxFuture, StoreError, StoreLayer};
use moltbot_audit::testing::MemoryStore;
use moltbot_audit::{Actor, AuditEvent, Auditor, EventType, StreamId};
use tokio::time::sleep;

use crate::support::records::{KEY, fresh_request, sealed};
use crate::support::wait::until;

const SHORTLISTS: usize = 2_000;
const REPORTS: usize = 100;

/// Sees how many lookups there are at once, and answers none of them at once.
#[derive(Debug)]
struct Slow {
    inner: MemoryStore,
    now: AtomicUsize,
    most: AtomicUsize,
    answered: AtomicUsize,
}

impl Slow {
    async fn look_up<T>(
        &self,
        lookup: BoxFuture<'_, Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        // So that as many as may be under way are.
        sleep(Duration::from_millis(1)).await;
        let answer = lookup.await;
        self.now.fetch_sub(1, Ordering::SeqCst);
        self.answered.fetch_add(1, Ordering::SeqCst);
        answer
    }
}

impl StoreLayer for Slow {
    type Inner = MemoryStore;

    fn inner(&self) -> &MemoryStore {
        &self.inner
    }

    fn first_shortlist(
        &self,
        stream_id: StreamId,
    ) -> BoxFuture<'_, Result<Option<FirstShortlist>, StoreError>> {
        Box::pin(self.look_up(self.inner.first_shortlist(stream_id)))
    }

    fn events_before<'a>(
        &'a self,
        stream_id: StreamId,
        seq: i64,
        event_types: &'a [EventType],
    ) -> BoxFuture<'a, Result<Vec<EarlierEvent>, StoreError>> {
        Box::pin(self.look_up(self.inner.events_before(stream_id, seq, event_types)))
    }
}

fn of(event_type: EventType) -> Record {
    sealed(AuditEvent::new(event_type, Actor::System).request(&fresh_request()))
}

#[tokio::test]
async fn two_thousand_drained_shortlists_are_looked_up_one_after_the_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let spool = Spool::open(folder.path().join("spool")).await.expect("a folder");
    let shortlists = (0..SHORTLISTS).map(|_| of(EventType::SHORTLIST_GENERATED));
    let reports = (0..REPORTS).map(|_| of(EventType::VENDOR_REPLY_RECORDED));
    let records: Vec<_> = shortlists.chain(reports).collect();
    spool.push(records).await.expect("there is room");
    let [now, most, answered] = [0; 3].map(AtomicUsize::new);
    let store = Arc::new(Slow { inner: MemoryStore::new(), now, most, answered });
    // Nobody who waits for a record has to wait for a lookup.
    let limits = QueueLimits::default().wait(Duration::from_mins(5));
    let auditor = Auditor::builder(store.clone(), KEY.clone()).limits(limits).spool(spool).build();
    let answered = || store.answered.load(Ordering::SeqCst);
    until("each is answered", || answered() == SHORTLISTS + REPORTS).await;
    assert_eq!(store.most.load(Ordering::SeqCst), 1, "at once");
    // The worker that had nothing left to do is replaced.
    let event = AuditEvent::new(EventType::SHORTLIST_GENERATED, Actor::System);
    auditor.record(event.request(&fresh_request())).await.expect("recorded");
    until("another worker looks up", || answered() == SHORTLISTS + REPORTS + 1).await;
}
