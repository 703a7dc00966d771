//! The Postgres (Supabase) store. The schema and its functions do the work; see
//! `migrations/postgres/`.

mod admission;
mod admission_store;
mod append;
mod cells;
mod connections;
mod error;
mod host_tables;
mod list_streams;
mod liveness;
mod migrate;
mod open_effects;
mod partitions;
mod pool;
mod pooling;
mod read;
mod read_admission;
mod record_columns;
mod retry;
mod sql;
mod switch_listener;
mod url;
mod warm_connections;

#[cfg(feature = "testing")]
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};

use self::connections::{Connections, STATEMENT_LIMIT};
pub use self::host_tables::MoltbotTables;
use self::liveness::{LastFailure, Liveness};
use self::migrate::MIGRATION_LIMIT;
pub use self::pooling::Pooling;
use self::switch_listener::SwitchListener;
use super::admission::AdmissionStore;
use super::log_line::log_line;
use super::{
    Appended, AuditSink, AuditStore, BoxFuture, ListedStream, RequestCursor, StoreError,
    StreamHead, StreamScope, StreamSnapshot,
};
use crate::event::{EventId, EventType, StreamId};
use crate::record::{Record, StoredRecord};
use crate::redact::KeyFingerprint;

/// Stores records in Postgres, in the schema `moltbot_audit`.
///
/// Cheap to clone; clones share the pool. The schema must exist: see
/// [`migrate`](PostgresStore::migrate).
///
/// If an append or a read is not answered within 30 seconds ([`connect`](PostgresStore::connect)
/// can set another limit), the store gives up with [`StoreError::Unavailable`] and closes the
/// connection. The append may have landed or may still land: appending the same records again is
/// safe, as after every such error. Within that limit the store itself retries a few times after a
/// serialization failure or a deadlock, and once on another connection if the first turns out to be
/// dead.
///
/// A read-only database counts as unavailable: a former primary after a failover, or Supabase with
/// a full disk. The store closes the connection that said so.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    connections: Connections,
    switch_listener: SwitchListener,
}

