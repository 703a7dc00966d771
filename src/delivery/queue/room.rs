//! How much may wait at once: so many events, so many bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What a record takes beside its payload: ids, hashes, the caller's channel.
const OVERHEAD: usize = 1024;

/// A bounded room. Whoever wants in while it is full waits in the order of arrival.
#[derive(Debug)]
pub(super) struct Room {
    events: Arc<Semaphore>,
    events_max: u32,
    bytes: Arc<Semaphore>,
    bytes_max: u32,
    /// Counted apart: whoever waits for all seats holds some of their permits meanwhile.
    taken: Arc<AtomicUsize>,
}

/// A place in a room, given back when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    _event: OwnedSemaphorePermit,
    _bytes: OwnedSemaphorePermit,
    taken: Arc<AtomicUsize>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.taken.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Room {
    pub(super) fn new(events_max: usize, bytes_max: usize) -> Self {
        let bounded =
            |max: usize| u32::try_from(max.min(Semaphore::MAX_PERMITS)).unwrap_or(u32::MAX);
        let (events_max, bytes_max) = (bounded(events_max.max(1)), bounded(bytes_max.max(1)));
        Self {
            events: Arc::new(Semaphore::new(events_max as usize)),
            events_max,
            bytes: Arc::new(Semaphore::new(bytes_max as usize)),
            bytes_max,
            taken: Arc::default(),
        }
    }

    /// Takes a seat for a record of so many bytes, where there is one.
    pub(super) fn try_enter(&self, weight: usize) -> Option<Seat> {
        let event = Arc::clone(&self.events).try_acquire_owned().ok()?;
        let bytes = Arc::clone(&self.bytes).try_acquire_many_owned(self.permits(weight)).ok()?;
        Some(self.seat(event, bytes))
    }

    /// Takes a seat as soon as there is one.
    ///
    /// `None` never comes: the semaphores are not closed.
    pub(super) async fn enter(&self, weight: usize) -> Option<Seat> {
        let event = Arc::clone(&self.events).acquire_owned().await.ok()?;
        let permits = self.permits(weight);
        let bytes = Arc::clone(&self.bytes).acquire_many_owned(permits).await.ok()?;
        Some(self.seat(event, bytes))
    }

    fn seat(&self, event: OwnedSemaphorePermit, bytes: OwnedSemaphorePermit) -> Seat {
        self.taken.fetch_add(1, Ordering::SeqCst);
        Seat { _event: event, _bytes: bytes, taken: Arc::clone(&self.taken) }
    }

    /// Waits until every seat is free.
    pub(super) async fn empty(&self) {
        let _all = self.events.acquire_many(self.events_max).await;
    }

    /// How many seats are taken.
    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::SeqCst)
    }

    /// A record larger than the whole room enters when it is alone there.
    fn permits(&self, weight: usize) -> u32 {
        let permits = u32::try_from(weight.saturating_add(OVERHEAD)).unwrap_or(u32::MAX);
        permits.min(self.bytes_max)
    }
}
