//! Bounds how many events and bytes may wait at once.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes that a record takes besides its payload, for ids, hashes and the caller's channel.
const OVERHEAD: usize = 1024;

/// A bounded number of events and bytes.
pub(super) struct Capacity {
    events_max: usize,
    bytes_max: usize,
    events: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
}

/// One record's share of a capacity. Dropping it gives the share back.
pub(super) struct Slot {
    _event: OwnedSemaphorePermit,
    _bytes: OwnedSemaphorePermit,
}

impl Capacity {
    pub(super) fn new(events_max: usize, bytes_max: usize) -> Self {
        let [events_max, bytes_max] =
            [events_max, bytes_max].map(|max| max.clamp(1, Semaphore::MAX_PERMITS));
        let [events, bytes] = [events_max, bytes_max].map(|max| Arc::new(Semaphore::new(max)));
        Self { events_max, bytes_max, events, bytes }
    }

    /// Takes a slot for a record, if there is room. A record larger than the whole capacity has room if it is the only
    /// one.
    pub(super) fn take(&self, payload_len: usize) -> Option<Slot> {
        let bytes = payload_len.saturating_add(OVERHEAD).min(self.bytes_max);
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        Some(Slot {
            _event: Arc::clone(&self.events).try_acquire_owned().ok()?,
            _bytes: Arc::clone(&self.bytes).try_acquire_many_owned(bytes).ok()?,
        })
    }

    /// How many slots are taken.
    pub(super) fn taken(&self) -> usize {
        self.events_max - self.events.available_permits()
    }
}
