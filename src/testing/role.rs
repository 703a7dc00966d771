//! What a record does to an effect's entry, said by a test instead of by an auditor.

use crate::record::{Record, Role};

/// The record of an effect that began while the database was away: appended, it makes the entry.
#[must_use]
pub fn intent(record: Record) -> Record {
    record.with_role(Role::Intent)
}

/// The record as one that changes no entry.
#[must_use]
pub fn plain(record: Record) -> Record {
    record.with_role(Role::Event)
}

/// The record as the outcome of the effect that has its id: appended, it settles the entry.
#[must_use]
pub fn outcome(record: Record) -> Record {
    record.with_role(Role::Outcome)
}
