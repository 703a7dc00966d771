//! The records that wait to be written, by stream.

use std::collections::{HashMap, VecDeque};

use super::pending::{Pending, Waiter};
use crate::event::StreamId;

/// Most events of one batch. With more, two writers would in turn take all that a thousand callers submit, and one
/// would wait for callers while the other's are answered.
pub(super) const BATCH_EVENTS: usize = 320;
/// Most payload bytes of one batch, not counting its last event.
const BATCH_BYTES: usize = 4 << 20;

/// Serves streams in turn, each with its events in order. A stream is in one batch at a time.
#[derive(Default)]
pub(super) struct FairQueue {
    /// Streams that have events waiting or in flight.
    streams: HashMap<StreamId, Stream>,
    /// Streams that wait and are not in flight, each once; the first is next.
    ready: VecDeque<StreamId>,
    /// How many events those streams have.
    ready_events: usize,
}

#[derive(Default)]
struct Stream {
    events: VecDeque<Pending>,
    is_in_flight: bool,
}

impl Stream {
    /// Moves events to a batch of `bytes` so far, while it has room.
    fn take(&mut self, batch: &mut Vec<Pending>, bytes: &mut usize) {
        while batch.len() < BATCH_EVENTS
            && *bytes < BATCH_BYTES
            && let Some(pending) = self.events.pop_front()
        {
            *bytes += pending.0.payload_len();
            batch.push(pending);
        }
    }
}

impl FairQueue {
    /// How many events wait in streams that are not in flight.
    pub(super) fn ready_events(&self) -> usize {
        self.ready_events
    }

    pub(super) fn push(&mut self, pending: Pending) {
        let stream_id = pending.0.stream_id();
        let stream = self.streams.entry(stream_id).or_default();
        if !stream.is_in_flight {
            if stream.events.is_empty() {
                self.ready.push_back(stream_id);
            }
            self.ready_events += 1;
        }
        stream.events.push_back(pending);
    }

    /// Takes whole streams until there are `share` events, and as much of the last one as a batch has room for. They are
    /// in flight from now on. The rest waits for the stream's next turn, so that a flooded stream delays no other.
    ///
    /// The events of a stream go together, because locking the stream and updating its head cost the database as much
    /// for one event as for many.
    pub(super) fn take(&mut self, share: usize) -> (Vec<Pending>, Vec<StreamId>) {
        // Callers wait for the lock meanwhile, so nothing may reallocate.
        let mut batch = Vec::with_capacity(BATCH_EVENTS.min(self.ready_events));
        let (mut streams, mut bytes) = (Vec::new(), 0);
        while batch.len() < share
            && bytes < BATCH_BYTES
            && let Some(stream_id) = self.ready.pop_front()
        {
            let Some(stream) = self.streams.get_mut(&stream_id) else { continue };
            stream.is_in_flight = true;
            self.ready_events -= stream.events.len();
            streams.push(stream_id);
            stream.take(&mut batch, &mut bytes);
        }
        (batch, streams)
    }

    /// Takes the waiting events of a stream that is in flight, as far as a batch has room.
    pub(super) fn take_of(&mut self, stream_id: StreamId, batch: &mut Vec<Pending>) {
        if let Some(stream) = self.streams.get_mut(&stream_id) {
            stream.take(batch, &mut 0);
        }
    }

    /// Ends the flight of these streams.
    pub(super) fn settle(&mut self, streams: &[StreamId]) {
        for stream_id in streams {
            let Some(stream) = self.streams.get_mut(stream_id) else { continue };
            stream.is_in_flight = false;
            if stream.events.is_empty() {
                self.streams.remove(stream_id);
            } else {
                self.ready_events += stream.events.len();
                self.ready.push_back(*stream_id);
            }
        }
    }

    /// The callers of all waiting records.
    pub(super) fn waiters(&mut self) -> impl Iterator<Item = &mut Waiter> {
        self.streams.values_mut().flat_map(|stream| &mut stream.events).map(|(_, waiter)| waiter)
    }
}
