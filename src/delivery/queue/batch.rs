//! Records under way together, each with who waits for it.

use std::collections::HashSet;
use std::mem;
use std::sync::Arc;

use tokio::time::Instant;

use super::WriteError;
use super::append::Verdict;
use super::queue::{Pending, Waiter};
use crate::record::{Record, Recorded};

/// A batch. The records are shared with a statement that may outlive our patience.
pub(super) struct Batch {
    records: Arc<Vec<Record>>,
    waiters: Vec<Waiter>,
    /// Why a record has no verdict yet, once it was tried.
    whys: Vec<WriteError>,
}

impl Batch {
    pub(super) fn of(pending: Vec<Pending>) -> Self {
        let (records, waiters) = pending.into_iter().map(|one| (one.record, one.waiter)).unzip();
        Self { records: Arc::new(records), waiters, whys: Vec::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }

    pub(super) fn records(&self) -> &Arc<Vec<Record>> {
        &self.records
    }

    /// Keeps the first so many records; the others.
    pub(super) fn split_off(&mut self, count: usize) -> Self {
        if count >= self.waiters.len() {
            return Self::of(Vec::new());
        }
        let rest = Self {
            records: Arc::new(self.records[count..].to_vec()),
            waiters: self.waiters.split_off(count),
            whys: self.whys.split_off(count.min(self.whys.len())),
        };
        self.records = Arc::new(self.records[..count].to_vec());
        rest
    }

    /// When the first of the waiters runs out of time, and the last.
    pub(super) fn deadlines(&self) -> Option<(Instant, Instant)> {
        let deadlines = || self.waiters.iter().map(|waiter| waiter.deadline);
        deadlines().min().zip(deadlines().max())
    }

    /// Tells every waiter that its record is in the spool.
    pub(super) fn spooled(self) {
        for (record, waiter) in self.records.iter().zip(self.waiters) {
            waiter.answer(Ok(Recorded::spooled(record)));
        }
    }

    /// Tells every waiter the same.
    pub(super) fn failed(self, error: &WriteError) {
        for waiter in self.waiters {
            waiter.answer(Err(error.clone()));
        }
    }

    /// Tells every waiter why its record was not written.
    pub(super) fn given_up(self) {
        for (waiter, why) in self.waiters.into_iter().zip(self.whys) {
            waiter.answer(Err(why));
        }
    }

    /// Tells each waiter its verdict, and keeps those whose record has none yet.
    pub(super) fn answer(&mut self, verdicts: Vec<Verdict>) {
        let (mut records, mut left, mut whys) = (Vec::new(), Vec::new(), Vec::new());
        let waiters = mem::take(&mut self.waiters);
        for ((waiter, verdict), record) in waiters.into_iter().zip(verdicts).zip(&*self.records) {
            match verdict {
                Err(error) if error.is_undecided() => {
                    records.push(record.clone());
                    left.push(waiter);
                    whys.push(error);
                }
                verdict => waiter.answer(verdict.map(Recorded::Chained)),
            }
        }
        *self = Self { records: Arc::new(records), waiters: left, whys };
    }

    /// Why the database does not take what is left, where it is not for a lock.
    pub(super) fn away(&self) -> Option<&WriteError> {
        self.whys.iter().find(|why| !why.is_locked())
    }
}

/// Divides what is pending: first what has to go through the spool, then the rest. A stream goes one
/// way as a whole, or a later event would overtake an earlier one.
pub(super) fn divide(
    pending: Vec<Pending>,
    is_spooled: impl Fn(&Pending) -> bool,
) -> (Vec<Pending>, Vec<Pending>) {
    let spooled = pending.iter().filter(|one| is_spooled(one));
    let spooled: HashSet<_> = spooled.map(|one| one.record.stream_id()).collect();
    if spooled.is_empty() {
        return (Vec::new(), pending);
    }
    pending.into_iter().partition(|one| spooled.contains(&one.record.stream_id()))
}
