//! What is particular to SQLite: the file, its locks, its processes, its faults.

mod admission;
mod append;
mod file;
mod processes;
mod tamper;

use moltbot_audit::RequestId;
use moltbot_audit::store::{SqliteStore, StreamSnapshot};
use sqlx::{Connection, SqliteConnection};
use tempfile::TempDir;

use crate::support::stores;

/// A migrated store in a folder of its own; the folder lives as long as the value.
struct Trail {
    store: SqliteStore,
    url: String,
    _folder: TempDir,
}

impl Trail {
    async fn new() -> Self {
        let (store, url, folder) = stores::sqlite_file().await;
        Self { store, url, _folder: folder }
    }

    /// A connection beside the store: somebody with the sqlite3 shell.
    async fn shell(&self) -> SqliteConnection {
        SqliteConnection::connect(&self.url).await.expect("connects")
    }

    async fn read(&self, request: &RequestId) -> StreamSnapshot {
        stores::read(&self.store, request).await
    }
}
