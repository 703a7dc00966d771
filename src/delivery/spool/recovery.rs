//! What a spool found damaged.

/// What a spool found and recovered in damaged files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovery {
    /// Records that were read back from damaged files, and wait. Some may be in the database already, which
    /// recognises them by their ids.
    pub recovered: u64,
    /// Damaged files, which stay in the folder as `spool-<n>.log.damaged-<n>`. They hold personal data, so delete
    /// them after you have looked at them.
    pub damaged_files: u64,
    /// Records that are not whole. Some may have left the spool before. One at the end of a file is what a crash
    /// leaves of a push that was not acknowledged.
    pub torn: u64,
    /// Records that could not be read back while they waited.
    pub unreadable: u64,
}

impl Recovery {
    pub(super) fn add(&mut self, other: Self) {
        self.recovered += other.recovered;
        self.damaged_files += other.damaged_files;
        self.torn += other.torn;
        self.unreadable += other.unreadable;
    }
}
