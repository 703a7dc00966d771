//! Empties the spool into the database while new events are recorded.

use std::collections::HashSet;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::append::{Append, RecordResult};
use super::circuit_breaker::{Away, chain};
use super::drain_report::DrainReport;
use super::pipeline::Pipeline;
use super::spool::{Spool, SpoolError, Spooled};
use crate::event::{EventType, StreamId};
use crate::record::Record;
use crate::store::backoff::Backoff;
use crate::store::log_line::log_line;

const BATCH_EVENTS: usize = 500;
const BATCH_BYTES: usize = 4 << 20;
/// If the database takes a batch within this time, or within the time that a caller waits, it is back.
const QUICK: Duration = Duration::from_secs(1);
/// How long a read of the spool may take.
const SPOOL_LIMIT: Duration = Duration::from_mins(1);
/// The pauses between two tries while the database is away.
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(5);

/// The one drain of a batcher.
pub(super) struct Drain {
    pipeline: Arc<Pipeline>,
    report: DrainReport,
    /// Whether it brought any event other than the report of the last drain.
    is_news: bool,
    /// Streams that have an event that could not be written yet. Their later events wait; other streams go on.
    held: HashSet<StreamId>,
    /// Events of the next batch: fewer if the last one was too much.
    batch_events: usize,
    /// How long the next call may take: longer if the last one went unanswered.
    limit: Duration,
}

impl Drain {
    /// Starts the drain, unless one is running.
    pub(super) fn start(pipeline: &Arc<Pipeline>) {
        let is_draining = &pipeline.tending.is_draining;
        if !is_draining.load(Ordering::Relaxed) && !is_draining.swap(true, Ordering::SeqCst) {
            let drain = Self {
                pipeline: Arc::clone(pipeline),
                report: DrainReport::default(),
                is_news: false,
                held: HashSet::new(),
                batch_events: BATCH_EVENTS,
                limit: pipeline.limits.wait.max(QUICK),
            };
            pipeline.tending.keep(tokio::spawn(drain.run()).abort_handle());
        }
    }

    async fn run(mut self) {
        let pipeline = Arc::clone(&self.pipeline);
        let Some(spool) = &pipeline.spool else { return };
        let mut backoff = Backoff::new(RETRY_FIRST, 2, RETRY_MAX);
        loop {
            match self.bring(spool).await {
                Ok(Brought::Nothing) => break,
                Ok(Brought::Some) => backoff.reset(),
                Ok(Brought::Held) => {}
                Ok(Brought::Tried) => sleep(backoff.pause()).await,
                // The spool was closed, for the next process.
                Err(SpoolError::Closed) => return pipeline.breaker.close(),
                Err(error) => {
                    log_line!(error, %error, "the spool fails");
                    // Only what the spool holds must wait: the next event tries the database.
                    pipeline.breaker.close();
                    sleep(backoff.pause()).await;
                }
            }
        }
        // No one else closes the breaker, not even if the spool failed when it was needed, or if the database is back
        // but slow.
        pipeline.breaker.close();
        if self.is_news {
            pipeline.listener.tell(|observer| observer.drained(self.report));
        }
        drop(self);
        // An event may have been spooled since we looked last.
        if spool.depth().events > 0 {
            Self::start(&pipeline);
        }
    }

    /// Brings the next batch to the database.
    async fn bring(&mut self, spool: &Spool) -> Result<Brought, SpoolError> {
        let front = spool.front_without(self.held.clone(), self.batch_events, BATCH_BYTES);
        let front = timeout(SPOOL_LIMIT, front).await;
        let mut front =
            front.unwrap_or(Err(SpoolError::Interrupted { doing: "read its front" }))?;
        if front.is_empty() {
            // Held streams are tried again after a pause.
            let is_any_held = !mem::take(&mut self.held).is_empty();
            return Ok(if is_any_held { Brought::Tried } else { Brought::Nothing });
        }
        front.sort_by_cached_key(|spooled| spooled.record.stream_id());
        let (places, records): (Vec<u64>, Vec<Record>) =
            front.into_iter().map(|Spooled { place, record, .. }| (place, record)).unzip();
        let (sink, breaker) = (&*self.pipeline.sink, &self.pipeline.breaker);
        let began = Instant::now();
        let outcome = Append { sink, breaker, records: &records }.run(sleep(self.limit)).await;
        let sorted = Sorted::of(&places, &records, &outcome.results);
        // A crash before this leaves them in the spool. They are appended again, and get their first receipts.
        spool.remove(sorted.stored.iter().copied()).await?;
        self.pipeline.listener.appended(&records, &outcome.results, &outcome.took);
        self.count(&records, &sorted);
        if !sorted.refused.is_empty() {
            self.set_aside(spool, &sorted.refused).await?;
        }
        if let Some(away) = &outcome.away {
            self.is_away(away, began, records.len(), &sorted.open).await;
        } else {
            self.is_there(&outcome.took);
            self.held.extend(&sorted.open);
        }
        Ok(match (sorted.stored.len() + sorted.refused.len(), outcome.away) {
            (0, Some(_)) => Brought::Tried,
            (0, None) => Brought::Held,
            _ => Brought::Some,
        })
    }

