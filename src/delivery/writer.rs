//! The way of a batch: to the database while that answers, else to the spool.

use std::collections::HashSet;
use std::io;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use super::WriteError;
use super::append::Append;
use super::batch::Batch;
use super::circuit_breaker::Away;
use super::drain::Drain;
use super::pipeline::{Pipeline, SPOOL_WAIT};
use super::queue::QueueWriter;
use super::spool::{Spool, SpoolError};
use crate::event::StreamId;
use crate::store::backoff::Backoff;
use crate::store::log_line::log_line;

/// A batch that takes longer than this is waited for by nobody but its own callers.
const SLOW: Duration = Duration::from_millis(20);
/// The pauses between two tries of one batch.
const RETRY_FIRST: Duration = Duration::from_millis(20);
const RETRY_MAX: Duration = Duration::from_millis(500);

/// Writes one batch after the other, until there is nothing to write, or others do.
pub(super) struct Writer {
    pipeline: Arc<Pipeline>,
    queue: QueueWriter,
}

impl Writer {
    /// Starts a writer if the queue wants one.
    pub(super) fn start(pipeline: &Arc<Pipeline>) {
        if pipeline.queue.hire() {
            Self::start_hired(pipeline);
        }
    }

    /// Starts a writer that the queue has counted already.
    pub(super) fn start_hired(pipeline: &Arc<Pipeline>) {
        let queue = QueueWriter::hired(&pipeline.queue);
        tokio::spawn(Self { pipeline: Arc::clone(pipeline), queue }.run());
    }

    async fn run(mut self) {
        while let Some((pending, in_flight)) = self.queue.take() {
            Self::start(&self.pipeline);
            let len = pending.len();
            let delivery = BatchDelivery { pipeline: Arc::clone(&self.pipeline), locked: None };
            let mut writing = Box::pin(delivery.write(Batch::of(pending, in_flight)));
            if timeout(SLOW, &mut writing).await.is_err() {
                self.queue.is_slow();
                Self::start(&self.pipeline);
                writing.await;
            }
            self.wait_for_others(len).await;
        }
    }

    /// The callers of the last batch come back now: lets them, as long as they do, so that they make
    /// the next one together. A caller alone does not notice.
    async fn wait_for_others(&self, answered: usize) {
        let mut arrived = self.queue.arrived();
        let enough = arrived + answered;
        while arrived < enough {
            tokio::task::yield_now().await;
            let before = mem::replace(&mut arrived, self.queue.arrived());
            if arrived == before {
                break;
            }
        }
    }
}

/// Brings one batch to the database or the spool.
struct BatchDelivery {
    pipeline: Arc<Pipeline>,
    /// The batch is of one stream, which was found locked.
    locked: Option<WriteError>,
}

impl BatchDelivery {
    /// Writes a batch, and answers everybody who waits for it.
    async fn write(self, mut batch: Batch) {
        let Some(spool) = &self.pipeline.spool else { return self.append(batch).await };
        let (is_away, now) = (self.pipeline.breaker.is_open(), Instant::now());
        let spooled = batch.streams_where(|record, waiter| {
            // Out of time: the database is not asked, or all that is written together would be late.
            is_away || waiter.deadline <= now || spool.holds(record.stream_id())
        });
        // No caller waits for the other part.
        tokio::join!(self.spool(spool, batch.split_off(&spooled)), self.append(batch));
    }

    /// Appends while callers wait for it; what the database has not taken then goes to the spool.
    async fn append(&self, mut batch: Batch) {
        let pipeline = &*self.pipeline;
        let mut backoff = Backoff::new(RETRY_FIRST, 2, RETRY_MAX);
        loop {
            // Beside others, what waits of a locked stream would only meet the lock again.
            if self.locked.is_some() && !batch.is_full() {
                batch.refill();
            }
            let Some((first, last)) = batch.deadlines() else { return };
            // Without a spool there is nowhere else to go. Callers look at the time by themselves, and the last of
            // them is worth another try.
            let until = if pipeline.spool.is_some() { first } else { last };
            let began = Instant::now();
            let Some(away) = self.try_append(&mut batch, until).await else { continue };
            let next = Instant::now() + backoff.pause();
            if away.why.is_retryable() && next < until && !pipeline.is_hurried() {
                pipeline.out_of_time(next).await;
                continue;
            }
            let Some(spool) = &pipeline.spool else {
                batch.fail(&away.why, &pipeline.queue.unheard);
                continue;
            };
            // What waits of a locked stream has to follow it, and no writer may be free before the time of its
            // callers is up.
            while self.locked.is_some() && batch.refill() {}
            let may_be_outage = !away.why.is_locked() && !pipeline.is_hurried();
            let consider = pipeline.breaker.consider(&away, began, &*pipeline.sink);
            return tokio::join!(self.spool(spool, batch), when(may_be_outage, consider)).0;
        }
    }

