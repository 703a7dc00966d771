//! Limits on the length of a line and its parts.

/// Most bytes of a line, with its line feed, by default.
pub(super) const LINE_MAX: usize = 64 * 1024;
/// The smallest limit of a line. Ids still fit whole.
const LINE_MIN: usize = 8 * 1024;
/// Most bytes of a line's names, times and target.
const OWN_MAX: usize = 3 * 1024;

/// Most bytes of a line's parts in their JSON form. Together they fit into the line, even with the message twice for a
/// log shipper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct LineLimits {
    /// Of all further fields together.
    pub(super) further: usize,
    /// Of a field that every line has.
    pub(super) id: usize,
    /// Of a message, an error message or a further field.
    pub(super) value: usize,
}

impl LineLimits {
    /// The limits of a line of at most so many bytes.
    pub(super) fn of_line(bytes: usize) -> Self {
        if bytes >= LINE_MAX {
            return Self::default();
        }
        let room = bytes.max(LINE_MIN) - OWN_MAX;
        Self { further: room * 3 / 8, id: room / 64, value: room / 8 }
    }
}

impl Default for LineLimits {
    fn default() -> Self {
        Self { further: 24 * 1024, id: 1024, value: 8 * 1024 }
    }
}
