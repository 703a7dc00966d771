//! From what the driver says to what the caller can do.

use std::fmt;
use std::sync::Arc;

use crate::store::StoreError;

/// What of a driver's error is kept.
///
/// Only the code and the primary message: Postgres puts row values into the DETAIL of a violated
/// constraint, and the driver's `Debug` prints that.
#[derive(Debug)]
struct PostgresError {
    code: Option<String>,
    message: String,
}

impl fmt::Display for PostgresError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) => write!(f, "{} (SQLSTATE {code})", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for PostgresError {}

/// Maps a driver's error; `doing` is the verb that was under way.
#[cold]
pub(super) fn failed(doing: &'static str, error: &sqlx::Error) -> StoreError {
    if is_passing(error) {
        StoreError::unavailable(doing, reduced(error))
    } else {
        StoreError::refused(doing, reduced(error))
    }
}

/// The database may have done it, and what it said of it is missing or cannot be understood: the
/// same call again is safe, and gets the answer.
#[cold]
pub(super) fn unanswered(doing: &'static str, message: String) -> StoreError {
    StoreError::unavailable(doing, PostgresError { code: None, message })
}

/// Maps an error inside a migration file.
#[cold]
pub(super) fn migration_failed(file: &'static str, error: &sqlx::Error) -> StoreError {
    if is_passing(error) {
        failed("migrate", error)
    } else {
        StoreError::Migration { file, source: Arc::new(reduced(error)) }
    }
}

fn reduced(error: &sqlx::Error) -> PostgresError {
    match error.as_database_error() {
        Some(database) => PostgresError {
            code: database.code().map(Into::into),
            message: database.message().to_owned(),
        },
        None => PostgresError { code: None, message: error.to_string() },
    }
}

/// Whether the same call may succeed later: the database is away, busy, shutting down, or has let
/// another transaction go first.
fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::PoolClosed
        | sqlx::Error::PoolTimedOut
        // What came is no answer: cut off, or out of step.
        | sqlx::Error::Protocol(_)
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(database) => {
            database.code().is_some_and(|code| is_passing_code(&code))
        }
        _ => false,
    }
}

/// By SQLSTATE, see appendix A of the Postgres manual.
fn is_passing_code(code: &str) -> bool {
    let class = code.get(..2).unwrap_or_default();
    // Connection lost, transaction rolled back (serialisation, deadlock), out of resources, operator
    // intervention (shutdown, cancelled by a timeout), system error such as failing I/O.
    matches!(class, "08" | "40" | "53" | "57" | "58")
        // Lock not available; and read-only, which a server is while another takes over.
        || matches!(code, "25006" | "55P03")
}
