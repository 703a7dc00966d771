//! The end of an auditor's life: no new work, the outcomes of what runs, and then the queue.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, timeout, timeout_at};

use super::Auditor;
use crate::delivery::{ShutdownError, Spool};
use crate::store::log_line;

/// How long a shutdown waits for log lines to be written.
const LINES_WAIT: Duration = Duration::from_secs(2);

/// What a shutdown left, where it is safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Events that wait in the spool, for the next process with its folder.
    pub spooled: u64,
}

impl Auditor {
    /// Accepts no new event and no new effect, and waits for at most `limit` until all work that
    /// has begun is durable. Call it before the process ends.
    ///
    /// Running effects have half of `limit` to end and record their outcomes. After half of the
    /// remaining time, events that the database has not taken go to the spool, if there is one. In
    /// the time that is left, and for two seconds at most, it also waits for the thread that writes
    /// log lines about records.
    ///
    /// Events in the spool stay there for the next process. The report says how many, and
    /// [`Spool::close`] lets another process take them over.
    ///
    /// # Errors
    /// [`ShutdownError`] if effects still run or events are left. Those events are still written
    /// while the process lives. The outcomes of those effects are refused, so that they end in
    /// doubt.
    pub async fn shutdown(&self, limit: Duration) -> Result<ShutdownReport, ShutdownError> {
        let end = Instant::now() + limit;
        self.shared.lifecycle.close();
        self.shared.upkeep.stop();
        // Outside a runtime nothing can be waited for, nor is anything under way.
        if Handle::try_current().is_ok() {
            drop(timeout(limit / 2, self.shared.lifecycle.no_outcome_is_pending()).await);
            drop(timeout(limit / 8, self.record_last_failures()).await);
            drop(timeout(limit / 8, self.record_writer_stopped()).await);
        }
        // What still runs now can record no outcome any more.
        self.shared.upkeep.stop_renewing();
        let rest = end.saturating_duration_since(Instant::now());
        let written = self.shared.batcher.shutdown(rest / 4 * 3).await;
        // Once the queue is closed: an outcome that came in between is written.
        let effects = self.shared.lifecycle.pending_outcomes();
        if Handle::try_current().is_ok() {
            // A writer that hangs holds up nothing but the end of this.
            drop(timeout_at(end.min(Instant::now() + LINES_WAIT), log_line::written()).await);
        }
        let events = written.err().map_or(0, |left| left.events);
        let spooled = self.spool().map(Spool::depth).unwrap_or_default().events;
        if events + effects > 0 {
            return Err(ShutdownError { events, effects, spooled });
        }
        Ok(ShutdownReport { spooled })
    }
}
