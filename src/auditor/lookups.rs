//! The lookups that the metrics need, and that wait for their turn: one after the other, so that a drain of many
//! events does not flood the store.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::observe::{self, Report};
use crate::record::{Receipt, Record};

/// The most lookups that wait.
const WAITING_MAX: usize = 8_192;

/// A question about a stored record.
#[derive(Debug)]
pub(super) enum Lookup {
    /// Whether the AI stops for its request.
    Rejection(Record, Receipt),
    /// Which of its reports count: those that no earlier event reported.
    Reports(Record, i64, Vec<Report>),
    /// How long its request took to it.
    Shortlist(Record),
}

/// The lookups that wait.
#[derive(Debug, Default)]
pub(super) struct Lookups {
    state: Mutex<LookupState>,
}

#[derive(Debug, Default)]
struct LookupState {
    waiting: VecDeque<Lookup>,
    has_worker: bool,
}

impl Lookups {
    /// Queues a lookup, and returns true if it needs a worker. If too many wait, it is answered without the store.
    pub(super) fn push(&self, lookup: Lookup) -> bool {
        let mut state = self.lock();
        if state.waiting.len() >= WAITING_MAX {
            drop(state);
            lookup.unanswered();
            return false;
        }
        state.waiting.push_back(lookup);
        !std::mem::replace(&mut state.has_worker, true)
    }

    /// Notes that the worker is gone although lookups may be left.
    pub(super) fn lost_worker(&self) {
        self.lock().has_worker = false;
    }

    /// The next lookup; the worker ends if there is none.
    pub(super) fn next(&self) -> Option<Lookup> {
        let mut state = self.lock();
        let next = state.waiting.pop_front();
        state.has_worker = next.is_some();
        next
    }

    fn lock(&self) -> MutexGuard<'_, LookupState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lookup {
    /// Without an answer each report counts, and no time is measured.
    pub(super) fn unanswered(self) {
        if let Self::Reports(_, _, reports) = self {
            reports.into_iter().for_each(counted);
        }
    }
}

pub(super) fn counted(report: Report) {
    observe::count(report.metric(), &[], 1);
}
