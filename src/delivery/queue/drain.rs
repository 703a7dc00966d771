//! Emptying the spool into the database, beside what is recorded at the same time.

use std::collections::HashSet;
use std::mem;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use super::append::{Verdict, append};
use super::backoff::Backoff;
use super::gate::chain;
use super::{Shared, WriteError};
use crate::delivery::{Spool, SpoolError, Spooled};
use crate::event::{EventType, StreamId};
use crate::record::Record;
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
/// How often the files of dead processes are looked for.
const ADOPT_EVERY: Duration = Duration::from_mins(1);

/// What was brought from the spool to the database, from its first event on until it was empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DrainReport {
    /// Events that are stored now; of some it may have been known before.
    pub stored: u64,
    /// Events that the database refuses for good, or knows with other content. They are kept in the
    /// spool's file, set aside.
    pub set_aside: u64,
    /// The time of the oldest event.
    pub oldest_at: Option<DateTime<Utc>>,
    /// The time of the newest event.
    pub newest_at: Option<DateTime<Utc>>,
}

impl DrainReport {
    fn count(&mut self, record: &Record) {
        let at = record.header().created_at;
        self.oldest_at = Some(self.oldest_at.map_or(at, |oldest| oldest.min(at)));
        self.newest_at = Some(self.newest_at.map_or(at, |newest| newest.max(at)));
    }
}

impl Shared {
    /// Starts a drain where the spool holds anything, and the search for files of dead processes.
    pub(super) fn tend_spool(self: &Arc<Self>) {
        let Some(spool) = &self.spool else { return };
        if spool.depth().events > 0 {
            self.start_drain();
        }
        if !self.is_adopting.load(Ordering::Relaxed)
            && !self.is_adopting.swap(true, Ordering::SeqCst)
        {
            let adoption = tokio::spawn(Adoption(Arc::downgrade(self)).run());
            self.tend_by(adoption.abort_handle());
        }
    }

    pub(super) fn start_drain(self: &Arc<Self>) {
        if !self.is_draining.load(Ordering::Relaxed)
            && !self.is_draining.swap(true, Ordering::SeqCst)
        {
            let drain = tokio::spawn(Drain::of(self).run());
            self.tend_by(drain.abort_handle());
        }
    }

    /// Ends the drain and the search. Each of their steps leaves the spool as the next process can go
    /// on with it.
    pub(super) fn stop_tending(&self) {
        let mut tending = self.tending.lock().unwrap_or_else(PoisonError::into_inner);
        tending.take().into_iter().flatten().for_each(|task| task.abort());
    }

    fn tend_by(&self, task: AbortHandle) {
        let mut tending = self.tending.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *tending {
            Some(tending) => {
                tending.retain(|task| !task.is_finished());
                tending.push(task);
            }
            None => task.abort(),
        }
    }
}

/// The one drain of a batcher.
struct Drain {
    shared: Arc<Shared>,
    report: DrainReport,
    /// Whether it brought more than what the last drain said of itself.
    is_news: bool,
    /// Whether the database answers, but later than callers had better wait for it.
    is_slow: bool,
    /// Streams of which an event is still to be written: what is behind it must wait, and others pass by.
    held: HashSet<StreamId>,
    /// Events of the next batch: fewer where the last one was too much.
    batch_events: usize,
}

impl Drain {
    fn of(shared: &Arc<Shared>) -> Self {
        Self {
            shared: Arc::clone(shared),
            report: DrainReport::default(),
            is_news: false,
            is_slow: false,
            held: HashSet::new(),
            batch_events: BATCH_EVENTS,
        }
    }

    async fn run(mut self) {
        let Some(spool) = self.shared.spool.clone() else { return };
        let mut backoff = Backoff::new(RETRY_FIRST, RETRY_MAX);
        loop {
            match self.bring(&spool).await {
                Ok(Brought::Nothing) => break,
                Ok(Brought::Some) => backoff.reset(),
                Ok(Brought::Part) => sleep(backoff.pause()).await,
                // Somebody closed it, for the next process.
                Err(SpoolError::Closed) => return self.shared.gate.open(),
                Err(error) => {
                    log_line!(error, %error, "the spool fails");
                    // What it holds must wait, and nothing else: the next event tries the database.
                    self.shared.gate.open();
                    sleep(backoff.pause()).await;
                }
            }
        }
        // Also where the spool failed when it was needed, and holds nothing that would tell.
        if !self.is_slow {
            self.shared.gate.open();
        }
        if self.is_news {
            self.shared.tell(|observer| observer.drained(self.report));
        }
        let shared = Arc::clone(&self.shared);
        drop(self);
        // An event may have been spooled since we looked last.
        if spool.depth().events > 0 {
            shared.start_drain();
        }
    }

