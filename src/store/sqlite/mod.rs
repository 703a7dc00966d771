//! SQLite: the embedded store, one file beside the host.
//!
//! One connection writes and a few read. `begin immediate` is the lock of every stream, across
//! processes too; SQLite has no SHA-256, so the chain is computed here while that lock is held.

mod admission;
mod append;
mod cells;
mod chain;
mod error;
mod list_streams;
mod location;
mod migrate;
mod read;
mod row;
mod sink;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use tokio::runtime::Handle;
use tokio::time::Instant;

use self::error::failed;
use self::location::Location;
use crate::store::StoreError;

/// How long a statement waits for another process's transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// What `pragma synchronous` answers for FULL.
const SYNCHRONOUS_FULL: i64 = 2;

/// Connections that only read: WAL lets them run beside the writer.
const READERS_MAX: u32 = 4;

/// The audit trail in one SQLite file. Cheap to clone; clones share their connections.
///
/// Needs a Tokio runtime. Several processes may use one file, on one machine: WAL does not work over
/// a network file system.
#[derive(Clone)]
pub struct SqliteStore {
    path: PathBuf,
    /// One connection, so that tasks of this process queue in order instead of polling the file lock.
    writer: SqlitePool,
    readers: SqlitePool,
}

impl SqliteStore {
    /// Opens the file of a `sqlite://path` or `sqlite:path` URL, and creates it if it is missing
    /// (with `?mode=rw` at the end it refuses instead). Call [`migrate`](Self::migrate) before the
    /// first use.
    ///
    /// # Errors
    /// [`StoreError::InvalidUrl`] if the URL has another form or its folder does not exist.
    /// Otherwise as the database fails.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let Location { path, create } = Location::parse(url)?;
        // Statements are not logged: a log that hangs would hold the task that writes, and a batch's INSERT is
        // tens of kilobytes of placeholders.
        let plain = SqliteConnectOptions::new()
            .filename(&path)
            .busy_timeout(BUSY_TIMEOUT)
            .disable_statement_logging();
        let writing = plain
            .clone()
            .create_if_missing(create)
            .journal_mode(SqliteJournalMode::Wal)
            // In WAL mode the default, NORMAL, may lose the last commits when the power fails.
            .synchronous(SqliteSynchronous::Full);
        let writer = connect(writing).await.map_err(|error| failed("open the file", error))?;
        check_durable(&writer).await?;
        let readers = pool(READERS_MAX).connect_lazy_with(plain.pragma("query_only", "on"));
        Ok(Self { path, writer, readers })
    }

    /// Brings the schema up to date. Writes nothing if it is.
    ///
    /// # Errors
    /// [`StoreError::Migration`] if a file cannot be applied, [`StoreError::Unavailable`] if the
    /// database cannot be reached.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        migrate::migrate(&self.writer).await
    }

    /// Waits for calls in flight, and closes the file.
    pub async fn close(&self) {
        self.readers.close().await;
        // Last, because the last connection to close folds the write-ahead log into the file.
        self.writer.close().await;
    }

    /// Writes on a thread of its own: a caller who drops this future cuts no transaction in two, and no
    /// step of one, which keeps the file locked, queues up behind the runtime's other tasks.
    async fn write<T: Send + 'static>(
        &self,
        doing: &'static str,
        write: impl AsyncFnOnce(SqlitePool) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (runtime, writer) = (Handle::current(), self.writer.clone());
        let task = tokio::task::spawn_blocking(move || runtime.block_on(write(writer)));
        task.await.map_err(|_| error::task_ended(doing))?
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Connects the writer. If several processes switch a new file to write-ahead logging, SQLite
/// answers the later ones with busy at once and ignores their busy timeout. So we wait ourselves.
async fn connect(writing: SqliteConnectOptions) -> Result<SqlitePool, sqlx::Error> {
    const PAUSE: Duration = Duration::from_millis(10);
    let deadline = Instant::now() + BUSY_TIMEOUT;
    loop {
        match pool(1).connect_with(writing.clone()).await {
            Err(error) if error::is_busy(&error) && Instant::now() < deadline => {
                tokio::time::sleep(PAUSE).await;
            }
            connected => return connected,
        }
    }
}

/// Reads back the settings that durability depends on: SQLite silently keeps its old journal if the
/// file system cannot do WAL, and silently ignores a pragma that it does not know.
async fn check_durable(writer: &SqlitePool) -> Result<(), StoreError> {
    const DOING: &str = "make the file durable";
    let (journal, synchronous): (String, i64) = sqlx::query_as(
        "select journal_mode, synchronous from pragma_journal_mode, pragma_synchronous",
    )
    .fetch_one(writer)
    .await
    .map_err(|error| failed(DOING, error))?;
    if journal == "wal" && synchronous == SYNCHRONOUS_FULL {
        return Ok(());
    }
    let source = format!("journal_mode is {journal}, synchronous is {synchronous}");
    Err(StoreError::database(DOING, source))
}

/// A pool whose connections stay: a file does not drop them, and reopening costs more than keeping.
fn pool(connections_max: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections_max)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        // Never: the driver would log it on the task that writes.
        .acquire_slow_threshold(Duration::MAX)
}
