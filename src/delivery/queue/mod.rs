//! Many callers, one statement: the way of a sealed record to its database, or to the spool.
//!
//! A batch is what arrived while the last one was in flight; there is no timer. A stream is in one batch
//! at a time, so that its events are never reordered. Where the database does not answer in time, a
//! batch goes to the spool, and so does everything else until a drain has seen it back.

mod append;
mod backoff;
mod batch;
mod drain;
mod error;
mod failures;
mod gate;
mod limits;
mod lobby;
mod observer;
mod queue;
mod room;
mod waiting;
mod write;

use std::fmt;
use std::mem;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout, timeout_at};

use self::gate::Gate;
use self::lobby::Lobby;
use self::queue::Queue;
use self::room::Room;
use self::write::SPOOL_WAIT;
pub use self::{
    drain::DrainReport, error::WriteError, failures::Failures, limits::QueueLimits,
    observer::Observer,
};
use super::Spool;
use crate::event::StreamId;
use crate::record::{Record, Recorded};
use crate::store::admission::AdmissionStore;
use crate::store::{AuditSink, StoreError};

/// Takes records from any number of callers and writes them in batches. Cheap to clone.
///
/// # Guarantees
/// - The records of a stream are written in the order in which they were submitted.
/// - A caller that goes away does not cut its write.
/// - A record that the database refuses fails alone, and a stream that is locked holds up itself alone.
/// - What waits is bounded by [`QueueLimits`]; beyond it callers wait, and then get
///   [`WriteError::Overloaded`].
#[derive(Clone)]
pub struct Batcher {
    shared: Arc<Shared>,
}

struct Shared {
    sink: Arc<dyn AuditSink>,
    spool: Option<Spool>,
    limits: QueueLimits,
    /// Before the queue.
    lobby: Lobby,
    /// Failures that no caller was left to be told of.
    unheard: Arc<Mutex<Failures>>,
    /// Bounds what is queued or in flight.
    seats: Room,
    queue: Queue,
    gate: Gate,
    is_spool_failing: AtomicBool,
    /// Time is up for everything in flight: a shutdown wants it in the spool.
    hurry: watch::Sender<bool>,
    is_draining: AtomicBool,
    is_adopting: AtomicBool,
    /// The drain, and the search for what to adopt; none after a shutdown, which ends them.
    tending: Mutex<Option<Vec<AbortHandle>>>,
    observer: Box<dyn Observer>,
}

/// A shutdown that ran out of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{events} events are not written yet, and {effects} effects still run: give shutdown more time, or a spool"
)]
#[non_exhaustive]
pub struct ShutdownError {
    /// Events whose callers have no answer yet.
    pub events: usize,
    /// Effects that have not recorded how they ended, and cannot any more.
    pub effects: usize,
    /// Events that wait in the spool, for the next process with its folder.
    pub spooled: u64,
}

impl Batcher {
    /// Writes to `sink`, and to `spool` while that does not answer. `observer` hears what becomes of
    /// records; `()` is one.
    ///
    /// A spool belongs to one batcher: it is drained into that one's sink.
    #[must_use]
    pub fn new(
        sink: Arc<dyn AuditSink>,
        spool: Option<Spool>,
        limits: QueueLimits,
        observer: impl Observer + 'static,
    ) -> Self {
        let limits = limits.within_reason();
        let shared = Arc::new(Shared {
            sink,
            spool,
            limits,
            lobby: Lobby::new(Room::new(limits.events, limits.bytes)),
            unheard: Arc::default(),
            seats: Room::new(limits.events, limits.bytes),
            queue: Queue::default(),
            gate: Gate::default(),
            is_spool_failing: AtomicBool::new(false),
            hurry: watch::Sender::new(false),
            is_draining: AtomicBool::new(false),
            is_adopting: AtomicBool::new(false),
            tending: Mutex::new(Some(Vec::new())),
            observer: Box::new(observer),
        });
        Self { shared }
    }

    /// Writes what the spool holds from before; does nothing outside a runtime. The first record
    /// does the same.
    pub fn start(&self) {
        if Handle::try_current().is_ok() {
            self.shared.tend_spool();
        }
    }

    /// Where records go while the database is away.
    #[must_use]
    pub fn spool(&self) -> Option<&Spool> {
        self.shared.spool.as_ref()
    }

    /// What decides, beside recording, what may run; none where the sink does not.
    #[must_use]
    pub fn admission(&self) -> Option<&dyn AdmissionStore> {
        self.shared.sink.admission()
    }

    /// Until when the sink is prepared: [`AuditSink::prepared_until`].
    ///
    /// # Errors
    /// As the sink fails, and where it does not answer in time.
    pub async fn prepared_until(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        let wait = self.wait();
        let answer = timeout(wait, self.shared.sink.prepared_until()).await;
        answer.unwrap_or_else(|_| {
            let message = format!("no answer within {wait:?}");
            Err(StoreError::unavailable("read the partitions", message))
        })
    }

