//! The buffers in which a thread writes its lines, reused for each.

use std::cell::Cell;

use super::fields::LineFields;
use super::limits::LINE_MAX;
use super::plan::CallsitePlans;
use super::stamp::Stamp;

/// How deep values that log while they are formatted may be in each other.
const DEPTH_MAX: u32 = 8;

thread_local! {
    /// Absent while in use.
    static SCRATCH: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

pub(super) struct Scratch {
    pub(super) plans: CallsitePlans,
    pub(super) stamp: Stamp,
    pub(super) fields: LineFields,
    pub(super) message: String,
    /// The target of a record of the `log` crate, in quotes.
    pub(super) target: String,
    /// A value that is being formatted.
    pub(super) text: String,
    pub(super) line: String,
}

impl Scratch {
    fn new() -> Self {
        Self {
            plans: CallsitePlans::default(),
            stamp: Stamp::new(),
            fields: LineFields::default(),
            message: String::new(),
            target: String::new(),
            text: String::new(),
            line: String::new(),
        }
    }

    /// Lends this thread's buffers. A value that logs while it is formatted gets new ones.
    pub(super) fn lend<T>(use_it: impl FnOnce(&mut Self) -> T) -> T {
        let kept = SCRATCH.try_with(Cell::take).ok().flatten();
        let mut scratch = kept.unwrap_or_else(|| Box::new(Self::new()));
        let result = use_it(&mut scratch);
        scratch.text.clear();
        scratch.text.shrink_to(LINE_MAX);
        // A thread that ends has no place for it any more.
        _ = SCRATCH.try_with(|kept| kept.set(Some(scratch)));
        result
    }
}

/// Held while a thread formats or writes, because a writer that logs would write for ever.
pub(super) struct ReentryGuard {
    before: u32,
}

impl ReentryGuard {
    /// Begins to format. `None` if this thread is inside a writer, or nested too deeply.
    pub(super) fn format() -> Option<Self> {
        Self::at(|before| (before < DEPTH_MAX).then_some(before + 1))
    }

    /// Begins to write. Nothing else may format or write on this thread until it ends.
    pub(super) fn write() -> Option<Self> {
        Self::at(|_| Some(DEPTH_MAX))
    }

    fn at(depth: impl FnOnce(u32) -> Option<u32>) -> Option<Self> {
        let before = DEPTH.try_with(Cell::get).ok()?;
        let depth = depth(before)?;
        DEPTH.try_with(|current| current.set(depth)).ok()?;
        Some(Self { before })
    }
}

impl Drop for ReentryGuard {
    fn drop(&mut self) {
        _ = DEPTH.try_with(|current| current.set(self.before));
    }
}