    async fn set_aside(
        &mut self,
        spool: &Spool,
        refused: &[(u64, String)],
    ) -> Result<(), SpoolError> {
        let events = refused.len();
        log_line!(error, events, "the database refuses spooled events: they are set aside");
        spool.set_aside(refused.iter().map(|(place, why)| (*place, why))).await?;
        let refused = u64::try_from(events).unwrap_or(u64::MAX);
        self.pipeline.listener.tell(|observer| observer.set_aside(refused));
        self.report.set_aside += refused;
        Ok(())
    }

    fn count(&mut self, records: &[Record], sorted: &Sorted) {
        self.report.stored += u64::try_from(sorted.stored.len()).unwrap_or(u64::MAX);
        if sorted.stored.len() + sorted.refused.len() > 0 {
            for record in records {
                self.report.count(record);
                let says = record.header().event_type.as_str();
                self.is_news |= says != EventType::AUDIT_SPOOL_DRAINED.as_str();
            }
        }
    }

    /// Handles a call that the database did not answer, or answered only in part.
    async fn is_away(
        &mut self,
        away: &Away,
        began: Instant,
        events: usize,
        open: &HashSet<StreamId>,
    ) {
        self.pipeline.breaker.consider(away, began, &*self.pipeline.sink).await;
        // The batch may have been too large, so that none of this size would ever pass.
        self.batch_events = (self.batch_events.min(events) / 2).max(1);
        if away.is_silent {
            self.limit = (self.limit * 2).min(self.pipeline.limits.call_limit);
        }
        if open.len() == 1 {
            // It may be this stream alone, so we try the others first.
            self.held.extend(open);
        }
    }

    /// Handles an answer.
    fn is_there(&mut self, took: &[Duration]) {
        let base = self.pipeline.limits.wait.max(QUICK);
        // If it answers more slowly than callers wait, it is not back.
        if took.iter().max().is_some_and(|slowest| *slowest < base) {
            self.pipeline.breaker.close();
        }
        self.limit = base;
        self.batch_events = (self.batch_events * 2).min(BATCH_EVENTS);
    }
}

impl Drop for Drain {
    fn drop(&mut self) {
        self.pipeline.tending.is_draining.store(false, Ordering::SeqCst);
    }
}

enum Brought {
    /// The spool is empty.
    Nothing,
    /// Some records: go on with the next.
    Some,
    /// No record of these streams: go on with others.
    Held,
    /// No record: pause before the next try.
    Tried,
}

/// The records of a batch sorted by their results, as places in the spool.
#[derive(Default)]
struct Sorted {
    stored: Vec<u64>,
    refused: Vec<(u64, String)>,
    /// Streams that have a record that is still to be written.
    open: HashSet<StreamId>,
}

impl Sorted {
    fn of(places: &[u64], records: &[Record], results: &[Option<RecordResult>]) -> Self {
        let mut sorted = Self::default();
        for ((&place, record), result) in places.iter().zip(records).zip(results) {
            match result {
                Some(Ok(_)) => sorted.stored.push(place),
                Some(Err(error)) if error.is_of_the_record() => {
                    sorted.refused.push((place, chain(error)));
                }
                still_open => {
                    if let Some(Err(error)) = still_open {
                        // A defect of the sink, or another key. The record stays, and other streams go on.
                        let error = error.to_string();
                        log_line!(error, error, place, "a spooled event cannot be appended");
                    }
                    sorted.open.insert(record.stream_id());
                }
            }
        }
        sorted
    }
}
