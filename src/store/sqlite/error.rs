//! Maps SQLite's errors to what the caller can do.

use crate::store::StoreError;

/// Primary result codes of faults that pass, or that an operator repairs without touching the trail
/// (<https://sqlite.org/rescode.html>).
const PASSING: [i32; 9] = [
    5,  // SQLITE_BUSY: another process holds the lock
    6,  // SQLITE_LOCKED: another connection of this process does
    7,  // SQLITE_NOMEM
    8,  // SQLITE_READONLY: the file or its folder cannot be written
    9,  // SQLITE_INTERRUPT
    10, // SQLITE_IOERR
    13, // SQLITE_FULL: the disk is
    14, // SQLITE_CANTOPEN
    15, // SQLITE_PROTOCOL: lost the race for the write-ahead log too often
];

/// Primary result codes of what is an event's fault: too large, against a constraint, of another type.
const CONTENT: [i32; 3] = [18, 19, 20];

/// `SQLITE_ERROR`: what a statement asks for is not there.
const ERROR: i32 = 1;

/// Files an error by what the caller can do. SQLite's messages name columns and codes, never values.
pub(super) fn failed(doing: &'static str, error: sqlx::Error) -> StoreError {
    if is_busy(&error) {
        StoreError::locked(doing, error)
    } else if is_passing(&error) {
        StoreError::unavailable(doing, error)
    } else if primary_code(&error).is_some_and(|code| CONTENT.contains(&code)) {
        StoreError::refused(doing, error)
    } else if primary_code(&error) == Some(ERROR) && error.to_string().contains("no such table") {
        let advice = "this file has no schema of moltbot-audit: store::open and migrate make it";
        StoreError::database(doing, format!("{error}: {advice}"))
    } else {
        StoreError::database(doing, error)
    }
}

/// The file has one lock for all streams: an append that meets it tells its caller what an outage does, so that
/// the caller does not try stream by stream.
pub(super) fn for_all_streams(error: StoreError) -> StoreError {
    match error {
        StoreError::Locked { doing, source } => StoreError::Unavailable { doing, source },
        error => error,
    }
}

/// The task is gone without an answer: the runtime is shutting down, or it panicked. The
/// panic's own text is left out, for it may hold data.
pub(super) fn task_ended(doing: &'static str) -> StoreError {
    StoreError::unavailable(doing, "the task ended before it could answer")
}

pub(super) fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::PoolClosed
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::WorkerCrashed => true,
        _ => primary_code(error).is_some_and(|code| PASSING.contains(&code)),
    }
}

/// Whether another process holds the file, or another connection of this one.
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    matches!(primary_code(error), Some(5 | 6))
}

fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let code: i32 = error.as_database_error()?.code()?.parse().ok()?;
    // The low byte; the rest says more about it.
    Some(code & 0xff)
}
