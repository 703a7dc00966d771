//! Maps the driver's errors to what the caller can do.

use std::fmt;
use std::io;
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
            Some(code) => {
                write!(f, "{} (SQLSTATE {code})", self.message)?;
                advice(code).map_or(Ok(()), |advice| write!(f, ": {advice}"))
            }
            None => f.write_str(&self.message),
        }
    }
}

/// What an operator does about a database that is set up wrongly.
fn advice(code: &str) -> Option<&'static str> {
    Some(match code {
        "28000" | "28P01" => {
            "look at the user and the password in the URL; a character such as @ or / is percent-encoded \
             there"
        }
        "3D000" => "create the database, or correct its name in the URL",
        // No such schema, table or function.
        "3F000" | "42P01" | "42883" => {
            "the schema moltbot_audit is missing here, or older than this library: store::open and \
             migrate bring it up to date"
        }
        "42501" => "grant the login one of the roles of docs/roles.sql",
        _ => return None,
    })
}

impl std::error::Error for PostgresError {}

/// What the store may do about a failure by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Nothing.
    Leave,
    /// The same again in a moment: another transaction went first.
    Again,
    /// The same again on another connection: this one was dead, or died.
    Reconnect,
    /// Nothing, on this connection: the server at its other end cannot write.
    Disconnect,
    /// The same again without a prepared statement, on another connection.
    Unnamed,
    /// To look up the stored event: its id is taken.
    Look,
}

/// An error for the caller, and what the store may do before it returns it.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: StoreError,
    pub(super) remedy: Remedy,
}

impl Failure {
    /// Maps a driver's error; `doing` is the verb that was under way.
    #[cold]
    pub(super) fn of(doing: &'static str, error: &sqlx::Error) -> Self {
        let source = reduced(error);
        let mapped = match fault(error) {
            Fault::Content => StoreError::refused(doing, source),
            Fault::Lock => StoreError::locked(doing, source),
            Fault::Moment => StoreError::unavailable(doing, source),
            Fault::Setup => StoreError::database(doing, source),
        };
        Self { error: mapped, remedy: remedy(error) }
    }

    pub(super) fn leaves_connection_fit(&self) -> bool {
        matches!(self.remedy, Remedy::Leave | Remedy::Again | Remedy::Look)
    }

    /// True if a prepared statement is missing on its connection, or is there though it was never prepared.
    pub(super) fn betrays_a_pooler(&self) -> bool {
        self.remedy == Remedy::Unnamed
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self { error, remedy: Remedy::Leave }
    }
}

/// The database may have done it, but the answer is missing or unreadable. The same call again is safe, and gets
/// the answer.
#[cold]
pub(super) fn unanswered(doing: &'static str, message: String) -> StoreError {
    StoreError::unavailable(doing, PostgresError { code: None, message })
}

/// The SQLSTATE of an error that the server gave.
pub(super) fn sqlstate(error: &StoreError) -> Option<&str> {
    let (StoreError::Database { source, .. } | StoreError::Refused { source, .. }) = error else {
        return None;
    };
    source.downcast_ref::<PostgresError>()?.code.as_deref()
}

/// Maps an error inside a migration file.
#[cold]
pub(super) fn migration_failed(file: &'static str, error: &sqlx::Error) -> Failure {
    let failure = Failure::of("migrate", error);
    if failure.error.is_retryable() {
        return failure;
    }
    let error = StoreError::Migration { file, source: Arc::new(reduced(error)) };
    Failure { error, ..failure }
}

/// A migration file is not the text that was applied.
#[cold]
pub(super) fn migration_changed(file: &'static str) -> StoreError {
    let message = "it is applied to this database with another text: connect with the release that applied \
                   it, or, if nothing in the database is worth keeping, drop the schema moltbot_audit";
    let source = PostgresError { code: None, message: message.to_owned() };
    StoreError::Migration { file, source: Arc::new(source) }
}

