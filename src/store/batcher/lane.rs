//! One queue and its writer: what arrived while the last batch was in flight is the next one.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::room::Seat;
use super::{Shared, WriteError};
use crate::record::{Record, Recorded};

/// Events of one batch at most; more make the statement slower, not the throughput higher.
const BATCH_EVENTS: usize = 1_000;
/// Payload bytes of one batch, apart from its last event.
const BATCH_BYTES: usize = 4 << 20;

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
    /// Held until the caller has its answer: that is what bounds the queue.
    pub(super) seat: Seat,
}

impl Waiter {
    /// Answers. Whether the caller still waits makes no difference to the record.
    pub(super) fn answer(self, answer: Result<Recorded, WriteError>) {
        drop(self.seat);
        let _gone = self.reply.send(answer);
    }
}

/// A queue that has at most one writer, which keeps the order of what goes through it. A stream always
/// takes the same lane.
#[derive(Default)]
pub(super) struct Lane {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Pending>,
    has_writer: bool,
}

impl Lane {
    /// Queues a record. Where nobody is writing, returns a writer to be run.
    pub(super) fn push(shared: &Arc<Shared>, nth: usize, pending: Pending) -> Option<Writer> {
        let mut state = shared.lanes[nth].lock();
        state.queue.push_back(pending);
        let is_first = !mem::replace(&mut state.has_writer, true);
        is_first.then(|| Writer { shared: Arc::clone(shared), nth, is_done: false })
    }

    /// Takes the next batch; where there is none, the lane has no writer any longer.
    fn take(&self) -> Option<Vec<Pending>> {
        let mut state = self.lock();
        let mut bytes = 0;
        let fits = state.queue.iter().take(BATCH_EVENTS).take_while(|pending| {
            let begins_within = bytes < BATCH_BYTES;
            bytes += pending.record.payload_len();
            begins_within
        });
        let len = fits.count();
        state.has_writer = len > 0;
        (len > 0).then(|| state.queue.drain(..len).collect())
    }

    fn len(&self) -> usize {
        self.lock().queue.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right, and the duty, to write what a lane holds.
pub(super) struct Writer {
    shared: Arc<Shared>,
    nth: usize,
    is_done: bool,
}

impl Writer {
    pub(super) async fn run(mut self) {
        while let Some(batch) = self.shared.lanes[self.nth].take() {
            let answered = batch.len();
            self.shared.write(batch).await;
            self.wait_for_others(answered).await;
        }
        self.is_done = true;
    }

    /// The callers of the last batch come back now: lets them, as long as they do, so that they make
    /// the next one together. A caller alone does not notice.
    async fn wait_for_others(&self, answered: usize) {
        let mut queued = 0;
        while queued < answered {
            tokio::task::yield_now().await;
            let before = mem::replace(&mut queued, self.shared.lanes[self.nth].len());
            if queued == before {
                break;
            }
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        // The runtime is stopping, with the callers on it. What is queued is dropped, which tells
        // whoever still waits; a lane that kept its writer would never be written again.
        let queued = {
            let mut state = self.shared.lanes[self.nth].lock();
            state.has_writer = false;
            mem::take(&mut state.queue)
        };
        drop(queued);
    }
}
