//! Bounds how many events and bytes may wait at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that a record takes besides its payload, for ids, hashes and the caller's channel.
const OVERHEAD: usize = 1024;

/// A bounded number of events and bytes.
pub(super) struct Capacity {
    events_max: usize,
    bytes_max: usize,
    events: AtomicUsize,
    bytes: AtomicUsize,
}

/// One record's share of a capacity. Dropping it gives the share back.
pub(super) struct Slot {
    capacity: Arc<Capacity>,
    bytes: usize,
}

impl Capacity {
    pub(super) fn new(events_max: usize, bytes_max: usize) -> Self {
        Self {
            events_max: events_max.max(1),
            bytes_max: bytes_max.max(1),
            events: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
        }
    }

    /// Takes a slot for a record, if there is room. A record larger than the whole capacity has room if it is the only
    /// one.
    ///
    /// Only one thread may take slots at a time: the queue's lock sees to that. Slots are given back at any time.
    pub(super) fn take(self: &Arc<Self>, payload_len: usize) -> Option<Slot> {
        let bytes = payload_len.saturating_add(OVERHEAD).min(self.bytes_max);
        if self.taken() >= self.events_max
            || self.bytes.load(Ordering::SeqCst) > self.bytes_max - bytes
        {
            return None;
        }
        self.events.fetch_add(1, Ordering::SeqCst);
        self.bytes.fetch_add(bytes, Ordering::SeqCst);
        Some(Slot { capacity: Arc::clone(self), bytes })
    }

    /// How many slots are taken.
    pub(super) fn taken(&self) -> usize {
        self.events.load(Ordering::SeqCst)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.capacity.events.fetch_sub(1, Ordering::SeqCst);
        self.capacity.bytes.fetch_sub(self.bytes, Ordering::SeqCst);
    }
}