    /// Prepares the sink for the coming months: [`AuditSink::prepare`]. Has the sink's own limit.
    ///
    /// # Errors
    /// As the sink fails.
    pub async fn prepare(&self) -> Result<(), StoreError> {
        self.shared.sink.prepare().await
    }

    /// Whether the database was last found to be away. No I/O.
    #[must_use]
    pub fn is_shut(&self) -> bool {
        self.shared.gate.is_shut()
    }

    /// Whether the database is not to be asked about this stream now: it was last found to be away, or
    /// earlier events of the stream are still in the spool. No I/O.
    #[must_use]
    pub fn is_away(&self, stream_id: StreamId) -> bool {
        let holds = |spool: &Spool| spool.holds(stream_id);
        self.shared.gate.is_shut() || self.shared.spool.as_ref().is_some_and(holds)
    }

    /// Hears that the database gave no answer in time to a caller who asks it past the queue: until a
    /// drain finds it back, records go to the spool, if there is one.
    pub fn unanswered(&self, why: &StoreError) {
        if self.shared.spool.is_some() {
            self.shared.gate.shut(why);
        }
    }

    /// How long a caller waits for the database.
    #[must_use]
    pub fn wait(&self) -> Duration {
        self.shared.limits.wait
    }

    /// The failures that no caller was left to be told of, since this was last asked.
    #[must_use]
    pub fn take_unheard(&self) -> Failures {
        mem::take(&mut *self.shared.unheard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Queues a record, and returns when it is durable: in the database, or in the spool.
    ///
    /// # Errors
    /// [`WriteError`].
    ///
    /// # Cancel safety
    /// Once polled, the write goes on to its end even if the future is dropped.
    pub async fn submit(&self, record: Record) -> Result<Recorded, WriteError> {
        self.submit_by(record, Instant::now() + self.wait()).await
    }

    /// As [`submit`](Self::submit), for a caller whose time for the database ends at `deadline`. If
    /// that has passed, the record goes to the spool at once. Without a spool the caller gets an
    /// error, and the write is tried once.
    ///
    /// # Errors
    /// [`WriteError`].
    ///
    /// # Cancel safety
    /// As [`submit`](Self::submit).
    pub async fn submit_by(
        &self,
        record: Record,
        deadline: Instant,
    ) -> Result<Recorded, WriteError> {
        let shared = &self.shared;
        Handle::try_current().map_err(|_| WriteError::NoRuntime)?;
        let entered = shared.enter(record, deadline)?;
        shared.tend_spool();
        let patience = if shared.spool.is_some() { SPOOL_WAIT } else { Duration::ZERO };
        match timeout_at(deadline + patience, entered).await {
            Ok(answered) => answered.unwrap_or(Err(WriteError::Interrupted)),
            Err(_) => Err(shared.unanswered()),
        }
    }

    /// Takes no more records, and waits until all that were taken are durable, for at most `limit`.
    /// Where half of it is over, the rest goes to the spool, if there is one. What is in the spool
    /// stays there, for the next process: [close](Spool::close) it afterwards.
    ///
    /// # Errors
    /// [`ShutdownError`] where records are left; they are still written while the process lives.
    pub async fn shutdown(&self, limit: Duration) -> Result<(), ShutdownError> {
        let shared = &self.shared;
        shared.lobby.close();
        let is_empty = shared.is_empty_within(limit).await;
        shared.stop_tending();
        if is_empty {
            return Ok(());
        }
        let events = shared.lobby.taken() + shared.seats.taken();
        let spooled = shared.spool.as_ref().map(Spool::depth).unwrap_or_default().events;
        Err(ShutdownError { events, effects: 0, spooled })
    }
}

impl Shared {
    fn note_unheard(&self, error: &WriteError) {
        self.unheard.lock().unwrap_or_else(PoisonError::into_inner).count(error);
    }

    async fn is_empty_within(&self, limit: Duration) -> bool {
        let empty = async {
            self.lobby.empty().await;
            self.seats.empty().await;
        };
        if Handle::try_current().is_err() {
            return self.lobby.taken() + self.seats.taken() == 0;
        }
        if self.spool.is_none() {
            return timeout(limit, empty).await.is_ok();
        }
        tokio::pin!(empty);
        let half = limit / 2;
        if timeout(half, &mut empty).await.is_ok() {
            return true;
        }
        self.hurry.send_replace(true);
        timeout(limit.saturating_sub(half), empty).await.is_ok()
    }
}

impl fmt::Debug for Batcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batcher")
            .field("sink", &self.shared.sink)
            .field("limits", &self.shared.limits)
            .finish_non_exhaustive()
    }
}
