//! The records that wait to be written, and how many writers they need.
//!
//! Backpressure is decided here alone. A record beyond the capacity waits in the overflow, in order of arrival, for at
//! most half of its caller's time. If the overflow is full too, it is refused.

use std::collections::{HashSet, VecDeque};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::WriteError;
use super::capacity::Capacity;
use super::fair_queue::{BATCH_EVENTS, FairQueue};
use super::limits::QueueLimits;
use super::pending::{Answer, AnswerReceiver, Pending, Unheard, Waiter};
use crate::event::StreamId;
use crate::record::Record;

/// So many events are worth a second statement while one is in flight. Fewer do better to wait and share the next
/// one.
const WORTH_A_WRITER: usize = 32;

/// The records that wait or are in flight.
pub(super) struct Queue {
    state: Mutex<QueueState>,
    /// Bounds the records that are queued or in flight.
    capacity: Capacity,
    /// Bounds the overflow.
    overflow: Capacity,
    writers_max: usize,
    /// Notified when the last record has its answer.
    emptied: Notify,
    pub(super) unheard: Unheard,
}

#[derive(Default)]
struct QueueState {
    waiting: FairQueue,
    /// Records for which there is no room, in the order of arrival.
    overflow: VecDeque<Overflowed>,
    is_closed: bool,
    /// How many records were ever accepted.
    accepted: usize,
    writers: usize,
    /// Writers that have not taken a batch yet.
    starting: usize,
    /// Writers whose batch takes long.
    slow: usize,
}

struct Overflowed {
    place: usize,
    /// A record that gets room later than this has no time left for the database.
    leaves_at: Instant,
    pending: Pending,
}

/// A record that was accepted.
pub(super) struct Entered {
    pub(super) answer: AnswerReceiver,
    /// If there was no room, its place in the overflow, and until when it may wait there.
    pub(super) overflowed: Option<(usize, Instant)>,
    /// True if the caller must start a writer, which is already counted.
    pub(super) is_writer_wanted: bool,
}

impl QueueState {
    /// Writers that will come back for more soon.
    fn active(&self) -> usize {
        self.writers - self.slow
    }

    /// Counts another writer, if one is needed.
    fn hire(&mut self, writers_max: usize) -> bool {
        let is_worth_it = match self.active() {
            0 => self.waiting.ready_events() > 0,
            _ => self.waiting.ready_events() >= WORTH_A_WRITER,
        };
        let is_hired = is_worth_it && self.starting == 0 && self.writers < writers_max;
        self.writers += usize::from(is_hired);
        self.starting += usize::from(is_hired);
        is_hired
    }

    /// How many events the writer that asks should take. If other writers are idle, they get shares, if those are worth
    /// a statement. Otherwise all callers would seal together, and then wait together.
    fn share(&self, writers_max: usize) -> usize {
        let waiting = self.waiting.ready_events();
        let idle = (writers_max + 1).saturating_sub(self.active()).max(1);
        let share = waiting.div_ceil(idle);
        if waiting - share < WORTH_A_WRITER { BATCH_EVENTS } else { share.min(BATCH_EVENTS) }
    }

    /// If no writer is left, tells the waiting callers, each of which can start one on its own runtime.
    fn leave_to_callers(&mut self) {
        if self.writers == 0 {
            let overflow = self.overflow.iter_mut().map(|overflowed| &mut overflowed.pending.1);
            self.waiting.waiters().chain(overflow).for_each(Waiter::orphan);
        }
    }
}

impl Queue {
    pub(super) fn new(limits: QueueLimits) -> Self {
        let capacity = || Capacity::new(limits.events, limits.bytes);
        Self {
            state: Mutex::default(),
            capacity: capacity(),
            overflow: capacity(),
            writers_max: limits.connections,
            emptied: Notify::new(),
            unheard: Unheard::default(),
        }
    }

    /// Accepts a record, or refuses it because there is no room.
    pub(super) fn enter(&self, record: Record, deadline: Instant) -> Result<Entered, WriteError> {
        let (mut waiter, answer) = Waiter::new(deadline);
        let mut state = self.lock();
        if state.is_closed {
            return Err(WriteError::Closed);
        }
        let mut overflowed = None;
        // A record must not overtake those in the overflow.
        if state.overflow.is_empty() {
            waiter.slot = self.capacity.take(record.payload_len());
        }
        if waiter.slot.is_some() {
            state.waiting.push((record, waiter));
        } else {
            waiter.slot = self.overflow.take(record.payload_len());
            if waiter.slot.is_none() {
                return Err(self.overloaded());
            }
            let now = Instant::now();
            let leaves_at = now + deadline.saturating_duration_since(now) / 2;
            let place = state.accepted;
            state.overflow.push_back(Overflowed { place, leaves_at, pending: (record, waiter) });
            overflowed = Some((place, leaves_at));
        }
        state.accepted += 1;
        Ok(Entered { answer, overflowed, is_writer_wanted: state.hire(self.writers_max) })
    }

