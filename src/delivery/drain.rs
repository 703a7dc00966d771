//! Empties the spool into the database while new events are recorded.

use std::collections::HashSet;
use std::mem;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::append::{Append, BatchOutcome};
use super::circuit_breaker::{Away, chain};
use super::drain_report::DrainReport;
use super::error::AtFault;
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

/// A drain of the spool.
pub(super) struct Drain<'a> {
    pipeline: &'a Pipeline,
    spool: &'a Spool,
    report: DrainReport,
    /// Whether it brought any event other than the report of the last drain.
    is_news: bool,
    /// Streams that have an event that could not be written yet. Their later events wait; other streams go on.
    held: HashSet<StreamId>,
    /// Events of the next batch: fewer if the last one was too much.
    batch_events: usize,
    /// How long the next call may take: longer if the last one went unanswered.
    limit: Duration,
    backoff: Backoff,
}

impl<'a> Drain<'a> {
    pub(super) fn new(pipeline: &'a Pipeline, spool: &'a Spool) -> Self {
        Self {
            pipeline,
            spool,
            report: DrainReport::default(),
            is_news: false,
            held: HashSet::new(),
            batch_events: BATCH_EVENTS,
            limit: pipeline.limits.wait.max(QUICK),
            backoff: Backoff::new(RETRY_FIRST, 2, RETRY_MAX),
        }
    }

    /// Goes on until the spool is empty. Fails if the spool was closed, for the next process.
    pub(super) async fn run(mut self) -> Result<(), SpoolError> {
        loop {
            match self.bring().await {
                Ok(true) => {}
                Ok(false) => break,
                Err(SpoolError::Closed) => return Err(SpoolError::Closed),
                Err(error) => {
                    log_line!(error, %error, "the spool fails");
                    // Only what the spool holds must wait: the next event tries the database.
                    self.pipeline.breaker.close();
                    self.pause().await;
                }
            }
        }
        if self.is_news {
            self.pipeline.listener.tell(|observer| observer.drained(self.report));
        }
        Ok(())
    }

    async fn pause(&mut self) {
        sleep(self.backoff.pause()).await;
    }

    /// Brings the next batch to the database. Returns false if the spool is empty.
    async fn bring(&mut self) -> Result<bool, SpoolError> {
        let front = self.spool.front_without(self.held.clone(), self.batch_events, BATCH_BYTES);
        let front = timeout(SPOOL_LIMIT, front).await;
        let mut front =
            front.unwrap_or(Err(SpoolError::Interrupted { doing: "read its front" }))?;
        if front.is_empty() {
            if mem::take(&mut self.held).is_empty() {
                return Ok(false);
            }
            // Held streams are tried again after a pause.
            self.pause().await;
            return Ok(true);
        }
        front.sort_by_cached_key(|spooled| spooled.record.stream_id());
        let (places, records): (Vec<u64>, Vec<Record>) =
            front.into_iter().map(|Spooled { place, record, .. }| (place, record)).unzip();
        let (sink, breaker) = (&*self.pipeline.sink, &self.pipeline.breaker);
        let began = Instant::now();
        let outcome = Append::run(sink, breaker, &records, sleep(self.limit)).await;
        let sorted = Sorted::of(&places, &records, &outcome);
        // A crash before this leaves them in the spool. They are appended again, and get their first receipts.
        self.spool.remove(sorted.stored.iter().copied()).await?;
        self.pipeline.listener.appended(&records, &outcome);
        let is_any_gone = sorted.stored.len() + sorted.refused.len() > 0;
        if is_any_gone {
            self.backoff.reset();
            self.count(&records, sorted.stored.len());
        }
        if !sorted.refused.is_empty() {
            self.set_aside(sorted.refused).await?;
        }
        if let Some(away) = outcome.away {
            self.is_away(&away, began, records.len(), sorted.open).await;
            if !is_any_gone {
                self.pause().await;
            }
        } else {
            self.is_there(&outcome.took);
            self.held.extend(sorted.open);
        }
        Ok(true)
    }

    async fn set_aside(&mut self, refused: Vec<(u64, String)>) -> Result<(), SpoolError> {
        let events = refused.len();
        log_line!(error, events, "the database refuses spooled events: they are set aside");
        self.spool.set_aside(refused).await?;
        let events = u64::try_from(events).unwrap_or(u64::MAX);
        self.pipeline.listener.tell(|observer| observer.set_aside(events));
        self.report.set_aside += events;
        Ok(())
    }

    fn count(&mut self, records: &[Record], stored: usize) {
        self.report.stored += u64::try_from(stored).unwrap_or(u64::MAX);
        for record in records {
            self.report.count(record);
            let says = record.header().event_type.as_str();
            self.is_news |= says != EventType::AUDIT_SPOOL_DRAINED.as_str();
        }
    }

    /// Handles a call that the database did not answer, or answered only in part.
    async fn is_away(
        &mut self,
        away: &Away,
        began: Instant,
        events: usize,
        open: HashSet<StreamId>,
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

/// The records of a batch sorted by their results, as places in the spool.
#[derive(Default)]
struct Sorted {
    stored: Vec<u64>,
    refused: Vec<(u64, String)>,
    /// Streams that have a record that is still to be written.
    open: HashSet<StreamId>,
}

impl Sorted {
    fn of(places: &[u64], records: &[Record], outcome: &BatchOutcome) -> Self {
        let mut sorted = Self::default();
        for ((&place, record), result) in places.iter().zip(records).zip(&outcome.results) {
            match result {
                Some(Ok(_)) => sorted.stored.push(place),
                Some(Err(error)) if error.at_fault() == AtFault::Record => {
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
