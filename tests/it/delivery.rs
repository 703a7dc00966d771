//! How records reach a store whatever happens: locked streams, silence, outages, runtimes that end.

mod breaker;
mod crashes;
mod crowd;
mod drain;
mod endurance;
mod gaps;
mod late_push;
mod limits;
mod locks;
mod maintenance;
mod model;
mod order;
mod queue;
mod receipts;
mod return_of_the_database;
mod runtimes;
mod schedules;
mod spool;
mod spool_task;
mod spooling;
mod sqlite_away;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use moltbot_audit::Auditor;
use moltbot_audit::delivery::{QueueLimits, Spool, WriteError};
use moltbot_audit::record::{Record, Recorded};
use moltbot_audit::store::{Appended, AuditSink, BoxFuture, StoreError, StoreLayer};
use moltbot_audit::testing::{Batcher, MemoryStore};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::support::records::{KEY, event, fresh_request, sealed};
use crate::support::stores::{Sink, sink};
use crate::support::wait::{LONG, until};

fn auditor(sink: &Arc<Sink>, spool: Option<Spool>, limits: QueueLimits) -> Auditor {
    let builder = Auditor::builder(sink.clone(), KEY).limits(limits);
    match spool {
        Some(spool) => builder.spool(spool).build(),
        None => builder.build(),
    }
}

/// The stored events of one type.
fn of_type(sink: &Sink, event_type: &str) -> Vec<Record> {
    let mut records = sink.inner().records();
    records.retain(|record| record.header().event_type == event_type);
    records
}

/// What becomes of a call.
#[derive(Clone, Copy)]
enum Fate {
    Pass,
    PassAfter(Duration),
    /// A stream of the batch is locked, which the store says after so long.
    LockedAfter(Duration),
    FailAfter(Duration),
    Hang,
    PanicAfter(Duration),
    /// The batch is stored, and the store says that it is away, or nothing.
    LandAndFail,
    LandAndHang,
    /// Receipts are given, and nothing is stored.
    Forget,
    /// The batch is stored back to front.
    Reverse,
}

type Rule = dyn Fn(&[Record]) -> Fate + Send;

/// A database in memory whose calls end as a rule says.
struct RuledStore {
    store: MemoryStore,
    rule: Mutex<Box<Rule>>,
    /// Whether it says that it is there, as it does at first.
    is_answering: AtomicBool,
    calls: AtomicUsize,
}

impl RuledStore {
    fn new(rule: impl Fn(&[Record]) -> Fate + Send + 'static) -> Arc<Self> {
        Arc::new(Self {
            store: MemoryStore::new(),
            rule: Mutex::new(Box::new(rule)),
            is_answering: AtomicBool::new(true),
            calls: AtomicUsize::new(0),
        })
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
                Fate::Forget => return MemoryStore::new().append(batch).await,
                Fate::Reverse => {
                    let reversed: Vec<_> = batch.iter().rev().cloned().collect();
                    let mut appended = self.store.append(&reversed).await?;
                    appended.reverse();
                    return Ok(appended);
                }
                Fate::LockedAfter(time) => {
                    sleep(time).await;
                    return Err(StoreError::locked("append", "a lock on purpose"));
                }
                Fate::FailAfter(time) => {
                    sleep(time).await;
                    return Err(StoreError::unavailable("append", "a fault on purpose"));
                }
                Fate::LandAndFail => {
                    self.store.append(batch).await?;
                    return Err(StoreError::unavailable("append", "a fault on purpose"));
                }
                Fate::LandAndHang => {
                    self.store.append(batch).await?;
                    std::future::pending::<()>().await;
                }
                Fate::Hang => std::future::pending().await,
                Fate::PanicAfter(time) => {
                    sleep(time).await;
                    std::panic::resume_unwind(Box::new("on purpose"));
                }
            }
            self.store.append(batch).await
        })
    }

    fn is_answering(&self) -> BoxFuture<'_, bool> {
        Box::pin(async { self.is_answering.load(Ordering::SeqCst) })
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