/// Maps an error of the first connection.
#[cold]
pub(super) fn not_connected(error: &sqlx::Error) -> StoreError {
    let reason = match error {
        sqlx::Error::Tls(reason) => reason.to_string(),
        // A certificate that does not fit, for one of the libraries.
        sqlx::Error::Io(reason) if reason.kind() == io::ErrorKind::InvalidData => {
            reason.to_string()
        }
        _ => return Failure::of("connect", error).error,
    };
    StoreError::InvalidUrl {
        reason: format!(
            "its sslmode asks for TLS, which cannot be had: {reason}. Let the host turn on one of \
             sqlx's `tls-*` features, and see that the server has TLS, with a certificate that \
             sslrootcert vouches for"
        ),
    }
}

fn reduced(error: &sqlx::Error) -> PostgresError {
    match error.as_database_error() {
        Some(database) => PostgresError {
            code: database.code().map(Into::into),
            message: match database.code().as_deref() {
                // These may repeat a value, or the text of a host's trigger.
                Some(code) if code.starts_with("22") => "a value does not fit".to_owned(),
                Some("P0001") => "a trigger objects".to_owned(),
                _ => database.message().to_owned(),
            },
        },
        None => PostgresError { code: None, message: error.to_string() },
    }
}

/// What a failure is the fault of.
enum Fault {
    /// An event of the batch.
    Content,
    /// Another transaction that holds a stream.
    Lock,
    /// Nothing that lasts: the database is away, busy, shutting down, or has let another transaction go
    /// first.
    Moment,
    /// Something an operator has to see to: the schema, a right, the log-in, or what a pooler makes of
    /// its own troubles.
    Setup,
}

fn fault(error: &sqlx::Error) -> Fault {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::PoolClosed
        | sqlx::Error::PoolTimedOut
        // What came is no answer: cut off, or out of step.
        | sqlx::Error::BeginFailed
        | sqlx::Error::Protocol(_)
        | sqlx::Error::WorkerCrashed => Fault::Moment,
        sqlx::Error::Encode(_) => Fault::Content,
        sqlx::Error::Database(database) => {
            database.code().map_or(Fault::Setup, |code| fault_of_code(&code))
        }
        _ => Fault::Setup,
    }
}

/// By SQLSTATE, see appendix A of the Postgres manual.
fn fault_of_code(code: &str) -> Fault {
    match (code.get(..2).unwrap_or_default(), code) {
        // Lock not available.
        (_, "55P03") => Fault::Lock,
        // Cut off inside a transaction, or because it took too long; and read-only, which a server is while another takes over, and
        // at Supabase where its disk is full. 54000 is a limit that no event within the library's bounds
        // meets, but every event does while the server takes no commands until it is vacuumed.
        (_, "25P03" | "25P04" | "25006" | "54000") => Fault::Moment,
        // A prepared statement that went astray, see `Remedy::Unnamed`.
        (_, code) if is_astray(code) => Fault::Moment,
        // Connection lost, transaction rolled back (serialisation, deadlock), out of resources (a full
        // disk), operator intervention (shutdown, cancelled by a timeout), system error such as
        // failing I/O.
        ("08" | "40" | "53" | "57" | "58", _) => Fault::Moment,
        // Data, a constraint, a check on a view, a limit of the server; and a host's own trigger.
        ("22" | "23" | "44" | "54", _) | (_, "P0001") => Fault::Content,
        _ => Fault::Setup,
    }
}

fn is_astray(code: &str) -> bool {
    matches!(code, "26000" | "42P05")
}

fn remedy(error: &sqlx::Error) -> Remedy {
    let database = match error {
        sqlx::Error::Io(_) | sqlx::Error::BeginFailed | sqlx::Error::Protocol(_) => {
            return Remedy::Reconnect;
        }
        sqlx::Error::Database(database) => database,
        _ => return Remedy::Leave,
    };
    match database.code().as_deref() {
        Some("40001" | "40P01") => Remedy::Again,
        Some("23505") => Remedy::Look,
        // A server that was demoted stays read-only, and connected, for as long as one likes.
        Some("25006" | "53100") => Remedy::Disconnect,
        // The server ended the session: shutdown, crash, idle for too long. PgBouncer says 08P01 of
        // whatever befell its own connection.
        Some("25P03" | "25P04" | "57P01" | "57P02" | "57P05") => Remedy::Reconnect,
        Some(code) if code.starts_with("08") => Remedy::Reconnect,
        Some(code) if is_astray(code) => Remedy::Unnamed,
        _ => Remedy::Leave,
    }
}