    /// Takes a record out of the overflow because its time is up. Returns false if it was no longer there.
    pub(super) fn leave(&self, place: usize) -> bool {
        let mut state = self.lock();
        let at = state.overflow.iter().position(|overflowed| overflowed.place == place);
        let left = at.and_then(|at| state.overflow.remove(at)).is_some();
        drop(state);
        self.tell_if_empty();
        left
    }

    #[cold]
    pub(super) fn overloaded(&self) -> WriteError {
        WriteError::Overloaded { events: self.capacity.taken() }
    }

    /// Counts another writer, if one is needed. The caller must start it.
    pub(super) fn hire(&self) -> bool {
        self.lock().hire(self.writers_max)
    }

    /// Refuses all later records.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
    }

    /// How many records have no answer yet.
    pub(super) fn unanswered(&self) -> usize {
        self.capacity.taken() + self.overflow.taken()
    }

    /// Waits until each record has its answer.
    pub(super) async fn empty(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.unanswered() == 0 {
                return;
            }
            emptied.await;
        }
    }

    fn tell_if_empty(&self) {
        if self.unanswered() == 0 {
            self.emptied.notify_waiters();
        }
    }

    /// Moves records from the overflow to the queue while there is room, and refuses those whose time is up.
    fn let_in(&self, state: &mut QueueState) {
        let now = Instant::now();
        loop {
            let mut slot = None;
            let moves = |first: &mut Overflowed| {
                let is_late = first.leaves_at <= now;
                if !is_late {
                    slot = self.capacity.take(first.pending.0.payload_len());
                }
                is_late || slot.is_some()
            };
            let Some(first) = state.overflow.pop_front_if(moves) else { return };
            let (record, mut waiter) = first.pending;
            waiter.slot = slot;
            if waiter.slot.is_some() {
                state.waiting.push((record, waiter));
            } else {
                waiter.answer(Err(self.overloaded()), &self.unheard);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, QueueState> {
        // Nothing panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Streams that are in flight. No other batch may have them until this is dropped.
pub(super) struct InFlight {
    queue: Arc<Queue>,
    streams: Vec<StreamId>,
}

impl InFlight {
    /// Splits off these streams.
    pub(super) fn split_off(&mut self, these: &HashSet<StreamId>) -> Self {
        let streams = self.streams.extract_if(.., |stream| these.contains(stream)).collect();
        Self { queue: Arc::clone(&self.queue), streams }
    }

    /// Answers the caller of a record of these streams.
    pub(super) fn answer(&self, waiter: Waiter, answer: Answer) {
        waiter.answer(answer, &self.queue.unheard);
    }

    /// Takes the records of these streams that were queued meanwhile, as far as a batch has room.
    pub(super) fn take_waiting(&self) -> Vec<Pending> {
        let (mut batch, mut state) = (Vec::new(), self.queue.lock());
        for stream_id in &self.streams {
            state.waiting.take_of(*stream_id, &mut batch);
        }
        batch
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let queue = &self.queue;
        let mut state = queue.lock();
        state.waiting.settle(&self.streams);
        queue.let_in(&mut state);
        state.leave_to_callers();
        drop(state);
        queue.tell_if_empty();
    }
}

/// A writer, as the queue counts it.
pub(super) struct QueueWriter {
    queue: Arc<Queue>,
    is_starting: bool,
    is_slow: bool,
    has_retired: bool,
}

impl QueueWriter {
    /// A writer that [`Queue::hire`] has counted.
    pub(super) fn hired(queue: &Arc<Queue>) -> Self {
        Self { queue: Arc::clone(queue), is_starting: true, is_slow: false, has_retired: false }
    }

    /// Takes the next batch, sorted by stream. If there is none, the writer retires under the same lock, so that the
    /// next record to be queued finds no writer and starts one.
    pub(super) fn take(&mut self) -> Option<(Vec<Pending>, InFlight)> {
        let mut state = self.queue.lock();
        state.slow -= usize::from(mem::take(&mut self.is_slow));
        state.starting -= usize::from(mem::take(&mut self.is_starting));
        if state.active() == 1 || state.waiting.ready_events() >= WORTH_A_WRITER {
            let share = state.share(self.queue.writers_max);
            let (mut batch, streams) = state.waiting.take(share);
            if !batch.is_empty() {
                drop(state);
                // By stream id, the order of the database's index. The sort is stable, and moves each event only
                // once.
                batch.sort_by_cached_key(|(record, _)| record.stream_id());
                return Some((batch, InFlight { queue: Arc::clone(&self.queue), streams }));
            }
        }
        state.writers -= 1;
        self.has_retired = true;
        None
    }

    /// Notes that its batch takes long, so that another writer may start.
    pub(super) fn is_slow(&mut self) {
        self.is_slow = true;
        self.queue.lock().slow += 1;
    }

    /// How many records were ever accepted.
    pub(super) fn accepted(&self) -> usize {
        self.queue.lock().accepted
    }
}

impl Drop for QueueWriter {
    fn drop(&mut self) {
        if self.has_retired {
            return;
        }
        // The runtime is stopping, with its callers. Callers on other runtimes may still wait.
        let mut state = self.queue.lock();
        state.starting -= usize::from(self.is_starting);
        state.slow -= usize::from(self.is_slow);
        state.writers -= 1;
        state.leave_to_callers();
    }
}
