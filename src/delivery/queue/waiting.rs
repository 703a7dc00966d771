//! What waits to be written, stream by stream.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};

use super::queue::Pending;
use crate::event::StreamId;

/// Events of one batch at most. More would have two writers take all that a thousand callers submit,
/// in turn: then one waits for callers while the other's are answered.
pub(super) const BATCH_EVENTS: usize = 320;
/// Payload bytes of one batch, apart from its last event.
const BATCH_BYTES: usize = 4 << 20;

/// Streams in turn, each with its events in their order.
///
/// What waits of a stream goes together: to lock it, and to move its head on, costs a database as much
/// for one event as for many.
#[derive(Default)]
pub(super) struct Waiting {
    /// None of them empty.
    streams: HashMap<StreamId, VecDeque<Pending>>,
    /// Each of them once, whose turn it is first.
    turns: VecDeque<StreamId>,
    len: usize,
}

impl Waiting {
    /// How many events wait.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn push(&mut self, pending: Pending) {
        let stream = pending.record.stream_id();
        match self.streams.entry(stream) {
            Entry::Occupied(of_stream) => of_stream.into_mut().push_back(pending),
            Entry::Vacant(place) => {
                place.insert(VecDeque::from([pending]));
                self.turns.push_back(stream);
            }
        }
        self.len += 1;
    }

    /// Takes streams that are not in flight until there are `share` events, and of the last one what
    /// still finds room in a batch. What does not waits for the stream's next turn: a stream that is
    /// flooded holds up none but itself.
    pub(super) fn take(&mut self, share: usize, in_flight: &HashSet<StreamId>) -> Vec<Pending> {
        // Callers wait for the lock meanwhile: nothing is to grow.
        let mut batch = Vec::with_capacity(BATCH_EVENTS.min(self.len));
        let (mut held, mut bytes) = (Vec::new(), 0);
        while batch.len() < share
            && bytes < BATCH_BYTES
            && let Some(stream) = self.turns.pop_front()
        {
            if in_flight.contains(&stream) {
                held.push(stream);
                continue;
            }
            let Some(mut events) = self.streams.remove(&stream) else { continue };
            while batch.len() < BATCH_EVENTS
                && bytes < BATCH_BYTES
                && let Some(pending) = events.pop_front()
            {
                bytes += pending.record.payload_len();
                batch.push(pending);
            }
            if !events.is_empty() {
                self.turns.push_back(stream);
                self.streams.insert(stream, events);
            }
        }
        for stream in held.into_iter().rev() {
            self.turns.push_front(stream);
        }
        self.len -= batch.len();
        batch
    }
}
