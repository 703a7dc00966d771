//! The entrance of this room: takes records from many callers and writes them in batches.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout, timeout_at};

use super::adoption::Adoption;
use super::circuit_breaker::{Away, CircuitBreaker};
use super::drain::Drain;
use super::observer::Listener;
use super::pending::{Heard, ReplyReceiver};
use super::pipeline::{Pipeline, SPOOL_WAIT, Tending};
use super::queue::{Entered, Queue};
use super::ready_at_deadline::ready_at_deadline;
use super::spool::Spool;
use super::writer::Writer;
use super::{Failures, Observer, QueueLimits, ShutdownError, WriteError};
use crate::event::StreamId;
use crate::record::{Record, Recorded};
use crate::store::admission::AdmissionStore;
use crate::store::{AuditSink, StoreError};

/// Takes records from any number of callers and writes them in batches. Cheap to clone.
///
/// # Guarantees
/// - The records of a stream are written in the order in which they were submitted.
/// - If a caller goes away, its write still completes.
/// - A record that the database refuses fails alone, and a locked stream delays no other.
/// - What waits is bounded by [`QueueLimits`]; beyond it callers wait, and then get
///   [`WriteError::Overloaded`].
#[derive(Clone)]
pub struct Batcher {
    pipeline: Arc<Pipeline>,
}

impl Batcher {
    /// Writes to `sink`, and to `spool` while the sink does not answer. `observer` is told what becomes of
    /// records; `()` ignores it.
    ///
    /// A spool belongs to one batcher, because it is drained into that batcher's sink.
    #[must_use]
    pub fn new(
        sink: Arc<dyn AuditSink>,
        spool: Option<Spool>,
        limits: QueueLimits,
        observer: impl Observer + 'static,
    ) -> Self {
        let limits = limits.within_reason();
        // One fewer than there are connections, so that locked streams never occupy all of them.
        let locked = limits.connections.saturating_sub(1).clamp(1, Semaphore::MAX_PERMITS);
        let pipeline = Arc::new(Pipeline {
            sink,
            spool,
            limits,
            listener: Listener::new(observer),
            queue: Arc::new(Queue::new(limits)),
            breaker: CircuitBreaker::new(limits.wait),
            locked: Semaphore::new(locked),
            is_spool_failing: AtomicBool::new(false),
            hurry: watch::Sender::new(false),
            tending: Tending::default(),
        });
        Self { pipeline }
    }

    /// Starts to drain what an earlier process left in the spool. Outside a runtime it does nothing, and the first
    /// record starts the drain.
    pub fn start(&self) {
        if Handle::try_current().is_ok() {
            self.tend_spool();
        }
    }

    /// The spool, which takes records while the database is away.
    #[must_use]
    pub fn spool(&self) -> Option<&Spool> {
        self.pipeline.spool.as_ref()
    }

    /// The sink as the store that admits effects, if it is one.
    #[must_use]
    pub fn admission(&self) -> Option<&dyn AdmissionStore> {
        self.pipeline.sink.admission()
    }

    /// Until when the sink is prepared: [`AuditSink::prepared_until`].
    ///
    /// # Errors
    /// The sink's errors, and [`StoreError::Unavailable`] if it does not answer in time.
    pub async fn prepared_until(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        let wait = self.wait();
        let answer = timeout(wait, self.pipeline.sink.prepared_until()).await;
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
        self.pipeline.sink.prepare().await
    }

    /// Whether the database was last found to be away. No I/O.
    #[must_use]
    pub fn is_away(&self) -> bool {
        self.pipeline.breaker.is_open()
    }

    /// Returns true if the database should not be asked about this stream now, because it was last found to be away,
    /// or because earlier events of the stream are still in the spool. No I/O.
    #[must_use]
    pub fn is_away_for(&self, stream_id: StreamId) -> bool {
        self.is_away() || self.spool().is_some_and(|spool| spool.holds(stream_id))
    }

    /// Reports that the database did not answer a call past the queue that began at `since`. If it is away, records
    /// go to the spool, if there is one, until a drain reaches it again.
    pub fn unanswered(&self, why: &StoreError, since: Instant) {
        if self.spool().is_some() {
            let pipeline = Arc::clone(&self.pipeline);
            let away = Away { why: why.clone().into(), is_silent: true };
            // The caller's time is up, so it must not wait for this.
            tokio::spawn(async move {
                pipeline.breaker.consider(&away, since, &*pipeline.sink).await;
            });
        }
    }

