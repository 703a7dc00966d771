//! Many callers, one statement: the way of a sealed record to its database, or to the spool.
//!
//! A batch is what arrived while the last one was in flight; there is no timer. A stream always takes
//! the same lane, and a lane writes one batch at a time, so that events of a stream are never
//! reordered. Where the database does not answer in time, a lane's batch goes to the spool, and so does
//! everything else until a [drain](drain) has seen it back.

mod append;
mod backoff;
mod batch;
mod drain;
mod error;
mod lane;
mod lobby;
mod options;
mod room;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use self::append::append_detached;
use self::backoff::Backoff;
use self::batch::{Batch, divide};
use self::lane::{Lane, Pending, Waiter};
use self::lobby::Lobby;
use self::room::Room;
pub use self::{drain::DrainReport, error::WriteError, options::QueueLimits};
use super::{AuditSink, Spool, StoreError};
use crate::event::StreamId;
use crate::record::{Record, Recorded};

/// How long a caller waits for the spool, after its time for the database.
const SPOOL_WAIT: Duration = Duration::from_secs(10);
/// How long a call of the sink is waited for where there is no spool, at least: far longer than a sink
/// takes that has a limit of its own.
const CALL_LIMIT: Duration = Duration::from_mins(2);
/// A longer wait is as good as for ever, and times that lie behind it can be reckoned with.
const WAIT_MAX: Duration = Duration::from_hours(24 * 365);
/// The pauses between two tries of one batch.
const RETRY_FIRST: Duration = Duration::from_millis(20);
const RETRY_MAX: Duration = Duration::from_millis(500);

/// Takes records from any number of callers and writes them in batches. Cheap to clone.
///
/// # Guarantees
/// - A record is written in the order in which its stream's records were submitted.
/// - A caller that goes away does not cut its write.
/// - A record that the database refuses fails alone.
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
    lanes: Box<[Lane]>,
    /// Bounds what is queued or in flight.
    queue: Room,
    /// Bounds what waits to be queued.
    lobby: Lobby,
    /// Events that were refused when their callers had gone.
    refused_unheard: AtomicU64,
    /// The database did not answer, and no drain has seen it back.
    is_away: AtomicBool,
    is_closed: AtomicBool,
    is_draining: AtomicBool,
    is_adopting: AtomicBool,
    /// Time is up for everything in flight: a shutdown wants it in the spool.
    hurry: watch::Sender<bool>,
    on_drained: Box<dyn Fn(DrainReport) + Send + Sync>,
}

/// A shutdown that ran out of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{events} events are not written yet: give shutdown more time, or a spool")]
pub struct ShutdownError {
    /// Events whose callers have no answer yet.
    pub events: usize,
}

impl Batcher {
    /// Writes to `sink`, and to `spool` while that does not answer. `on_drained` hears of every time
    /// the spool was emptied.
    #[must_use]
    pub fn new(
        sink: Arc<dyn AuditSink>,
        spool: Option<Spool>,
        limits: QueueLimits,
        on_drained: impl Fn(DrainReport) + Send + Sync + 'static,
    ) -> Self {
        let limits = limits.wait(limits.wait.min(WAIT_MAX));
        let shared = Arc::new(Shared {
            sink,
            spool,
            limits,
            lanes: (0..limits.connections.max(1)).map(|_| Lane::default()).collect(),
            queue: Room::new(limits.events, limits.bytes),
            lobby: Lobby::new(limits.events, limits.bytes),
            refused_unheard: AtomicU64::new(0),
            is_away: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
            is_draining: AtomicBool::new(false),
            is_adopting: AtomicBool::new(false),
            hurry: watch::Sender::new(false),
            on_drained: Box::new(on_drained),
        });
        Self { shared }
    }

    /// Writes what the spool holds from before; does nothing outside a runtime. The first record
    /// does the same.
    pub fn start(&self) {
        if let Ok(runtime) = Handle::try_current() {
            self.shared.tend_spool(&runtime);
        }
    }

    /// Queues a record, and returns when it is durable: in the database, or in the spool.
    ///
    /// # Errors
    /// [`WriteError`].
    ///
    /// # Cancel safety
    /// Once polled, the write goes on to its end even if the future is dropped.
    pub async fn submit(&self, record: Record) -> Result<Recorded, WriteError> {
        let runtime = Handle::try_current().map_err(|_| WriteError::NoRuntime)?;
        if self.shared.is_closed.load(Ordering::SeqCst) {
            return Err(WriteError::Closed);
        }
        self.shared.tend_spool(&runtime);
        let deadline = Instant::now() + self.shared.limits.wait;
        let answer = self.shared.enter(&runtime, record, deadline)?;
        let patience = if self.shared.spool.is_some() { SPOOL_WAIT } else { Duration::ZERO };
        match timeout_at(deadline + patience, answer).await {
            Ok(answered) => answered.unwrap_or(Err(WriteError::Interrupted)),
            Err(_) => Err(self.shared.unanswered()),
        }
    }

    /// How many events were refused with [`WriteError::Overloaded`] after their callers had gone, since
    /// this was last asked.
    #[must_use]
    pub fn take_unheard_refusals(&self) -> u64 {
        self.shared.refused_unheard.swap(0, Ordering::Relaxed)
    }

