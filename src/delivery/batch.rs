//! Records that are written together, grouped by stream, each with the caller that waits for it.

use std::collections::HashSet;
use std::mem;

use tokio::time::Instant;

use super::fair_queue::BATCH_EVENTS;
use super::pending::{Answer, Pending, Waiter};
use super::queue::InFlight;
use crate::event::StreamId;
use crate::record::Record;

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
        let (records, waiters) = pending.into_iter().unzip();
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
        let mut out = Self::of(Vec::new(), self.in_flight.split_off(these));
        if !these.is_empty() {
            for (record, waiter) in self.take_all() {
                let to = if these.contains(&record.stream_id()) { &mut out } else { &mut *self };
                to.push(record, waiter);
            }
        }
        out
    }

    /// Adds the records of its streams that were queued meanwhile. Returns true if there were any.
    pub(super) fn refill(&mut self) -> bool {
        let waiting = self.in_flight.take_waiting();
        let is_any = !waiting.is_empty();
        for (record, waiter) in waiting {
            self.push(record, waiter);
        }
        is_any
    }

    /// Answers each caller for whose place and record there is an answer, and keeps the others.
    pub(super) fn answer(&mut self, mut answer: impl FnMut(usize, &Record) -> Option<Answer>) {
        for (nth, (record, waiter)) in self.take_all().enumerate() {
            match answer(nth, &record) {
                Some(answer) => self.in_flight.answer(waiter, answer),
                None => self.push(record, waiter),
            }
        }
    }

    fn push(&mut self, record: Record, waiter: Waiter) {
        self.records.push(record);
        self.waiters.push(waiter);
    }

    fn take_all(&mut self) -> impl Iterator<Item = Pending> + use<> {
        mem::take(&mut self.records).into_iter().zip(mem::take(&mut self.waiters))
    }
}