    /// How long a caller waits for the database.
    #[must_use]
    pub fn wait(&self) -> Duration {
        self.pipeline.limits.wait
    }

    /// Failures whose callers were gone, since the last call.
    #[must_use]
    pub fn take_unheard(&self) -> Failures {
        self.pipeline.queue.unheard.take()
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

    /// As [`submit`](Self::submit), but the caller waits for the database until `deadline`. After that the record goes
    /// to the spool at once. Without a spool the caller gets an error, and the write is still tried once.
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
        Handle::try_current().map_err(|_| WriteError::NoRuntime)?;
        let queue = &self.pipeline.queue;
        let Entered { mut answer, overflowed, is_writer_wanted } = queue.enter(record, deadline)?;
        if is_writer_wanted {
            Writer::start_hired(&self.pipeline);
        }
        self.tend_spool();
        if let Some((place, leaves_at)) = overflowed {
            match Box::pin(self.listen(&mut answer, leaves_at)).await {
                Some(answer) => return answer,
                None if queue.leave(place) => return Err(queue.overloaded()),
                // It left the overflow just now.
                None => {}
            }
        }
        let patience = if self.spool().is_some() { SPOOL_WAIT } else { Duration::ZERO };
        let heard = self.listen(&mut answer, deadline + patience).await;
        heard.unwrap_or_else(|| answer.give_up(self.no_answer()))
    }

    async fn listen(
        &self,
        answer: &mut ReplyReceiver,
        until: Instant,
    ) -> Option<Result<Recorded, WriteError>> {
        loop {
            match timeout_at(until, answer.heard()).await {
                Ok(Heard::Answered(answer)) => return Some(answer),
                Ok(Heard::Orphaned) => Writer::start(&self.pipeline),
                // Boxed, because it is rare and would enlarge every caller's future.
                Err(_) => match Box::pin(ready_at_deadline(answer.heard())).await {
                    Some(Heard::Answered(answer)) => return Some(answer),
                    _ => return None,
                },
            }
        }
    }

    /// Starts a drain if the spool holds anything, and the search for files of dead processes.
    fn tend_spool(&self) {
        if let Some(spool) = self.spool() {
            if spool.depth().events > 0 {
                Drain::start(&self.pipeline);
            }
            Adoption::start(&self.pipeline);
        }
    }

    /// Takes no more records, and waits for at most `limit` until all that it took are durable. After half of that
    /// time the rest goes to the spool, if there is one. What is in the spool stays there for the next process:
    /// [close](Spool::close) it afterwards.
    ///
    /// # Errors
    /// [`ShutdownError`] if records are left. They are still written while the process lives.
    pub async fn shutdown(&self, limit: Duration) -> Result<(), ShutdownError> {
        let queue = &self.pipeline.queue;
        queue.close();
        if Handle::try_current().is_ok() {
            Writer::start(&self.pipeline);
            self.wait_until_empty(limit).await;
        }
        self.pipeline.tending.end();
        let events = queue.unanswered();
        if events == 0 {
            return Ok(());
        }
        let spooled = self.spool().map(Spool::depth).unwrap_or_default().events;
        Err(ShutdownError { events, effects: 0, spooled })
    }

    async fn wait_until_empty(&self, limit: Duration) {
        let pipeline = &self.pipeline;
        let first = if pipeline.spool.is_some() { limit / 2 } else { limit };
        if timeout(first, pipeline.queue.empty()).await.is_err() && pipeline.spool.is_some() {
            pipeline.hurry.send_replace(true);
            drop(timeout(limit.saturating_sub(first), pipeline.queue.empty()).await);
        }
    }

    #[cold]
    fn no_answer(&self) -> WriteError {
        let message = format!("no answer within {:?}", self.wait());
        StoreError::unavailable("append", message).into()
    }
}

impl fmt::Debug for Batcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batcher")
            .field("sink", &self.pipeline.sink)
            .field("limits", &self.pipeline.limits)
            .finish_non_exhaustive()
    }
}
