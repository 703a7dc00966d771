//! Counts what is in the spool, so that it can be read without I/O.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use super::recovery::Recovery;
use super::segment::FrameEntry;
use crate::event::StreamId;

/// How much is in the spool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpoolDepth {
    /// Events that wait for the database.
    pub events: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The host's time of the event that has waited longest.
    pub oldest_at: Option<DateTime<Utc>>,
}

/// Counts what the files hold. Updated after each change to them.
#[derive(Default)]
pub(super) struct Gauge {
    state: Mutex<GaugeState>,
}

#[derive(Default)]
struct GaugeState {
    /// How many events of each stream wait. Streams without any are left out.
    streams: HashMap<StreamId, u32>,
    figures: Figures,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Figures {
    pub(super) depth: SpoolDepth,
    pub(super) set_aside: u64,
    pub(super) recovery: Recovery,
}

impl Gauge {
    pub(super) fn holds(&self, stream_id: StreamId) -> bool {
        self.lock().streams.contains_key(&stream_id)
    }

    pub(super) fn figures(&self) -> Figures {
        self.lock().figures
    }

    pub(super) fn add<'a>(&self, entries: impl IntoIterator<Item = &'a FrameEntry>) {
        let mut state = self.lock();
        for entry in entries {
            *state.streams.entry(entry.stream_id).or_default() += 1;
            let depth = &mut state.figures.depth;
            depth.events += 1;
            depth.bytes += entry.len;
            depth.oldest_at = depth.oldest_at.or(Some(entry.created_at));
        }
    }

    /// Subtracts entries. `oldest_at` is the oldest of those that are left.
    pub(super) fn subtract(&self, entries: &[FrameEntry], oldest_at: Option<DateTime<Utc>>) {
        let mut state = self.lock();
        for entry in entries {
            if let Slot::Occupied(mut count) = state.streams.entry(entry.stream_id) {
                *count.get_mut() -= 1;
                if *count.get() == 0 {
                    count.remove();
                }
            }
            let depth = &mut state.figures.depth;
            depth.events = depth.events.saturating_sub(1);
            depth.bytes = depth.bytes.saturating_sub(entry.len);
        }
        state.figures.depth.oldest_at = oldest_at;
    }

    pub(super) fn show_set_aside(&self, set_aside: u64) {
        self.lock().figures.set_aside = set_aside;
    }

    pub(super) fn note(&self, recovery: Recovery) {
        self.lock().figures.recovery.add(recovery);
    }

    fn lock(&self) -> MutexGuard<'_, GaugeState> {
        // Nothing panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Gauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gauge").field("figures", &self.figures()).finish_non_exhaustive()
    }
}