    /// Takes no more records, and waits until all that were taken are durable, for at most `limit`.
    /// Where half of it is over, the rest goes to the spool, if there is one.
    ///
    /// # Errors
    /// [`ShutdownError`] where records are left; they are still written while the process lives.
    pub async fn shutdown(&self, limit: Duration) -> Result<(), ShutdownError> {
        let shared = &self.shared;
        shared.is_closed.store(true, Ordering::SeqCst);
        let first = if shared.spool.is_some() { limit / 2 } else { limit };
        if timeout(first, shared.empty()).await.is_ok() {
            return Ok(());
        }
        if shared.spool.is_some() {
            shared.is_away.store(true, Ordering::SeqCst);
            shared.hurry.send_replace(true);
            if timeout(limit.saturating_sub(first), shared.empty()).await.is_ok() {
                return Ok(());
            }
        }
        Err(ShutdownError { events: shared.queue.taken() + shared.lobby.taken() })
    }
}

impl Shared {
    /// Takes a record in, or has it wait for a place.
    fn enter(
        self: &Arc<Self>,
        runtime: &Handle,
        record: Record,
        deadline: Instant,
    ) -> Result<oneshot::Receiver<Result<Recorded, WriteError>>, WriteError> {
        let (reply, answer) = oneshot::channel();
        let len = record.payload_len();
        // Whoever waits goes first, or a later event of a stream would overtake an earlier one.
        if !self.lobby.is_occupied()
            && let Some(seat) = self.queue.try_enter(len)
        {
            self.push(runtime, Pending { record, waiter: Waiter { deadline, reply, seat } });
            return Ok(answer);
        }
        // A task lets it in, so that a caller that goes away does not take its record along.
        if let Some(doorman) = Lobby::join(self, record, deadline, reply)? {
            runtime.spawn(doorman.run());
        }
        Ok(answer)
    }

    #[cold]
    fn overloaded(&self) -> WriteError {
        WriteError::Overloaded { events: self.queue.taken() }
    }

    /// Counts a refusal that nobody heard of.
    fn count_refusal(&self, is_heard: bool) {
        if !is_heard {
            self.refused_unheard.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn push(self: &Arc<Self>, runtime: &Handle, pending: Pending) {
        let nth = self.lane_of(pending.record.stream_id());
        if let Some(writer) = Lane::push(self, nth, pending) {
            runtime.spawn(writer.run());
        }
    }

    fn lane_of(&self, stream_id: StreamId) -> usize {
        // The ids are random or hashes: their low bits spread evenly.
        let low = stream_id.uuid().as_u64_pair().1;
        let lanes = u64::try_from(self.lanes.len()).unwrap_or(u64::MAX);
        usize::try_from(low % lanes).unwrap_or_default()
    }

    /// Writes a lane's batch, and answers everybody who waits for it.
    async fn write(self: &Arc<Self>, pending: Vec<Pending>) {
        let Some(spool) = &self.spool else {
            return self.append(Batch::of(pending)).await.given_up();
        };
        let is_away = self.is_away.load(Ordering::SeqCst);
        let (spooled, live) = divide(pending, |stream| is_away || spool.holds(stream));
        self.spool(spool, Batch::of(spooled)).await;
        let left = self.append(Batch::of(live)).await;
        if !left.is_empty() {
            self.is_away.store(true, Ordering::SeqCst);
            self.spool(spool, left).await;
        }
    }

    /// Appends until every record has its verdict, or time is up; returns those that have none.
    ///
    /// Without a spool there is nowhere else to go, and so no reason to leave a statement behind: it
    /// is waited for as long as the sink itself does, while the callers stop waiting. Only one that
    /// has no end is left, so that it does not hold the lane for ever.
    async fn append(&self, mut batch: Batch) -> Batch {
        let Some(deadline) = batch.deadline() else { return batch };
        let mut backoff = Backoff::new(RETRY_FIRST, RETRY_MAX);
        loop {
            let appending = append_detached(Arc::clone(&self.sink), Arc::clone(batch.records()));
            let verdicts = if self.spool.is_some() {
                tokio::select! {
                    verdicts = appending => verdicts,
                    () = self.out_of_time(deadline) => return batch,
                }
            } else {
                let limit = CALL_LIMIT.max(self.limits.wait * 2);
                let Ok(verdicts) = timeout(limit, appending).await else { return batch };
                verdicts
            };
            batch = batch.answered(verdicts);
            let pause = backoff.pause();
            if batch.is_empty() || Instant::now() + pause >= deadline {
                return batch;
            }
            sleep(pause).await;
        }
    }

    async fn out_of_time(&self, deadline: Instant) {
        let mut hurry = self.hurry.subscribe();
        // The sender is ours, so that the wait ends by its own condition only.
        let _hurried = timeout_at(deadline, hurry.wait_for(|hurry| *hurry)).await;
    }

    /// Puts a batch into the spool, and sees to it that it is drained.
    async fn spool(self: &Arc<Self>, spool: &Spool, batch: Batch) {
        if batch.is_empty() {
            return;
        }
        match spool.push(&batch.records()[..]).await {
            Ok(()) => batch.spooled(),
            Err(error) => {
                tracing::error!(%error, "events could not be spooled");
                batch.failed(&WriteError::Spool(Arc::new(error)));
                // A drain that has nothing to bring does not see the database back: ask it again.
                if spool.depth().events == 0 {
                    self.is_away.store(false, Ordering::SeqCst);
                }
            }
        }
        self.start_drain(&Handle::current());
    }

    async fn empty(&self) {
        self.lobby.empty().await;
        self.queue.empty().await;
    }

    #[cold]
    fn unanswered(&self) -> WriteError {
        let message = format!("no answer within {:?}", self.limits.wait);
        WriteError::Store(StoreError::unavailable("append", message))
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
