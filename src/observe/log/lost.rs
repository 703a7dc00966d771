//! The count of lines that could not be written.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The total of the process, for the metric. It is not emitted from here, because a recorder that logs would
/// recurse.
static TOTAL: AtomicU64 = AtomicU64::new(0);

/// The lines that layers and writers of this process could not write.
#[cfg(feature = "recorder")]
pub(crate) fn lost_lines() -> u64 {
    TOTAL.load(Ordering::Relaxed)
}

/// Counts log lines that could not be written. Clones share the count.
///
/// A layer and a [`NonBlocking`](super::NonBlocking) writer have one each; both count in the same one
/// with [`JsonLayer::count_lost_in`](super::JsonLayer::count_lost_in).
#[derive(Clone, Debug, Default)]
pub struct LostLines(Arc<AtomicU64>);

impl LostLines {
    /// How many lines were lost so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, lines: u64) {
        TOTAL.fetch_add(lines, Ordering::Relaxed);
        self.0.fetch_add(lines, Ordering::Relaxed);
    }

    pub(super) fn add_len(&self, lines: usize) {
        self.add(u64::try_from(lines).unwrap_or(u64::MAX));
    }
}