    /// Tries once, and answers whoever can be answered. Why what is left is not written; none where another
    /// record of it was in the way.
    async fn try_append(&self, batch: &mut Batch, until: Instant) -> Option<Away> {
        let pipeline = &*self.pipeline;
        let mut turn = None;
        if let Some(why) = &self.locked {
            turn = timeout_at(until, pipeline.locked.acquire()).await.ok();
            if turn.is_none() {
                return Some(Away { why: why.clone(), is_silent: false });
            }
        }
        let has_spool = pipeline.spool.is_some();
        // A sink without a limit of its own must not gather calls.
        let limit = if has_spool { until } else { Instant::now() + pipeline.limits.call_limit };
        let records = batch.records();
        let append = Append { sink: &*pipeline.sink, breaker: &pipeline.breaker, records };
        let outcome = append.run(pipeline.out_of_time(limit)).await;
        drop(turn);
        // Who observes is told first: whoever has an answer finds the record counted.
        pipeline.listener.appended(batch.records(), &outcome.results, &outcome.took);
        batch.answer(outcome.results, &pipeline.queue.unheard);
        let mut locked = outcome.locked.into_iter();
        if self.locked.is_none() {
            locked.by_ref().for_each(|(stream, why)| self.append_alone(batch, stream, why));
        }
        let locked = locked.next().map(|(_, why)| Away { why, is_silent: false });
        outcome.away.or(locked)
    }

    /// Leaves a stream that is locked to a task of its own: nobody else notices.
    fn append_alone(&self, batch: &mut Batch, stream: StreamId, why: WriteError) {
        let batch = batch.split_off(&HashSet::from([stream]));
        let delivery = Self { pipeline: Arc::clone(&self.pipeline), locked: Some(why) };
        tokio::spawn(async move {
            delivery.pipeline.out_of_time(Instant::now() + RETRY_FIRST).await;
            delivery.append(batch).await;
            Writer::start(&delivery.pipeline);
        });
    }

    /// Puts a batch into the spool as far as there is room, and sees to it that it is drained.
    async fn spool(&self, spool: &Spool, mut batch: Batch) {
        let pipeline = &*self.pipeline;
        while !batch.is_empty() {
            let (spool, records) = (spool.clone(), batch.records().to_vec());
            let mut push = Box::pin(async move { spool.push(records).await });
            let (pushed, late) = match timeout(SPOOL_WAIT, &mut push).await {
                Ok(pushed) => (pushed, None),
                Err(_) => (Err(unanswered()), Some(push)),
            };
            let failed_before = pipeline.is_spool_failing.swap(pushed.is_err(), Ordering::Relaxed);
            // Before anybody is answered: a shutdown that waits for the answers ends what it starts.
            Drain::start(&self.pipeline);
            match pushed {
                Ok(kept) => {
                    for record in batch.records().iter().take(kept) {
                        pipeline.listener.tell(|observer| observer.spooled(record));
                    }
                    batch.spooled(kept, &pipeline.queue.unheard);
                }
                Err(error) => {
                    let error = Arc::new(error);
                    if !failed_before {
                        let error = Arc::clone(&error);
                        log_line!(error, %error, "events cannot be spooled");
                    }
                    batch.fail(&WriteError::Spool(error), &pipeline.queue.unheard);
                }
            }
            if let Some(late) = late {
                return self.wait_for(late, batch);
            }
        }
    }

    /// A push that is late may land yet: until it has ended, no later event of its streams is written.
    fn wait_for(&self, push: impl Future<Output: Send> + Send + 'static, batch: Batch) {
        let pipeline = Arc::clone(&self.pipeline);
        tokio::spawn(async move {
            push.await;
            drop(batch);
            Drain::start(&pipeline);
            Writer::start(&pipeline);
        });
    }
}

async fn when(is: bool, then: impl Future<Output = ()>) {
    if is {
        then.await;
    }
}

#[cold]
fn unanswered() -> SpoolError {
    let source = Arc::new(io::ErrorKind::TimedOut.into());
    SpoolError::Io { doing: "keep records", source }
}
