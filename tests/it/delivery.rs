//! How records reach a store whatever happens: locked streams, silence, outages, runtimes that end.

mod breaker;
mod drain;
mod locks;
mod model;
mod runtimes;

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use moltbot_audit::delivery::{Batcher, QueueLimits, Spool, WriteError};
use moltbot_audit::record::{Record, Recorded};
use moltbot_audit::store::{Appended, BoxFuture, StoreError, StoreLayer};
use moltbot_audit::testing::MemoryStore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::support::records::{event, fresh_request, sealed};

/// What may take a while on a loaded machine, and does not take for ever.
const LONG: Duration = Duration::from_mins(2);

/// What becomes of a call.
#[derive(Clone, Copy)]
enum Fate {
    Pass,
    PassAfter(Duration),
    /// A stream of the batch is locked, which the store says after so long.
    LockedAfter(Duration),
    FailAfter(Duration),
    Hang,
    Panic,
}

type Rule = dyn Fn(&[Record]) -> Fate + Send;

/// A database in memory whose calls end as a rule says. It always says that it is there.
struct RuledStore {
    store: MemoryStore,
    rule: Mutex<Box<Rule>>,
    calls: AtomicUsize,
}

impl RuledStore {
    fn new(rule: impl Fn(&[Record]) -> Fate + Send + 'static) -> Arc<Self> {
        let (store, calls) = (MemoryStore::new(), AtomicUsize::new(0));
        Arc::new(Self { store, rule: Mutex::new(Box::new(rule)), calls })
    }

    fn rule(&self, rule: impl Fn(&[Record]) -> Fate + Send + 'static) {
        *self.rule.lock().expect("nobody panics with it") = Box::new(rule);
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

impl fmt::Debug for RuledStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RuledStore")
    }
}

impl StoreLayer for RuledStore {
    type Inner = MemoryStore;

    fn inner(&self) -> &MemoryStore {
        &self.store
    }

    fn append<'a>(
        &'a self,
        batch: &'a [Record],
    ) -> BoxFuture<'a, Result<Vec<Appended>, StoreError>> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let fate = self.rule.lock().expect("nobody panics with it")(batch);
        Box::pin(async move {
            match fate {
                Fate::Pass => {}
                Fate::PassAfter(time) => sleep(time).await,
                Fate::LockedAfter(time) => {
                    sleep(time).await;
                    return Err(StoreError::locked("append", "a lock on purpose"));
                }
                Fate::FailAfter(time) => {
                    sleep(time).await;
                    return Err(StoreError::unavailable("append", "a fault on purpose"));
                }
                Fate::Hang => std::future::pending().await,
                Fate::Panic => std::panic::resume_unwind(Box::new("on purpose")),
            }
            moltbot_audit::store::AuditSink::append(&self.store, batch).await
        })
    }
}

fn waiting(wait: Duration) -> QueueLimits {
    QueueLimits::default().wait(wait)
}

fn batcher(store: &Arc<RuledStore>, spool: Option<&Spool>, limits: QueueLimits) -> Batcher {
    Batcher::new(store.clone(), spool.cloned(), limits, ())
}

async fn spool() -> (tempfile::TempDir, Spool) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let spool = Spool::open(folder.path()).await.expect("a folder of our own");
    (folder, spool)
}

type Answer = Result<Recorded, WriteError>;

/// Submits in a task of its own; the order of these calls is that of the submissions.
fn submit(batcher: &Batcher, record: Record) -> JoinHandle<Answer> {
    let batcher = batcher.clone();
    tokio::spawn(async move { batcher.submit(record).await })
}

/// Records an event of a stream of its own.
async fn record_other(batcher: &Batcher) -> Answer {
    batcher.submit(sealed(event(&fresh_request()))).await
}

fn is_chained(answer: &Answer) -> bool {
    matches!(answer, Ok(Recorded::Chained(_)))
}

fn is_spooled(answer: &Answer) -> bool {
    matches!(answer, Ok(Recorded::Spooled { .. }))
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < LONG, "it did not come to pass: {what}");
        sleep(Duration::from_millis(5)).await;
    }
}
