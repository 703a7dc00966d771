//! A batch on its way: to the database while that answers, else to the spool.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::append::{Appending, Progress, append};
use super::backoff::Backoff;
use super::batch::{Batch, divide};
use super::queue::Pending;
use super::{Shared, WriteError};
use crate::delivery::{Spool, SpoolError};
use crate::store::StoreError;
use crate::store::log_line::log_line;

/// How long the spool may take, and how long a caller waits for it after its time for the database.
pub(super) const SPOOL_WAIT: Duration = Duration::from_secs(10);
/// The pauses between two tries of one batch.
const RETRY_FIRST: Duration = Duration::from_millis(20);
const RETRY_MAX: Duration = Duration::from_millis(500);

impl Shared {
    /// Writes a batch, and answers everybody who waits for it.
    pub(super) async fn write(self: &Arc<Self>, pending: Vec<Pending>) {
        let Some(spool) = &self.spool else {
            return self.append(Batch::of(pending)).await.given_up();
        };
        let (is_shut, now) = (self.gate.is_shut(), Instant::now());
        let (spooled, live) = divide(pending, |one| {
            // Out of time: the database is not asked, or all that is written together would be late.
            is_shut || one.waiter.deadline <= now || spool.holds(one.record.stream_id())
        });
        // Their streams are different ones: no caller waits for the other part.
        tokio::join!(self.spool(spool, Batch::of(spooled)), async {
            let left = self.append_in_time(Batch::of(live)).await;
            self.spool(spool, left).await;
        });
    }

    /// Appends while callers wait for it; returns what has no verdict then.
    ///
    /// There is nowhere else to go, and so no reason to leave a call behind. Callers look at the time
    /// by themselves, and the last of them is worth another try.
    async fn append(&self, mut batch: Batch) -> Batch {
        let Some((_, deadline)) = batch.deadlines() else { return batch };
        let mut backoff = Backoff::new(RETRY_FIRST, RETRY_MAX);
        loop {
            let (appending, progress) = self.start_append(&batch);
            appending.await;
            self.answer(&mut batch, &progress);
            if !self.pause(&batch, &mut backoff, deadline).await {
                return batch;
            }
        }
    }

    /// Appends until the first caller's time is up; returns what has no verdict then.
    async fn append_in_time(&self, mut batch: Batch) -> Batch {
        let Some((deadline, _)) = batch.deadlines() else { return batch };
        let mut backoff = Backoff::new(RETRY_FIRST, RETRY_MAX);
        // What has waited too long already is not a matter of the database: it is not asked.
        while Instant::now() < deadline {
            let (mut appending, progress) = self.start_append(&batch);
            let is_in_time = tokio::select! {
                () = &mut appending => true,
                () = self.out_of_time(deadline) => {
                    // It may land yet, and does no harm then: the drain meets its ids.
                    tokio::spawn(appending);
                    false
                }
            };
            self.answer(&mut batch, &progress);
            if is_in_time && self.pause(&batch, &mut backoff, deadline).await {
                continue;
            }
            if let Some(why) = batch.away()
                && (is_in_time || !progress.is_isolating())
            {
                self.gate.shut(why);
            }
            break;
        }
        batch
    }

    fn start_append(&self, batch: &Batch) -> (Appending, Arc<Progress>) {
        append(Arc::clone(&self.sink), Arc::clone(batch.records()), self.limits.call_limit)
    }

    /// Tells who observes, and then those who wait, what is known of a batch: a shutdown waits for the
    /// answers, and whoever has one finds the record counted.
    fn answer(&self, batch: &mut Batch, progress: &Progress) {
        let records = Arc::clone(batch.records());
        let verdicts = progress.verdicts(&records, &self.unanswered());
        self.tell_appended(&records, &verdicts, &progress.took());
        batch.answer(verdicts);
    }

    /// Returns in a moment, where what is left is worth another try by then.
    async fn pause(&self, batch: &Batch, backoff: &mut Backoff, deadline: Instant) -> bool {
        let pause = backoff.pause();
        let is_worth_it = batch.away().is_some_and(WriteError::is_passing);
        let has_time = Instant::now() + pause < deadline;
        if is_worth_it && has_time {
            sleep(pause).await;
        }
        is_worth_it && has_time
    }

    async fn out_of_time(&self, deadline: Instant) {
        let mut hurry = self.hurry.subscribe();
        // The sender is ours, so that the wait ends by its own condition only.
        let _hurried = timeout_at(deadline, hurry.wait_for(|hurry| *hurry)).await;
    }

    /// Puts a batch into the spool as far as there is room, and sees to it that it is drained.
    async fn spool(self: &Arc<Self>, spool: &Spool, mut batch: Batch) {
        while !batch.is_empty() {
            let pushed = timeout(SPOOL_WAIT, spool.push(&batch.records()[..])).await;
            let pushed = pushed.unwrap_or_else(|_| Err(spool_unanswered()));
            let failed_before = self.is_spool_failing.swap(pushed.is_err(), Ordering::Relaxed);
            // Before anybody is answered: a shutdown that waits for the answers ends what it starts.
            self.start_drain();
            match pushed {
                Ok(kept) => {
                    let rest = batch.split_off(kept);
                    for record in &**batch.records() {
                        self.tell(|observer| observer.spooled(record));
                    }
                    batch.spooled();
                    batch = rest;
                }
                Err(error) => {
                    let error = Arc::new(error);
                    if !failed_before {
                        let error = Arc::clone(&error);
                        log_line!(error, %error, "events cannot be spooled");
                    }
                    return batch.failed(&WriteError::Spool(error));
                }
            }
        }
    }

    #[cold]
    pub(super) fn unanswered(&self) -> WriteError {
        let message = format!("no answer within {:?}", self.limits.wait);
        StoreError::unavailable("append", message).into()
    }
}

#[cold]
fn spool_unanswered() -> SpoolError {
    let source = Arc::new(io::ErrorKind::TimedOut.into());
    SpoolError::Io { doing: "keep records", source }
}
