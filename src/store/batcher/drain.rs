//! Emptying the spool into the database, beside what is recorded at the same time.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, timeout};

use super::append::{Verdict, append_detached};
use super::backoff::Backoff;
use super::{PATIENCE, Shared};
use crate::store::{Spool, SpoolError, Spooled};

const BATCH_EVENTS: usize = 500;
const BATCH_BYTES: usize = 4 << 20;
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
    fn count(&mut self, spooled: &Spooled, is_stored: bool) {
        if is_stored {
            self.stored += 1;
        } else {
            self.set_aside += 1;
        }
        let at = spooled.record.header().created_at;
        self.oldest_at = Some(self.oldest_at.map_or(at, |oldest| oldest.min(at)));
        self.newest_at = Some(self.newest_at.map_or(at, |newest| newest.max(at)));
    }
}

impl Shared {
    /// Starts a drain where the spool holds anything, and the search for files of dead processes.
    pub(super) fn tend_spool(self: &Arc<Self>, runtime: &Handle) {
        let Some(spool) = &self.spool else { return };
        if spool.depth().events > 0 {
            self.start_drain(runtime);
        }
        if !self.is_adopting.load(Ordering::Relaxed)
            && !self.is_adopting.swap(true, Ordering::SeqCst)
        {
            runtime.spawn(Adoption(Arc::downgrade(self)).run());
        }
    }

    pub(super) fn start_drain(self: &Arc<Self>, runtime: &Handle) {
        if !self.is_draining.swap(true, Ordering::SeqCst) {
            let drain = Drain { shared: Arc::clone(self), report: DrainReport::default() };
            runtime.spawn(drain.run());
        }
    }
}

/// The one drain of a batcher.
struct Drain {
    shared: Arc<Shared>,
    report: DrainReport,
}

impl Drain {
    async fn run(mut self) {
        let Some(spool) = self.shared.spool.clone() else { return };
        let mut backoff = Backoff::new(RETRY_FIRST, RETRY_MAX);
        loop {
            match self.bring(&spool).await {
                Ok(Brought::All) => break,
                Ok(Brought::Batch) => backoff.reset(),
                Ok(Brought::NotAll) => sleep(backoff.pause()).await,
                Err(error) => {
                    tracing::error!(%error, "the spool could not be read");
                    sleep(backoff.pause()).await;
                }
            }
        }
        if self.report.stored + self.report.set_aside > 0 {
            (self.shared.on_drained)(self.report);
        }
        let shared = Arc::clone(&self.shared);
        drop(self);
        // An event may have been spooled since we looked last.
        if spool.depth().events > 0 {
            shared.start_drain(&Handle::current());
        }
    }

    /// Brings the next batch to the database.
    async fn bring(&mut self, spool: &Spool) -> Result<Brought, SpoolError> {
        let front = spool.front(BATCH_EVENTS, BATCH_BYTES).await?;
        if front.is_empty() {
            return Ok(Brought::All);
        }
        let records = Arc::new(front.iter().map(|spooled| spooled.record.clone()).collect());
        let started = Instant::now();
        let appending = append_detached(Arc::clone(&self.shared.sink), records);
        let patience = self.shared.limits.wait * PATIENCE;
        let Ok(verdicts) = timeout(patience, appending).await else {
            self.shared.is_away.store(true, Ordering::SeqCst);
            return Ok(Brought::NotAll);
        };
        let is_quick = started.elapsed() < self.shared.limits.wait;
        let mut stored = Vec::with_capacity(front.len());
        let mut is_all = true;
        for (spooled, verdict) in front.iter().zip(verdicts) {
            match settled(&verdict) {
                Settled::Stored => stored.push(spooled.place),
                // A crash before this is on disk brings the event here again.
                Settled::Refused(reason) => spool.set_aside([(spooled.place, reason)]).await?,
                Settled::Open => {
                    is_all = false;
                    continue;
                }
            }
            self.report.count(spooled, verdict.is_ok());
        }
        // A crash in between leaves them in the spool: appended again, they get their first receipts.
        spool.remove(stored).await?;
        self.shared.is_away.store(!(is_all && is_quick), Ordering::SeqCst);
        Ok(if is_all { Brought::Batch } else { Brought::NotAll })
    }
}

impl Drop for Drain {
    fn drop(&mut self) {
        self.shared.is_draining.store(false, Ordering::SeqCst);
    }
}

enum Brought {
    All,
    Batch,
    NotAll,
}

enum Settled {
    Open,
    Refused(String),
    Stored,
}

fn settled(verdict: &Verdict) -> Settled {
    match verdict {
        Ok(_) => Settled::Stored,
        Err(error) if error.is_undecided() => Settled::Open,
        Err(error) => Settled::Refused(error.to_string()),
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
            if let Err(error) = spool.adopt().await {
                tracing::error!(%error, "a spool left behind could not be taken over");
            }
            shared.tend_spool(&Handle::current());
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