impl PostgresStore {
    /// Connects with a small pool of the store's own.
    ///
    /// The URL may point at the database, or at a pooler in session or transaction mode. sqlx reads
    /// libpq's parameters (`sslmode`, `sslrootcert`, `host`, `application_name`, …), and the store
    /// reads these:
    ///
    /// | parameter | values | default |
    /// |---|---|---|
    /// | `pooler` | `transaction`, `session`, `none` | on port 6543 `transaction`, else found out |
    /// | `connect_timeout` | seconds, 1 or more: how long a connection may take to come up, and a call may wait for one | 10 |
    /// | `statement_timeout` | milliseconds, 1 or more: how long an append or a read may take, with all it waits for | 30000 |
    ///
    /// The server gets a statement limit that is a tenth shorter, so that a statement that was
    /// given up does not run on.
    ///
    /// # Poolers
    /// `session` and `none` mean the same: a connection is a session. See [`Pooling`] for what the
    /// modes cost. Finding out takes a second connection for a moment and about 50 round trips. If
    /// the second connection is refused, or gets no transaction within a second, the store assumes
    /// `transaction`, which is slower but always right. If a transaction pooler is so busy that it
    /// hands out the same sessions each time, the store may assume `session` by mistake. It
    /// corrects that when the pooler first loses a statement. If you know your pooler, say so in
    /// the URL.
    ///
    /// # TLS
    /// The host chooses TLS by one of sqlx's `tls-*` features, for example `sqlx = { version =
    /// "0.9", features = ["tls-rustls-ring"] }`. Without such a feature, `sslmode=require`,
    /// `verify-ca` and `verify-full` are refused as [`StoreError::InvalidUrl`]. The default
    /// `prefer` then talks in **plain text**, as it does with a server without TLS, and `allow`
    /// always does. Over a network that is not your own, use `sslmode=verify-full` (Supabase: with
    /// its certificate as `sslrootcert`), or `require`, which does not check who answers.
    ///
    /// # Errors
    /// [`StoreError::InvalidUrl`] if `url` is not a Postgres URL, a parameter has an invalid value,
    /// or TLS is required but not built in. Otherwise as the database fails.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), moltbot_audit::store::StoreError> {
    /// use moltbot_audit::store::PostgresStore;
    /// let url = "postgres://audit@db.internal/moltbot?sslmode=require&statement_timeout=10000";
    /// let store = PostgresStore::connect(url).await?;
    /// store.migrate().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Ok(Self::over(pool::connect(url).await?))
    }

    /// Like [`connect`](Self::connect), but without a connection now: for a host that starts while
    /// the database is away, and records into its spool until the database is back.
    ///
    /// The store cannot look for a pooler then. Unless the URL names one, it assumes
    /// [`Pooling::Transaction`], which is right for all of them.
    ///
    /// # Errors
    /// [`StoreError::InvalidUrl`] as for [`connect`](Self::connect); [`StoreError::Database`] outside a
    /// Tokio runtime.
    pub fn connect_lazily(url: &str) -> Result<Self, StoreError> {
        Ok(Self::over(pool::connect_lazily(url)?))
    }

    /// Uses the host's own pool, as [`Pooling::Transaction`], which is right for all connections.
    /// If its connections are sessions, say so with [`pooling`](Self::pooling): an append is then
    /// one round trip instead of four.
    ///
    /// The pool's own limit determines how long a call waits for a connection. The store sets
    /// nothing in the host's sessions: outside transactions, `statement_timeout` is what the host
    /// has set.
    #[must_use]
    pub fn new(pool: PgPool) -> Self {
        let connections = Connections {
            pool,
            warm: None,
            pooling: Pooling::Transaction.into(),
            last_failure: LastFailure::default(),
            liveness: Liveness::default(),
            statement_limit: STATEMENT_LIMIT,
            migration_limit: MIGRATION_LIMIT,
        };
        Self::over(connections)
    }

    fn over(connections: Connections) -> Self {
        Self { connections, switch_listener: SwitchListener::default() }
    }

    /// Sets what a connection is. Default: [`Pooling::Transaction`] for the host's own pool,
    /// otherwise as the URL says or as found out.
    #[must_use]
    pub fn pooling(self, pooling: Pooling) -> Self {
        Self { connections: Connections { pooling: pooling.into(), ..self.connections }, ..self }
    }

    /// What the store takes a connection for.
    #[must_use]
    pub fn current_pooling(&self) -> Pooling {
        self.connections.pooling.get()
    }

    /// Another limit for a statement, for tests that do not wait as long.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn with_statement_limit(self, statement_limit: Duration) -> Self {
        Self { connections: Connections { statement_limit, ..self.connections }, ..self }
    }

    /// Another limit for a migration, likewise.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn with_migration_limit(self, migration_limit: Duration) -> Self {
        Self { connections: Connections { migration_limit, ..self.connections }, ..self }
    }

    /// Brings the schema up to date and prepares the partitions of the coming months. Does nothing
    /// if both are done already. Any number of processes may call it at once. Works through every
    /// kind of pooler.
    ///
    /// # Errors
    /// [`StoreError::Migration`] if a file is refused, or was applied with another text.
    /// [`StoreError::Unavailable`] after 10 minutes. Else as the database fails.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        migrate::run(&self.connections).await?;
        match self.ensure_partitions().await {
            // No reason not to start: recording does without, and an auditor tries again.
            Err(error @ StoreError::Locked { .. }) => {
                log_line!(
                    warn,
                    error = &error as &dyn std::error::Error,
                    "the coming months could not be prepared yet"
                );
                Ok(())
            }
            done => done,
        }
    }

    /// Prepares the partitions of this month and the next three. An `Auditor` calls it every hour.
    /// Without it, the events of a new month go to the default partition, which is safe but slower
    /// to search and to clear.
    ///
    /// It is safe at any time: no append waits for it longer than a moment. A month that was
    /// detached for archiving stays detached. Rows that would take long to move out of the default
    /// partition stay there, and [`prepared_until`](AuditSink::prepared_until) ends before their
    /// month.
    ///
    /// # Errors
    /// [`StoreError::Locked`] if another transaction holds the table for some seconds: try again.
    /// [`StoreError::Unavailable`] after 10 minutes. Else as the database fails.
    pub async fn ensure_partitions(&self) -> Result<(), StoreError> {
        partitions::ensure_partitions(&self.connections).await
    }

    /// The host's `moltbot_*` tables in the same database, to compare them with the trail
    /// ([`reconcile`](crate::reconcile)). The store's own schema need not be there.
    #[must_use]
    pub fn host_tables(&self) -> MoltbotTables {
        MoltbotTables::new(self.connections.clone())
    }

    /// Appends a batch inside the host's own transaction, so that a business change and its events
    /// commit together or not at all. The results are in the order of `batch`.
    ///
    /// `connection` must be in a transaction, on the database that holds the schema; a round trip
    /// checks that. It may be behind a pooler of any kind.
    ///
    /// - The receipts become valid with the host's commit. After a rollback, other events get the same
    ///   places.
    /// - The streams of the batch stay locked until the transaction ends. Other writers of these streams
    ///   wait for up to 2 seconds, or try again. Append last, and commit at once.
    /// - The append waits for a lock for 0.2 seconds, and then restores the host's `lock_timeout`.
    /// - Two transactions that append more than once, to streams in a different order, may deadlock: the
    ///   database ends one of them.
    ///
    /// A [`Conflict`](super::Conflict) is not an error: the rest of the batch and the transaction
    /// are unaffected.
    ///
    /// # Errors
    /// [`StoreError`] if nothing was appended. The transaction is then unusable: roll it back.
    /// [`StoreError::Database`] if there is no transaction. If the error [is
    /// retryable](StoreError::is_retryable), run the whole transaction again, on another connection
    /// if there was no answer within 30 seconds.
    ///
    /// # Cancel safety
    /// Dropping the future leaves an unread answer on the connection. Roll back.
    ///
    /// ```no_run
    /// # use moltbot_audit::record::Record;
    /// # async fn example(
    /// #     pool: sqlx::PgPool, records: Vec<Record>
    /// # ) -> Result<(), Box<dyn std::error::Error>> {
    /// use moltbot_audit::store::PostgresStore;
    /// let mut transaction = pool.begin().await?;
    /// sqlx::query("update request set state = 'closed' where id = 7")
    ///     .execute(&mut *transaction)
    ///     .await?;
    /// let appended = PostgresStore::append_in(&mut transaction, &records).await?;
    /// transaction.commit().await?;
    /// # drop(appended);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn append_in(
        connection: &mut PgConnection,
        batch: &[Record],
    ) -> Result<Vec<Appended>, StoreError> {
        append::append_in(connection, batch).await
    }
}

