//! Records that are written together, grouped by stream, each with the caller that waits for it.

use std::collections::HashSet;
use std::mem;

use tokio::time::Instant;

use super::WriteError;
use super::append::RecordResult;
use super::fair_queue::BATCH_EVENTS;
use super::pending::{Pending, Unheard, Waiter};
use super::queue::InFlight;
use crate::event::StreamId;
use crate::record::{Record, Recorded};

/// A batch. No other batch has its streams until it is dropped, even if it is empty by then.
///
/// All records of a stream go to the database or all to the spool: otherwise a later event could overtake an
/// earlier one.
pub(super) struct Batch {
    records: Vec<Record>,
    waiters: Vec<Waiter>,
    in_flight: InFlight,
}

impl Batch {
    pub(super) fn of(pending: Vec<Pending>, in_flight: InFlight) -> Self {
        let (records, waiters) = pending.into_iter().map(|one| (one.record, one.waiter)).unzip();
        Self { records, waiters, in_flight }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Returns true if it has as many records as one statement takes.
    pub(super) fn is_full(&self) -> bool {
        self.records.len() >= BATCH_EVENTS
    }

    pub(super) fn records(&self) -> &[Record] {
        &self.records
    }

    /// The earliest and the latest deadline of the waiting callers.
    pub(super) fn deadlines(&self) -> Option<(Instant, Instant)> {
        let deadlines = || self.waiters.iter().map(|waiter| waiter.deadline);
        deadlines().min().zip(deadlines().max())
    }

    /// The streams that have a record for which `is` returns true.
    pub(super) fn streams_where(&self, is: impl Fn(&Record, &Waiter) -> bool) -> HashSet<StreamId> {
        let all = self.records.iter().zip(&self.waiters);
        all.filter(|(record, waiter)| is(record, waiter))
            .map(|(record, _)| record.stream_id())
            .collect()
    }

    /// Moves these streams to a batch of their own.
    pub(super) fn split_off(&mut self, these: &HashSet<StreamId>) -> Self {
        let mut out = Self {
            records: Vec::new(),
            waiters: Vec::new(),
            in_flight: self.in_flight.split_off(|stream| these.contains(&stream)),
        };
        if these.is_empty() {
            return out;
        }
        let (records, waiters) = (mem::take(&mut self.records), mem::take(&mut self.waiters));
        for (record, waiter) in records.into_iter().zip(waiters) {
            let to = if these.contains(&record.stream_id()) { &mut out } else { &mut *self };
            to.records.push(record);
            to.waiters.push(waiter);
        }
        out
    }

    /// Adds the records of its streams that were queued meanwhile. Returns true if there were any.
    pub(super) fn refill(&mut self) -> bool {
        let waiting = self.in_flight.take_waiting();
        let is_any = !waiting.is_empty();
        for Pending { record, waiter } in waiting {
            self.records.push(record);
            self.waiters.push(waiter);
        }
        is_any
    }

    /// Tells each waiter the result of its record, and keeps those whose record has none yet.
    pub(super) fn answer(&mut self, results: Vec<Option<RecordResult>>, unheard: &Unheard) {
        let (records, waiters) = (mem::take(&mut self.records), mem::take(&mut self.waiters));
        for ((record, waiter), result) in records.into_iter().zip(waiters).zip(results) {
            if let Some(result) = result {
                waiter.answer(result.map(Recorded::Chained), unheard);
            } else {
                self.records.push(record);
                self.waiters.push(waiter);
            }
        }
    }

    /// Tells the first `count` waiters that their records are in the spool.
    pub(super) fn spooled(&mut self, count: usize, unheard: &Unheard) {
        let count = count.min(self.records.len());
        for (record, waiter) in self.records.drain(..count).zip(self.waiters.drain(..count)) {
            waiter.answer(Ok(Recorded::spooled(&record)), unheard);
        }
    }

    /// Returns the same error to every waiter.
    pub(super) fn fail(&mut self, error: &WriteError, unheard: &Unheard) {
        self.records.clear();
        for waiter in self.waiters.drain(..) {
            waiter.answer(Err(error.clone()), unheard);
        }
    }
}
