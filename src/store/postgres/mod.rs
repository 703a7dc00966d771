//! The Postgres (Supabase) store. The schema and its functions do the work; see
//! `migrations/postgres/`.

mod append;
mod error;
mod migrate;
mod pool;
mod read;
mod statement;

use std::time::Duration;

use sqlx::PgPool;

use self::error::failed;
use self::pool::LastFailure;
use self::statement::STATEMENT_LIMIT;
use super::{Appended, AuditSink, AuditStore, BoxFuture, StoreError, StreamHead, StreamSnapshot};
use crate::event::StreamId;
use crate::record::Record;

/// Keeps records in Postgres, in a schema of its own: `moltbot_audit`.
///
/// Cheap to clone; clones share the pool. The schema must be there: see
/// [`migrate`](PostgresStore::migrate).
///
/// An append or a read that is not answered within 30 seconds is given up as
/// [`StoreError::Unavailable`], and its connection closed. What it appended may have landed, or may
/// yet: the same records again are safe, as they are after every such error.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    pool: PgPool,
    last_failure: LastFailure,
    statement_limit: Duration,
}

impl PostgresStore {
    /// Connects with a small pool of the store's own.
    ///
    /// # Errors
    /// [`StoreError::InvalidUrl`] where `url` is no Postgres URL, else as the database fails.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), moltbot_audit::store::StoreError> {
    /// use moltbot_audit::store::PostgresStore;
    /// let store = PostgresStore::connect("postgres://audit@db.internal/moltbot").await?;
    /// store.migrate().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let last_failure = LastFailure::default();
        let pool = pool::connect(url, last_failure.clone()).await?;
        Ok(Self { last_failure, ..Self::new(pool) })
    }

    /// Uses a pool of the host's.
    #[must_use]
    pub fn new(pool: PgPool) -> Self {
        let last_failure = LastFailure::default();
        Self { pool, last_failure, statement_limit: STATEMENT_LIMIT }
    }

    /// Another limit for a statement, for tests that do not wait as long.
    #[doc(hidden)]
    #[must_use]
    pub fn with_statement_limit(self, statement_limit: Duration) -> Self {
        Self { statement_limit, ..self }
    }

    /// Brings the schema up to date and prepares the partitions of the coming months. Does nothing
    /// where both are done, by whomever; any number of processes may call it at once.
    ///
    /// # Errors
    /// [`StoreError::Migration`] where a file is refused, else as the database fails.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        migrate::run(&self.pool).await?;
        self.ensure_partitions().await
    }

    /// Prepares the partitions of this month and the next three. Call it daily in a process that
    /// runs for long: without it the events of a new month go to the default partition, which is
    /// safe, but slower to search and to clear.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where another transaction held the table for 5 seconds, so that
    /// appends do not queue up any longer behind this: try again. Else as the database fails.
    pub async fn ensure_partitions(&self) -> Result<(), StoreError> {
        sqlx::query("select moltbot_audit.ensure_partitions()")
            .execute(&self.pool)
            .await
            .map_err(|error| failed("prepare partitions", &error))?;
        Ok(())
    }
}

impl AuditSink for PostgresStore {
    fn append<'a>(
        &'a self,
        batch: &'a [Record],
    ) -> BoxFuture<'a, Result<Vec<Appended>, StoreError>> {
        Box::pin(async move {
            let appended = append::append(&self.pool, self.statement_limit, batch).await;
            appended.map_err(|error| self.last_failure.note(error))
        })
    }
}

impl AuditStore for PostgresStore {
    fn head(&self, stream_id: StreamId) -> BoxFuture<'_, Result<Option<StreamHead>, StoreError>> {
        Box::pin(async move {
            let head = read::read_head(&self.pool, self.statement_limit, stream_id).await;
            head.map_err(|error| self.last_failure.note(error))
        })
    }

    fn read_stream(
        &self,
        stream_id: StreamId,
    ) -> BoxFuture<'_, Result<Option<StreamSnapshot>, StoreError>> {
        Box::pin(async move {
            let snapshot = read::read_stream(&self.pool, self.statement_limit, stream_id).await;
            snapshot.map_err(|error| self.last_failure.note(error))
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.pool.close())
    }
}
