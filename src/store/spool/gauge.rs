//! What is in the spool, to be read without I/O.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use super::Recovery;
use super::frame::Head;
use crate::event::StreamId;

/// Counters of streams; streams that share one are taken for each other.
const COUNTERS: usize = 1 << COUNTER_BITS;
const COUNTER_BITS: u32 = 16;

/// How much is in the spool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpoolDepth {
    /// Events that wait for the database.
    pub events: u64,
    /// Their bytes. The file itself is larger.
    pub bytes: u64,
    /// The host's time of the event that has waited longest.
    pub oldest_at: Option<DateTime<Utc>>,
}

/// Kept beside the file, and counted anew whenever that is opened.
pub(super) struct Gauge {
    /// Events of the streams that fall on a counter, by hash: a map of the streams would grow with
    /// an outage.
    streams: Box<[AtomicU32]>,
    figures: Mutex<Figures>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Figures {
    pub(super) depth: SpoolDepth,
    pub(super) set_aside: u64,
    pub(super) recovery: Recovery,
}

/// A count from nothing, before it takes the place of the one that is shown.
pub(super) struct Count {
    streams: Vec<u32>,
    pub(super) depth: SpoolDepth,
}

impl Gauge {
    pub(super) fn new() -> Self {
        let streams = (0..COUNTERS).map(|_| AtomicU32::new(0)).collect();
        Self { streams, figures: Mutex::default() }
    }

    /// Whether the spool may hold an event of the stream; `false` is certain.
    pub(super) fn holds(&self, stream_id: StreamId) -> bool {
        self.streams[counter(stream_id)].load(Ordering::Acquire) > 0
    }

    pub(super) fn figures(&self) -> MutexGuard<'_, Figures> {
        // What is behind the lock is plain numbers, right after every statement.
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, len: u64, head: &Head) {
        let counter = &self.streams[counter(head.stream_id)];
        change(counter, |count| count.saturating_add(1));
        let depth = &mut self.figures().depth;
        depth.events += 1;
        depth.bytes += len;
        depth.oldest_at = depth.oldest_at.or(Some(head.created_at));
    }

    pub(super) fn subtract(&self, len: u64, head: Option<&Head>) {
        if let Some(head) = head {
            let counter = &self.streams[counter(head.stream_id)];
            change(counter, |count| count.saturating_sub(1));
        }
        let depth = &mut self.figures().depth;
        depth.events = depth.events.saturating_sub(1);
        depth.bytes = depth.bytes.saturating_sub(len);
    }

    /// Shows another count. No counter is zero in between whose stream has events in both.
    pub(super) fn show(&self, count: &Count) {
        for (shown, counted) in self.streams.iter().zip(&count.streams) {
            shown.store(*counted, Ordering::Release);
        }
        self.figures().depth = count.depth;
    }
}

impl Count {
    pub(super) fn new() -> Self {
        Self { streams: vec![0; COUNTERS], depth: SpoolDepth::default() }
    }

    pub(super) fn add(&mut self, len: u64, head: Option<&Head>) {
        if let Some(head) = head {
            let counter = &mut self.streams[counter(head.stream_id)];
            *counter = counter.saturating_add(1);
            self.depth.oldest_at = self.depth.oldest_at.or(Some(head.created_at));
        }
        self.depth.events += 1;
        self.depth.bytes += len;
    }
}

fn change(counter: &AtomicU32, to: impl Fn(u32) -> u32) {
    // Only one thread changes it at a time: the one that has the spool's lock.
    counter.store(to(counter.load(Ordering::Relaxed)), Ordering::Release);
}

fn counter(stream_id: StreamId) -> usize {
    let (high, low) = stream_id.uuid().as_u64_pair();
    let mixed = (high ^ low.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::try_from(mixed >> (64 - COUNTER_BITS)).unwrap_or(0)
}

impl fmt::Debug for Gauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gauge").field("figures", &*self.figures()).finish_non_exhaustive()
    }
}
