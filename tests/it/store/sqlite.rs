//! What is particular to SQLite: the file, its locks, its processes, its faults.

mod admission;
mod append;
mod file;
mod processes;
mod tamper;

use std::sync::Arc;

use moltbot_audit::RequestId;
use moltbot_audit::event::StreamId;
use moltbot_audit::store::{AuditStore, SqliteStore, StreamSnapshot};
use sqlx::{Connection, SqliteConnection};
use tempfile::TempDir;

use crate::store::Fresh;

/// Opens a fresh store for the contract that every store keeps.
pub(crate) async fn open() -> Fresh {
    open_with_url().await.0
}

/// The same, with the URL under which others may open it.
pub(crate) async fn open_with_url() -> (Fresh, String) {
    let trail = Trail::new().await;
    let url = trail.url.clone();
    (Fresh { store: Arc::new(trail.store.clone()), keep: Box::new(trail) }, url)
}

/// A migrated store in a folder of its own; the folder lives as long as the value.
struct Trail {
    store: SqliteStore,
    url: String,
    _folder: TempDir,
}

impl Trail {
    async fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let url = format!("sqlite://{}", folder.path().join("audit.sqlite").display());
        let store = SqliteStore::open(&url).await.expect("opens");
        store.migrate().await.expect("migrates");
        Self { store, url, _folder: folder }
    }

    /// A connection beside the store: somebody with the sqlite3 shell.
    async fn shell(&self) -> SqliteConnection {
        SqliteConnection::connect(&self.url).await.expect("connects")
    }

    async fn read(&self, request: &RequestId) -> StreamSnapshot {
        let snapshot = self.store.read_stream(StreamId::from(request)).await.expect("reads");
        snapshot.expect("the stream exists")
    }
}
