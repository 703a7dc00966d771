//! What the connections of a proxy are told to do, and what they count.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// What the connections are to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    pub(super) mode: Mode,
    /// Counts the orders, so that the same one twice is two.
    pub(super) number: u64,
    /// Connections older than this many cuts are gone.
    pub(super) cuts: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    BlackHole,
    Delay(Duration),
    Pass,
    Refuse,
    Truncate(u64),
}

/// What passed.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) connections: AtomicU64,
    pub(super) asked: AtomicU64,
    pub(super) answered: AtomicU64,
}
