//! Counts what is in the spool, so that it can be read without I/O.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
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

/// What the files hold, as of the last change to them.
#[derive(Default)]
pub(super) struct Gauge(Mutex<Figures>);

#[derive(Default)]
pub(super) struct Figures {
    /// How many events of each stream wait. Streams without any are left out.
    streams: HashMap<StreamId, u32>,
    pub(super) depth: SpoolDepth,
    pub(super) set_aside: u64,
    pub(super) recovery: Recovery,
}

impl Figures {
    pub(super) fn holds(&self, stream_id: StreamId) -> bool {
        self.streams.contains_key(&stream_id)
    }
}

impl Gauge {
    pub(super) fn lock(&self) -> MutexGuard<'_, Figures> {
        // Nothing panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows what the files hold after these waiting entries were added or removed.
    pub(super) fn show(
        &self,
        added: &[FrameEntry],
        removed: &[FrameEntry],
        depth: SpoolDepth,
        set_aside: u64,
    ) {
        let mut figures = self.lock();
        for entry in added {
            *figures.streams.entry(entry.stream_id).or_default() += 1;
        }
        for entry in removed {
            if let Slot::Occupied(mut count) = figures.streams.entry(entry.stream_id) {
                *count.get_mut() -= 1;
                if *count.get() == 0 {
                    count.remove();
                }
            }
        }
        figures.depth = depth;
        figures.set_aside = set_aside;
    }

    /// Adds what was found damaged.
    pub(super) fn note(&self, recovery: Recovery) {
        self.lock().recovery.add(recovery);
    }
}