impl AuditSink for PostgresStore {
    fn append<'a>(
        &'a self,
        batch: &'a [Record],
    ) -> BoxFuture<'a, Result<Vec<Appended>, StoreError>> {
        Box::pin(append::append(&self.connections, batch))
    }

    fn prepared_until(&self) -> BoxFuture<'_, Result<Option<DateTime<Utc>>, StoreError>> {
        Box::pin(partitions::prepared_until(&self.connections))
    }

    fn prepare(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.ensure_partitions())
    }

    fn reader(&self) -> Option<&dyn AuditStore> {
        Some(self)
    }

    fn admission(&self) -> Option<&dyn AdmissionStore> {
        Some(self)
    }
}

impl AuditStore for PostgresStore {
    fn head(&self, stream_id: StreamId) -> BoxFuture<'_, Result<Option<StreamHead>, StoreError>> {
        Box::pin(read::read_head(&self.connections, stream_id))
    }

    fn read_stream(
        &self,
        stream_id: StreamId,
    ) -> BoxFuture<'_, Result<Option<StreamSnapshot>, StoreError>> {
        Box::pin(read::read_stream(&self.connections, stream_id))
    }

    fn read_events<'a>(
        &'a self,
        stream_id: StreamId,
        ids: &'a [EventId],
    ) -> BoxFuture<'a, Result<Vec<StoredRecord>, StoreError>> {
        Box::pin(read::read_events(&self.connections, stream_id, ids))
    }

    fn read_events_of<'a>(
        &'a self,
        stream_id: StreamId,
        event_types: &'a [EventType],
    ) -> BoxFuture<'a, Result<Vec<StoredRecord>, StoreError>> {
        Box::pin(read::read_events_of(&self.connections, stream_id, event_types))
    }

    fn list_streams<'a>(
        &'a self,
        scope: &'a StreamScope,
        after: Option<RequestCursor>,
        max: u32,
    ) -> BoxFuture<'a, Result<Vec<ListedStream>, StoreError>> {
        Box::pin(list_streams::list_streams(&self.connections, scope, after, max))
    }

    fn key_in_use(&self) -> BoxFuture<'_, Result<Option<KeyFingerprint>, StoreError>> {
        Box::pin(admission::key_in_use(&self.connections))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.connections.close())
    }
}
