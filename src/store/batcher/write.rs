//! A batch on its way: to the database while that answers, else to the spool.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::append::append;
use super::backoff::Backoff;
use super::batch::{Batch, divide};
use super::queue::Pending;
use super::{Shared, WriteError};
use crate::store::{Spool, SpoolError, StoreError};

/// How long the spool may take, and how long a caller waits for it after its time for the database.
pub(super) const SPOOL_WAIT: Duration = Duration::from_secs(10);
/// The pauses between two tries of one batch.
const RETRY_FIRST: Duration = Duration::from_millis(20);
const RETRY_MAX: Duration = Duration::from_millis(500);

impl Shared {
    /// Writes a batch, and answers everybody who waits for it.
    pub(super) async fn write(self: &Arc<Self>, pending: Vec<Pending>) {
        let Some(spool) = &self.spool else {
            let (left, why) = self.append(Batch::of(pending)).await;
            return left.failed(&why);
        };
        let is_shut = self.gate.is_shut();
        let (spooled, live) = divide(pending, |stream| is_shut || spool.holds(stream));
        // Their streams are different ones: neither waits for the other.
        tokio::join!(self.spool(spool, Batch::of(spooled)), async {
            let (left, why) = self.append(Batch::of(live)).await;
            if !left.is_empty() {
                if !why.is_locked() {
                    self.gate.shut(&why);
                }
                self.spool(spool, left).await;
            }
        });
    }

    /// Appends until every record has its verdict, or time is up; returns those that have none, and
    /// why.
    async fn append(&self, mut batch: Batch) -> (Batch, WriteError) {
        let mut why = self.unanswered();
        let Some((first, last)) = batch.deadlines() else { return (batch, why) };
        // Where there is a spool, it takes the batch when the first caller's time is up. Where there is
        // none, callers look at the time by themselves, and the last of them is worth another try.
        let deadline = if self.spool.is_some() { first } else { last };
        let mut backoff = Backoff::new(RETRY_FIRST, RETRY_MAX);
        loop {
            let records = Arc::clone(batch.records());
            let sink = Arc::clone(&self.sink);
            let mut appending = append(sink, records, self.limits.call_limit);
            let verdicts = if self.spool.is_some() {
                tokio::select! {
                    verdicts = &mut appending => verdicts,
                    () = self.out_of_time(deadline) => {
                        // It may land yet, and does no harm then: the drain meets its ids.
                        tokio::spawn(appending);
                        return (batch, why);
                    }
                }
            } else {
                appending.await
            };
            let Some(undecided) = batch.answer(verdicts) else { return (batch, why) };
            why = undecided;
            let pause = backoff.pause();
            if !why.is_passing() || Instant::now() + pause >= deadline {
                return (batch, why);
            }
            sleep(pause).await;
        }
    }

    async fn out_of_time(&self, deadline: Instant) {
        let mut hurry = self.hurry.subscribe();
        // The sender is ours, so that the wait ends by its own condition only.
        let _hurried = timeout_at(deadline, hurry.wait_for(|hurry| *hurry)).await;
    }

    /// Puts a batch into the spool, and sees to it that it is drained.
    async fn spool(self: &Arc<Self>, spool: &Spool, batch: Batch) {
        if batch.is_empty() {
            return;
        }
        let pushed = timeout(SPOOL_WAIT, spool.push(&batch.records()[..])).await;
        let pushed = pushed.unwrap_or_else(|_| Err(spool_unanswered()));
        let failed_before = self.is_spool_failing.swap(pushed.is_err(), Ordering::Relaxed);
        match pushed {
            Ok(()) => batch.spooled(),
            Err(error) => {
                if !failed_before {
                    tracing::error!(%error, "events cannot be spooled");
                }
                batch.failed(&WriteError::Spool(Arc::new(error)));
            }
        }
        self.start_drain();
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