    /// Brings the next batch to the database.
    async fn bring(&mut self, spool: &Spool) -> Result<Brought, SpoolError> {
        let front = spool.front_without(self.held.clone(), self.batch_events, BATCH_BYTES);
        let front = timeout(SPOOL_LIMIT, front).await;
        let front = front.unwrap_or(Err(SpoolError::Interrupted { doing: "read its front" }))?;
        if front.is_empty() {
            // Those that are held are tried again after a pause.
            let is_any_held = !mem::take(&mut self.held).is_empty();
            return Ok(if is_any_held { Brought::Part } else { Brought::Nothing });
        }
        let (places, records): (Vec<u64>, Vec<Record>) =
            front.into_iter().map(|Spooled { place, record, .. }| (place, record)).unzip();
        let records = Arc::new(records);
        let sink = Arc::clone(&self.shared.sink);
        let (appending, progress) =
            append(sink, Arc::clone(&records), self.shared.limits.call_limit);
        appending.await;
        let verdicts = progress.verdicts(&records, &self.shared.unanswered());
        let sorted = Sorted::of(&places, &verdicts);
        // A crash in between leaves them in the spool: appended again, they get their first receipts.
        spool.remove(sorted.stored.iter().copied()).await?;
        let took = progress.took();
        self.shared.tell_appended(&records, &verdicts, &took);
        self.count(&records, &sorted);
        if !sorted.refused.is_empty() {
            let events = sorted.refused.len();
            log_line!(error, events, "the database refuses spooled events: they are set aside");
            let refused = sorted.refused.iter().map(|(place, why)| (*place, why));
            spool.set_aside(refused).await?;
            let refused = u64::try_from(sorted.refused.len()).unwrap_or(u64::MAX);
            self.shared.tell(|observer| observer.set_aside(refused));
            self.report.set_aside += refused;
        }
        self.hold(&places, &records, &sorted);
        Ok(self.judge(&sorted, took.into_iter().max().unwrap_or_default()))
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

    fn hold(&mut self, places: &[u64], records: &[Record], sorted: &Sorted) {
        let open = places.iter().zip(records).filter(|(place, _)| sorted.open.contains(place));
        self.held.extend(open.map(|(_, record)| record.stream_id()));
    }

    /// What a batch says of the database.
    fn judge(&mut self, sorted: &Sorted, slowest: Duration) -> Brought {
        if let Some(why) = &sorted.away {
            self.shared.gate.shut(why);
            // It may have been too much at once, so that no batch of this size will ever do.
            self.batch_events = (self.batch_events / 2).max(1);
            self.held.clear();
            return Brought::Part;
        }
        self.is_slow = slowest >= self.shared.limits.wait.max(QUICK);
        if !self.is_slow {
            self.shared.gate.open();
        }
        self.batch_events = (self.batch_events * 2).min(BATCH_EVENTS);
        Brought::Some
    }
}

impl Drop for Drain {
    fn drop(&mut self) {
        self.shared.is_draining.store(false, Ordering::SeqCst);
    }
}

enum Brought {
    /// The spool is empty.
    Nothing,
    /// The database was there: on with the next.
    Some,
    /// Not all that was tried: the rest needs a pause.
    Part,
}

/// A batch by what became of its records, each by its place in the spool.
#[derive(Default)]
struct Sorted {
    stored: Vec<u64>,
    refused: Vec<(u64, String)>,
    open: Vec<u64>,
    /// Why the database takes nothing, where it does not.
    away: Option<WriteError>,
}

impl Sorted {
    fn of(places: &[u64], verdicts: &[Verdict]) -> Self {
        let mut sorted = Self::default();
        for (&place, verdict) in places.iter().zip(verdicts) {
            match verdict {
                Ok(_) => sorted.stored.push(place),
                Err(WriteError::Conflict(conflict)) => {
                    sorted.refused.push((place, conflict.to_string()));
                }
                Err(WriteError::Store(error)) if error.is_refusal() => {
                    sorted.refused.push((place, chain(error)));
                }
                Err(error) => {
                    sorted.open.push(place);
                    if error.is_undecided() && !error.is_locked() {
                        sorted.away = Some(error.clone());
                    } else if !error.is_undecided() {
                        // A defect of the sink. The record stays, and others pass by.
                        let error = error.to_string();
                        log_line!(error, error, place, "a spooled event cannot be appended");
                    }
                }
            }
        }
        sorted
    }
}

/// Takes over, from time to time, what other processes left behind when they died.
struct Adoption(Weak<Shared>);

impl Adoption {
    async fn run(self) {
        loop {
            sleep(ADOPT_EVERY).await;
            let Some(shared) = self.0.upgrade() else { return };
            let Some(spool) = &shared.spool else { return };
            match spool.adopt().await {
                Ok(_) => shared.tend_spool(),
                Err(SpoolError::Closed) => return,
                Err(error) => {
                    log_line!(error, %error, "a spool that was left cannot be taken over");
                }
            }
        }
    }
}

impl Drop for Adoption {
    fn drop(&mut self) {
        // The runtime is stopping: on another, somebody else may look again.
        if let Some(shared) = self.0.upgrade() {
            shared.is_adopting.store(false, Ordering::SeqCst);
        }
    }
}
