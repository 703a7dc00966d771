//! Emptying the spool into the database, beside what is recorded at the same time.

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
/// A database that takes a batch within this, or within the time a caller waits, is there again.
const QUICK: Duration = Duration::from_secs(1);
/// How long the spool may take to give what it holds.
const SPOOL_LIMIT: Duration = Duration::from_mins(1);
/// The pauses between two tries while the database is away.
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(5);

/// The one drain of a batcher.
pub(super) struct Drain {
    pipeline: Arc<Pipeline>,
    report: DrainReport,
    /// Whether it brought more than what the last drain said of itself.
    is_news: bool,
    /// Streams of which an event is still to be written: what is behind it must wait, and others pass by.
    held: HashSet<StreamId>,
    /// Events of the next batch: fewer where the last one was too much.
    batch_events: usize,
    /// How long the next call may take: longer where the last one was silent.
    limit: Duration,
}

impl Drain {
    /// Starts the drain, unless it goes on already.
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
                // Somebody closed it, for the next process.
                Err(SpoolError::Closed) => return pipeline.breaker.close(),
                Err(error) => {
                    log_line!(error, %error, "the spool fails");
                    // What it holds must wait, and nothing else: the next event tries the database.
                    pipeline.breaker.close();
                    sleep(backoff.pause()).await;
                }
            }
        }
        // Nobody else would find the database back: not after a spool that failed when it was needed, nor of one that
        // is slow.
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
            // Those that are held are tried again after a pause.
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
        // A crash in between leaves them in the spool: appended again, they get their first receipts.
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

    /// The database took nothing, or nothing any more.
    async fn is_away(
        &mut self,
        away: &Away,
        began: Instant,
        events: usize,
        open: &HashSet<StreamId>,
    ) {
        self.pipeline.breaker.consider(away, began, &*self.pipeline.sink).await;
        // It may have been too much at once, so that no batch of this size will ever do.
        self.batch_events = (self.batch_events.min(events) / 2).max(1);
        if away.is_silent {
            self.limit = (self.limit * 2).min(self.pipeline.limits.call_limit);
        }
        if open.len() == 1 {
            // Or it is this stream alone: the next are tried before it.
            self.held.extend(open);
        }
    }

    /// The database answered.
    fn is_there(&mut self, took: &[Duration]) {
        let base = self.pipeline.limits.wait.max(QUICK);
        // One that answers later than callers had better wait for it is not back.
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
    /// Something: on with the next.
    Some,
    /// Nothing of these streams: on with others.
    Held,
    /// Nothing: the next try needs a pause.
    Tried,
}

/// A batch by what became of its records, each by its place in the spool.
#[derive(Default)]
struct Sorted {
    stored: Vec<u64>,
    refused: Vec<(u64, String)>,
    /// Streams of which a record is still to be written.
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
                        // A defect of the sink, or another key. The record stays, and others pass by.
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
