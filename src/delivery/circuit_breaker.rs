//! Decides whether the database is away.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::WriteError;
use crate::store::AuditSink;
use crate::store::log_line::log_line;

/// How long the database has to say that it is there.
const ASK: Duration = Duration::from_secs(1);

/// Why the database took nothing.
#[derive(Clone)]
pub(super) struct Away {
    pub(super) why: WriteError,
    /// It did not answer in time.
    pub(super) is_silent: bool,
}

/// Closed while the database answers. While it is open, records go to the spool at once.
///
/// A lock, a slow stream, or a stall of the runtime is no outage. So it stays closed if the database answered anything
/// since the unanswered call began, or if, after a first silence, the database says that it is there. A drain closes it
/// again.
#[derive(Debug)]
pub(super) struct CircuitBreaker {
    is_open: AtomicBool,
    /// A call that was given up sooner than this says nothing about the database.
    silence_min: Duration,
    state: Mutex<BreakerState>,
}

#[derive(Debug, Default)]
struct BreakerState {
    answered_at: Option<Instant>,
    /// A call has gone unanswered since.
    is_suspect: bool,
}

impl CircuitBreaker {
    /// A breaker for callers that wait for `wait`.
    pub(super) fn new(wait: Duration) -> Self {
        let (is_open, state) = (AtomicBool::new(false), Mutex::default());
        Self { is_open, silence_min: wait / 2, state }
    }

    pub(super) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::SeqCst)
    }

    /// Notes that the database answered a call, even if it refused the records.
    pub(super) fn answered(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = BreakerState { answered_at: Some(Instant::now()), is_suspect: false };
    }

    /// Closes: the database is tried again.
    pub(super) fn close(&self) {
        if self.is_open.swap(false, Ordering::SeqCst) {
            log_line!(info, "the database takes events again");
        }
    }

    /// Opens if the database is away, after a call that began at `began` failed.
    pub(super) async fn consider(&self, away: &Away, began: Instant, sink: &dyn AuditSink) {
        let is_cut_short = away.is_silent && began.elapsed() < self.silence_min;
        if is_cut_short || self.is_open() {
            return;
        }
        let is_first = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.answered_at.is_some_and(|answered_at| answered_at > began) {
                return;
            }
            !std::mem::replace(&mut state.is_suspect, true)
        };
        // A database that itself says that it takes nothing need not be asked.
        if away.is_silent
            && is_first
            && let Some(store) = sink.admission()
            && timeout(ASK, store.is_answering()).await == Ok(true)
        {
            return;
        }
        if !self.is_open.swap(true, Ordering::SeqCst) {
            let why = chain(&away.why);
            log_line!(warn, why, "the database does not take events: they go to the spool");
        }
    }
}

/// An error and its causes, outermost first.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |error| (*error).source());
    causes.fold(error.to_string(), |said, cause| {
        let cause = cause.to_string();
        // Most errors name their cause in their own text.
        if said.ends_with(&cause) { said } else { format!("{said}: {cause}") }
    })
}
