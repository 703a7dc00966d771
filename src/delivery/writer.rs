//! The way of a batch: to the database while that answers, else to the spool.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use super::WriteError;
use super::append::Append;
use super::batch::Batch;
use super::circuit_breaker::Away;
use super::error::AtFault;
use super::pipeline::{Pipeline, SPOOL_WAIT};
use super::queue::QueueWriter;
use super::spool::{Spool, SpoolError};
use crate::event::StreamId;
use crate::record::Recorded;
use crate::store::backoff::Backoff;
use crate::store::log_line::log_line;

/// If a batch takes longer than this, another writer takes the next one.
const SLOW: Duration = Duration::from_millis(20);
/// The pauses between two tries of one batch.
const RETRY_FIRST: Duration = Duration::from_millis(20);
const RETRY_MAX: Duration = Duration::from_millis(500);

/// Writes one batch after another until nothing is left for it.
pub(super) struct Writer {
    pipeline: Arc<Pipeline>,
    queue: QueueWriter,
}

impl Writer {
    /// Starts a writer if the queue needs one.
    pub(super) fn start(pipeline: &Arc<Pipeline>) {
        if pipeline.queue.hire() {
            Self::start_hired(pipeline);
        }
    }

    /// Starts a writer that the queue has already counted.
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

    /// The callers of the last batch come back now with their next records. Waits while they do, so that these make one
    /// batch. A single caller notices no delay.
    async fn wait_for_others(&self, answered: usize) {
        let mut accepted = self.queue.accepted();
        let enough = accepted + answered;
        while accepted < enough {
            tokio::task::yield_now().await;
            let before = mem::replace(&mut accepted, self.queue.accepted());
            if accepted == before {
                break;
            }
        }
    }
}

/// Brings one batch to the database or the spool.
struct BatchDelivery {
    pipeline: Arc<Pipeline>,
    /// Set if the batch is one stream that was locked.
    locked: Option<WriteError>,
}

impl BatchDelivery {
    /// Writes a batch, and answers its callers.
    async fn write(self, mut batch: Batch) {
        let Some(spool) = &self.pipeline.spool else { return self.append(batch).await };
        let (is_away, now) = (self.pipeline.breaker.is_open(), Instant::now());
        let spooled = batch.streams_where(|record, waiter| {
            // A record that is out of time skips the database, or its whole batch would be late.
            is_away || waiter.deadline <= now || spool.holds(record.stream_id())
        });
        // Neither part waits for the other.
        tokio::join!(self.spool(spool, batch.split_off(&spooled)), self.append(batch));
    }

    /// Appends until the callers' deadline. What the database has not taken by then goes to the spool.
    async fn append(&self, mut batch: Batch) {
        let pipeline = &*self.pipeline;
        let mut backoff = Backoff::new(RETRY_FIRST, 2, RETRY_MAX);
        loop {
            // In another batch, later records of a locked stream would only meet the lock again.
            if self.locked.is_some() && !batch.is_full() {
                batch.refill();
            }
            let Some((first, last)) = batch.deadlines() else { return };
            // Without a spool we try until the last deadline. Callers whose own deadline passes stop waiting by
            // themselves.
            let until = if pipeline.spool.is_some() { first } else { last };
            let began = Instant::now();
            let Some(away) = self.try_append(&mut batch, until).await else { continue };
            let next = Instant::now() + backoff.pause();
            if away.why.is_retryable() && next < until && !pipeline.is_hurried() {
                pipeline.out_of_time(next).await;
                continue;
            }
            let Some(spool) = &pipeline.spool else {
                batch.answer(|_, _| Some(Err(away.why.clone())));
                continue;
            };
            // Later records of a locked stream must follow it to the spool, and no writer may be free before their
            // callers' time is up.
            while self.locked.is_some() && batch.refill() {}
            let consider = async {
                if away.why.at_fault() == AtFault::Database && !pipeline.is_hurried() {
                    pipeline.breaker.consider(&away, began, &*pipeline.sink).await;
                }
            };
            return tokio::join!(self.spool(spool, batch), consider).0;
        }
    }

    /// Tries once, and answers the callers whose records have a result. Returns why the rest is not written; `None` if
    /// only an earlier record of the same stream was in the way.
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
        // Calls must not pile up in a sink that has no limit of its own.
        let limit = if has_spool { until } else { Instant::now() + pipeline.limits.call_limit };
        let (sink, breaker, records) = (&*pipeline.sink, &pipeline.breaker, batch.records());
        let outcome = Append::run(sink, breaker, records, pipeline.out_of_time(limit)).await;
        drop(turn);
        // The observer is told first, so that a caller with an answer finds its record counted.
        pipeline.listener.appended(records, &outcome);
        let mut results = outcome.results.into_iter();
        batch.answer(|_, _| Some(results.next()??.map(Recorded::Chained)));
        let mut locked = outcome.locked.into_iter();
        if self.locked.is_none() {
            locked.by_ref().for_each(|(stream, why)| self.append_alone(batch, stream, why));
        }
        let locked = locked.next().map(|(_, why)| Away { why, is_silent: false });
        outcome.away.or(locked)
    }

    /// Gives a locked stream to a task of its own, so that it delays no other.
    fn append_alone(&self, batch: &mut Batch, stream: StreamId, why: WriteError) {
        let batch = batch.split_off(&HashSet::from([stream]));
        let delivery = Self { pipeline: Arc::clone(&self.pipeline), locked: Some(why) };
        tokio::spawn(async move {
            delivery.pipeline.out_of_time(Instant::now() + RETRY_FIRST).await;
            delivery.append(batch).await;
            Writer::start(&delivery.pipeline);
        });
    }

    /// Pushes a batch to the spool as far as there is room, and starts a drain.
    async fn spool(&self, spool: &Spool, mut batch: Batch) {
        let pipeline = &*self.pipeline;
        while !batch.is_empty() {
            let (spool, records) = (spool.clone(), batch.records().to_vec());
            let mut push = Box::pin(async move { spool.push(records).await });
            let pushed = timeout(SPOOL_WAIT, &mut push).await;
            let is_late = pushed.is_err();
            let pushed = pushed.unwrap_or_else(|_| {
                Err(SpoolError::io("keep records", ErrorKind::TimedOut.into()))
            });
            let failed_before = pipeline.is_spool_failing.swap(pushed.is_err(), Ordering::Relaxed);
            // Before the callers are answered, so that a shutdown that waits for their answers also ends the drain.
            pipeline.spool_task.drain();
            match pushed {
                Ok(kept) => {
                    for record in batch.records().iter().take(kept) {
                        pipeline.listener.tell(|observer| observer.spooled(record));
                    }
                    batch.answer(|nth, record| (nth < kept).then(|| Ok(Recorded::spooled(record))));
                }
                Err(error) => {
                    let error = Arc::new(error);
                    if !failed_before {
                        let error = Arc::clone(&error);
                        log_line!(error, %error, "events cannot be spooled");
                    }
                    batch.answer(|_, _| Some(Err(WriteError::Spool(Arc::clone(&error)))));
                }
            }
            if is_late {
                return self.wait_for(push, batch);
            }
        }
    }

    /// A late push may still land, so no later event of its streams is written until it has ended.
    fn wait_for(&self, push: impl Future<Output: Send> + Send + 'static, batch: Batch) {
        let pipeline = Arc::clone(&self.pipeline);
        tokio::spawn(async move {
            push.await;
            drop(batch);
            pipeline.spool_task.drain();
            Writer::start(&pipeline);
        });
    }
}
