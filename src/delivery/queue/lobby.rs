//! Where records wait for a place in the queue, in the order in which they came.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::queue::{Pending, Queue, Waiter};
use super::room::{Room, Seat};
use super::{Shared, WriteError};
use crate::record::{Record, Recorded};

/// Before the queue. Every record passes here, so that none overtakes another; it only stops where the
/// queue is full, or somebody waits already.
pub(super) struct Lobby {
    /// Bounds what waits here.
    room: Room,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Guest>,
    has_usher: bool,
    is_closed: bool,
}

struct Guest {
    record: Record,
    deadline: Instant,
    /// What gets a place later than this has no time left for the database.
    leaves_at: Instant,
    reply: oneshot::Sender<Result<Recorded, WriteError>>,
    _seat: Seat,
}

/// What the caller of a record that was taken in waits for.
pub(super) type Answer = oneshot::Receiver<Result<Recorded, WriteError>>;

impl Lobby {
    pub(super) fn new(room: Room) -> Self {
        Self { room, state: Mutex::default() }
    }

    /// No record comes in any more.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
    }

    pub(super) async fn empty(&self) {
        self.room.empty().await;
    }

    pub(super) fn taken(&self) -> usize {
        self.room.taken()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Takes a record in, or has it wait for a place.
    pub(super) fn enter(
        self: &Arc<Self>,
        record: Record,
        deadline: Instant,
    ) -> Result<Answer, WriteError> {
        let (reply, answer) = oneshot::channel();
        let weight = record.payload_len();
        let mut lobby = self.lobby.lock();
        if lobby.is_closed {
            return Err(WriteError::Closed);
        }
        if lobby.waiting.is_empty()
            && let Some(seat) = self.seats.try_enter(weight)
        {
            let unheard = Arc::clone(&self.unheard);
            // Under the lock, or the next record might be queued first.
            Queue::push(
                self,
                Pending { record, waiter: Waiter { deadline, reply, unheard, seat } },
            );
            return Ok(answer);
        }
        let overloaded = || WriteError::Overloaded { events: self.seats.taken() };
        let seat = self.lobby.room.try_enter(weight).ok_or_else(overloaded)?;
        let now = Instant::now();
        let leaves_at = now + deadline.saturating_duration_since(now) / 2;
        lobby.waiting.push_back(Guest { record, deadline, leaves_at, reply, _seat: seat });
        let needs_usher = !mem::replace(&mut lobby.has_usher, true);
        // A runtime that is stopping drops the task at once, and that takes the lock.
        drop(lobby);
        if needs_usher {
            let usher = Usher { shared: Arc::clone(self), is_done: false };
            // In a task of its own: a caller that goes away does not take its record along.
            tokio::spawn(usher.run());
        }
        Ok(answer)
    }
}

/// Leads who waits to the queue, one after the other.
struct Usher {
    shared: Arc<Shared>,
    is_done: bool,
}

impl Usher {
    async fn run(mut self) {
        while let Some((weight, leaves_at)) = self.first() {
            let seat = timeout_at(leaves_at, self.shared.seats.enter(weight)).await;
            let mut lobby = self.shared.lobby.lock();
            let Some(Guest { record, deadline, reply, .. }) = lobby.waiting.pop_front() else {
                continue;
            };
            if let Ok(Some(seat)) = seat {
                let unheard = Arc::clone(&self.shared.unheard);
                let waiter = Waiter { deadline, reply, unheard, seat };
                Queue::push(&self.shared, Pending { record, waiter });
            } else {
                let events = self.shared.seats.taken();
                if let Err(Err(unheard)) = reply.send(Err(WriteError::Overloaded { events })) {
                    self.shared.note_unheard(&unheard);
                }
            }
        }
        self.is_done = true;
    }

    /// Whose turn it is; where it is nobody's, there is no usher any longer.
    fn first(&self) -> Option<(usize, Instant)> {
        let mut lobby = self.shared.lobby.lock();
        let first =
            lobby.waiting.front().map(|guest| (guest.record.payload_len(), guest.leaves_at));
        lobby.has_usher = first.is_some();
        first
    }
}

impl Drop for Usher {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        // The runtime is stopping: see `Writer`.
        let waiting = {
            let mut lobby = self.shared.lobby.lock();
            lobby.has_usher = false;
            mem::take(&mut lobby.waiting)
        };
        drop(waiting);
    }
}
