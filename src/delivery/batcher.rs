//! The entrance of this room: takes records from many callers and writes them in batches.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::answer_by::answer_by;
use super::circuit_breaker::{Away, CircuitBreaker};
use super::observer::Listener;
use super::pending::{Answer, AnswerReceiver};
use super::pipeline::{Pipeline, SPOOL_WAIT, SpoolTask};
use super::queue::{Entered, Queue};
use super::spool::Spool;
use super::spool_upkeep;
use super::writer::Writer;
use super::{Failures, Observer, QueueLimits, ShutdownError, WriteError};
use crate::event::StreamId;
use crate::record::{Record, Recorded};
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
            spool_task: SpoolTask::default(),
        });
        Self { pipeline }
    }

    /// Starts to drain what an earlier process left in the spool. Outside a runtime it does nothing, and the first
    /// record starts the drain.
    pub fn start(&self) {
        if Handle::try_current().is_ok() {
            spool_upkeep::start(&self.pipeline);
        }
    }

    /// The spool, which takes records while the database is away.
    #[must_use]
    pub fn spool(&self) -> Option<&Spool> {
        self.pipeline.spool.as_ref()
    }

    /// The sink, for calls that do not go through the queue.
    #[must_use]
    pub fn sink(&self) -> &dyn AuditSink {
        &*self.pipeline.sink
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
        spool_upkeep::start(&self.pipeline);
        if let Some((place, leaves_at)) = overflowed {
            match Box::pin(self.listen(&mut answer, leaves_at)).await {
                Some(answer) => return answer,
                None if queue.leave(place) => return Err(queue.overloaded()),
                // It left the overflow just now.
                None => {}
            }
        }
        let patience = if self.spool().is_some() { SPOOL_WAIT } else { Duration::ZERO };
        self.listen(&mut answer, deadline + patience).await.unwrap_or_else(|| {
            answer.give_up();
            Err(self.no_answer())
        })
    }

    async fn listen(&self, answer: &mut AnswerReceiver, until: Instant) -> Option<Answer> {
        let answered = async {
            loop {
                match answer.heard().await {
                    Some(answer) => return answer,
                    None => Writer::start(&self.pipeline),
                }
            }
        };
        answer_by(sleep_until(until), answered).await
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
        self.pipeline.spool_task.end();
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
