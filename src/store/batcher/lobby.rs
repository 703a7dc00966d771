//! Where records wait, in order, for a place in the queue.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

use super::lane::{Pending, Reply, Waiter};
use super::room::{Room, Seat};
use super::{Shared, WriteError};
use crate::record::Record;

/// Records before the queue. One task lets them in, one after the other, so that a later event of a
/// stream does not overtake an earlier one.
pub(super) struct Lobby {
    room: Room,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    visitors: VecDeque<Visitor>,
    has_doorman: bool,
}

/// A record that waits for a place.
struct Visitor {
    record: Record,
    deadline: Instant,
    reply: Reply,
    _place: Seat,
}

impl Lobby {
    pub(super) fn new(events_max: usize, bytes_max: usize) -> Self {
        Self { room: Room::new(events_max, bytes_max), state: Mutex::default() }
    }

    /// Whether anybody waits, or is being let in: whoever comes now has to wait behind.
    pub(super) fn is_occupied(&self) -> bool {
        self.lock().has_doorman
    }

    /// Has a record wait. Where nobody lets in, returns a doorman to be run.
    ///
    /// # Errors
    /// [`WriteError::Overloaded`] where there is no room to wait in.
    pub(super) fn join(
        shared: &Arc<Shared>,
        record: Record,
        deadline: Instant,
        reply: Reply,
    ) -> Result<Option<Doorman>, WriteError> {
        let place = shared.lobby.room.try_enter(record.payload_len());
        let place = place.ok_or_else(|| shared.overloaded())?;
        let mut state = shared.lobby.lock();
        state.visitors.push_back(Visitor { record, deadline, reply, _place: place });
        let is_first = !mem::replace(&mut state.has_doorman, true);
        Ok(is_first.then(|| Doorman { shared: Arc::clone(shared), is_done: false }))
    }

    /// Waits until nobody is here.
    pub(super) async fn empty(&self) {
        self.room.empty().await;
    }

    /// How many wait.
    pub(super) fn taken(&self) -> usize {
        self.room.taken()
    }

    /// Takes the next visitor; where there is none, there is no doorman any longer.
    fn next(&self) -> Option<Visitor> {
        let mut state = self.lock();
        let next = state.visitors.pop_front();
        state.has_doorman = next.is_some();
        next
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The duty to let those in who wait.
pub(super) struct Doorman {
    shared: Arc<Shared>,
    is_done: bool,
}

impl Doorman {
    pub(super) async fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        while let Some(visitor) = shared.lobby.next() {
            // What gets a place later than this has no time left for the database.
            let latest = visitor.deadline - shared.limits.wait / 2;
            let entering = shared.queue.enter(visitor.record.payload_len());
            if let Ok(Some(seat)) = timeout_at(latest, entering).await {
                let Visitor { record, deadline, reply, _place } = visitor;
                let waiter = Waiter { deadline, reply, seat };
                shared.push(&Handle::current(), Pending { record, waiter });
            } else {
                let heard = visitor.reply.send(Err(shared.overloaded()));
                shared.count_refusal(heard.is_ok());
            }
        }
        self.is_done = true;
    }
}

impl Drop for Doorman {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        // The runtime is stopping, with the callers on it: as a lane's writer does, tell whoever still
        // waits, and leave the place to another.
        let visitors = {
            let mut state = self.shared.lobby.lock();
            state.has_doorman = false;
            mem::take(&mut state.visitors)
        };
        drop(visitors);
    }
}
