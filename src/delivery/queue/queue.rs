//! The queue, and who writes what is in it: what arrived while the last batch was in flight is the
//! next one.

use std::collections::HashSet;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::room::Seat;
use super::waiting::{BATCH_EVENTS, Waiting};
use super::{Failures, Shared, WriteError};
use crate::event::StreamId;
use crate::record::{Record, Recorded};

/// So many events are worth another statement beside the one that is in flight. Fewer do better to
/// wait, and share the next one.
const WORTH_A_WRITER: usize = 32;
/// A batch that takes longer than this is waited for by nobody but its own callers.
const SLOW: Duration = Duration::from_millis(20);

/// A record on its way, and who waits for it.
pub(super) struct Pending {
    pub(super) record: Record,
    pub(super) waiter: Waiter,
}

/// Who waits for a record.
pub(super) struct Waiter {
    /// When the database's time is up.
    pub(super) deadline: Instant,
    pub(super) reply: oneshot::Sender<Result<Recorded, WriteError>>,
    /// Where a failure is counted that nobody hears of.
    pub(super) unheard: Arc<Mutex<Failures>>,
    /// Held until the caller has its answer: that is what bounds the queue.
    pub(super) seat: Seat,
}

impl Waiter {
    /// Answers. Whether the caller still waits makes no difference to the record.
    pub(super) fn answer(self, answer: Result<Recorded, WriteError>) {
        drop(self.seat);
        if let Err(Err(unheard)) = self.reply.send(answer) {
            self.unheard.lock().unwrap_or_else(PoisonError::into_inner).count(&unheard);
        }
    }
}

/// What waits, and what is in flight.
///
/// A stream is in one batch at a time, so that its events keep their order.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: Waiting,
    /// How many events were ever queued.
    arrived: usize,
    /// Streams of the batches in flight.
    in_flight: HashSet<StreamId>,
    writers: usize,
    /// Writers that have not taken a batch yet.
    starting: usize,
    /// Writers whose batch takes long.
    slow: usize,
    /// All that waits was found to be of streams in flight.
    is_held: bool,
}

impl State {
    /// Writers to whom what waits may be left.
    fn active(&self) -> usize {
        self.writers - self.slow
    }

    fn wants_writer(&self, writers_max: usize) -> bool {
        let is_worth_it = match self.active() {
            0 => !self.waiting.is_empty(),
            _ => self.waiting.len() >= WORTH_A_WRITER,
        };
        is_worth_it && self.starting == 0 && !self.is_held && self.writers < writers_max
    }

    /// How many events are for the writer that asks. Where others have nothing to do, they get their
    /// shares, if those are worth a statement: else all callers would seal, and then wait, together.
    fn share(&self, writers_max: usize) -> usize {
        let waiting = self.waiting.len();
        let idle = (writers_max + 1).saturating_sub(self.active()).max(1);
        let share = waiting.div_ceil(idle);
        if waiting - share < WORTH_A_WRITER { BATCH_EVENTS } else { share.min(BATCH_EVENTS) }
    }
}

impl Queue {
    /// Queues a record, and starts a writer where one is wanted.
    pub(super) fn push(shared: &Arc<Shared>, pending: Pending) {
        let mut state = shared.queue.lock();
        state.is_held = state.is_held && state.in_flight.contains(&pending.record.stream_id());
        state.waiting.push(pending);
        state.arrived += 1;
        Self::start_writer(shared, state);
    }

    fn start_writer(shared: &Arc<Shared>, mut state: MutexGuard<'_, State>) {
        if state.wants_writer(shared.limits.connections) {
            state.writers += 1;
            state.starting += 1;
            drop(state);
            tokio::spawn(Writer::of(shared).run());
        }
    }

    fn arrived(&self) -> usize {
        self.lock().arrived
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes one batch after the other, until there is nothing to write, or others do.
struct Writer {
    shared: Arc<Shared>,
    /// The streams of its batch.
    streams: HashSet<StreamId>,
    is_starting: bool,
    is_slow: bool,
    /// It counts as a writer no longer.
    has_retired: bool,
}

impl Writer {
    /// A writer that is counted already.
    fn of(shared: &Arc<Shared>) -> Self {
        let (shared, streams) = (Arc::clone(shared), HashSet::new());
        Self { shared, streams, is_starting: true, is_slow: false, has_retired: false }
    }

    async fn run(mut self) {
        while let Some(batch) = self.take() {
            let len = batch.len();
            let shared = Arc::clone(&self.shared);
            let mut writing = Box::pin(shared.write(batch));
            if timeout(SLOW, &mut writing).await.is_err() {
                self.leave_the_rest_to_others();
                writing.await;
            }
            let shared = Arc::clone(&self.shared);
            self.settle(&mut shared.queue.lock());
            self.wait_for_others(len).await;
        }
    }

    /// Takes the next batch. Where there is none for it, it retires, under the same lock: what is
    /// queued from then on finds no writer, and starts one.
    fn take(&mut self) -> Option<Vec<Pending>> {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.queue.lock();
        state.starting -= usize::from(mem::take(&mut self.is_starting));
        if state.active() == 1 || state.waiting.len() >= WORTH_A_WRITER {
            let share = state.share(shared.limits.connections);
            let State { waiting, in_flight, .. } = &mut *state;
            let mut batch = waiting.take(share, in_flight);
            if !batch.is_empty() {
                self.streams = batch.iter().map(|pending| pending.record.stream_id()).collect();
                state.in_flight.extend(&self.streams);
                Queue::start_writer(&shared, state);
                // In the order of the streams' ids, in which the database has them in an index. Stable.
                // What is moved about is the keys, and each event once.
                batch.sort_by_cached_key(|pending| pending.record.stream_id());
                return Some(batch);
            }
            state.is_held = !state.waiting.is_empty();
        }
        state.writers -= 1;
        self.has_retired = true;
        None
    }

    fn leave_the_rest_to_others(&mut self) {
        self.is_slow = true;
        let mut state = self.shared.queue.lock();
        state.slow += 1;
        Queue::start_writer(&self.shared, state);
    }

    /// Its streams are free again.
    fn settle(&mut self, state: &mut State) {
        for stream in self.streams.drain() {
            state.in_flight.remove(&stream);
        }
        state.slow -= usize::from(mem::take(&mut self.is_slow));
        state.is_held = false;
    }

    /// The callers of the last batch come back now: lets them, as long as they do, so that they make
    /// the next one together. A caller alone does not notice.
    async fn wait_for_others(&self, answered: usize) {
        let mut arrived = self.shared.queue.arrived();
        let enough = arrived + answered;
        while arrived < enough {
            tokio::task::yield_now().await;
            let before = mem::replace(&mut arrived, self.shared.queue.arrived());
            if arrived == before {
                break;
            }
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.has_retired {
            return;
        }
        // The runtime is stopping, with the callers on it. Where no other writer is left to take what
        // waits, it is dropped, which tells whoever still listens.
        let shared = Arc::clone(&self.shared);
        let mut state = shared.queue.lock();
        self.settle(&mut state);
        state.starting -= usize::from(self.is_starting);
        state.writers -= 1;
        let is_last = state.writers == 0;
        let waiting = if is_last { mem::take(&mut state.waiting) } else { Waiting::default() };
        drop(state);
        drop(waiting);
    }
}
