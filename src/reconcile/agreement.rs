//! Whether a cell of a row agrees with the trail.

use uuid::Uuid;

use super::Side;
use crate::store::{Cell, HostRow};

/// Whether a cell holds something else. A column that is not there does not.
pub(super) fn differs<T>(cell: &Cell<T>, is_same: impl FnOnce(&T) -> bool) -> bool {
    match cell {
        Cell::NotCheckable => false,
        Cell::Null | Cell::Unreadable => true,
        Cell::Value(value) => !is_same(value),
    }
}

/// A side that has another id: which one is no word for a report.
pub(super) fn other_id<T>(cell: Cell<T>) -> Side {
    Side::of_cell(cell, |_| Side::Unlisted)
}

/// Whether a column has this id. A UUID has several written forms.
pub(super) fn is_id(row: &HostRow, column: &str, id: &str) -> bool {
    let Some(found) = row.text(column).value() else { return false };
    found == id || Uuid::parse_str(id).is_ok_and(|id| Uuid::parse_str(found) == Ok(id))
}
