//! Whether the database is taken to be away.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::WriteError;
use crate::store::AuditSink;
use crate::store::log_line::log_line;

/// How long the database may take to say that it is there.
const ASK: Duration = Duration::from_secs(1);

/// Why the database took nothing.
#[derive(Clone)]
pub(super) struct Away {
    pub(super) why: WriteError,
    /// It said nothing within its time.
    pub(super) is_silent: bool,
}

/// Closed while the database answers. While it is open, records go to the spool at once.
///
/// A lock, a slow stream, or a stall of the runtime is no outage: it stays closed if anything was answered since the
/// unanswered call began, and after a first silence if the database says that it is there. A drain closes it again.
#[derive(Debug)]
pub(super) struct CircuitBreaker {
    is_open: AtomicBool,
    /// A silence that was cut short of this says nothing.
    silence_min: Duration,
    state: Mutex<BreakerState>,
}

#[derive(Debug, Default)]
struct BreakerState {
    answered_at: Option<Instant>,
    /// A call got no answer since.
    is_suspect: bool,
}

impl CircuitBreaker {
    /// For callers who wait for so long.
    pub(super) fn new(wait: Duration) -> Self {
        let (is_open, state) = (AtomicBool::new(false), Mutex::default());
        Self { is_open, silence_min: wait / 2, state }
    }

    pub(super) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::SeqCst)
    }

    /// The database answered a call, whatever it said of the records.
    pub(super) fn answered(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = BreakerState { answered_at: Some(Instant::now()), is_suspect: false };
    }

    /// The database is tried again.
    pub(super) fn close(&self) {
        if self.is_open.swap(false, Ordering::SeqCst) {
            log_line!(info, "the database takes events again");
        }
    }

    /// Opens if the database is away: a call that began then was not answered.
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
        // Whatever says of itself that it takes nothing need not be asked.
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
