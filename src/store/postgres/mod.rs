//! The Postgres (Supabase) store. The schema and its functions do the work; see
//! `migrations/postgres/`.

mod admission;
mod admission_store;
mod alone;
mod answering;
mod append;
mod at_hand;
mod error;
mod jsonb;
mod ledger;
mod migrate;
mod open_effects;
mod pool;
mod pooling;
mod read;
mod retry;
mod statement;
mod streams;
mod url;
mod watch;

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};

use self::answering::Answering;
use self::migrate::MIGRATION_LIMIT;
use self::pool::LastFailure;
pub use self::pooling::Pooling;
use self::statement::{Connections, STATEMENT_LIMIT};
use self::watch::Watch;
use super::admission::AdmissionStore;
use super::log_line::log_line;
use super::{
    Appended, AuditSink, AuditStore, BoxFuture, ListedStream, RequestCursor, StoreError,
    StreamHead, StreamScope, StreamSnapshot,
};
use crate::event::StreamId;
use crate::record::Record;

/// Keeps records in Postgres, in a schema of its own: `moltbot_audit`.
///
/// Cheap to clone; clones share the pool. The schema must be there: see
/// [`migrate`](PostgresStore::migrate).
///
/// An append or a read that is not answered within 30 seconds (see
/// [`connect`](PostgresStore::connect) for another limit) is given up as [`StoreError::Unavailable`],
/// and its connection closed. What it appended may have landed, or may yet: the same records again are
/// safe, as they are after every such error. Within that limit the store itself tries again after a
/// serialization failure or a deadlock, a few times, and once on another connection after one that
/// turned out dead.
///
/// A database that is read-only, as a primary is once another took over, and as Supabase makes it when
/// its disk is full, counts as unavailable. The connection that said so is closed.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    connections: Connections,
    watch: Watch,
}

impl PostgresStore {
    /// Connects with a small pool of the store's own.
    ///
    /// The URL may point at the database, or at a pooler in session or in transaction mode. Of its
    /// parameters, sqlx takes libpq's (`sslmode`, `sslrootcert`, `host`, `application_name`, …), and
    /// the store takes these:
    ///
    /// | parameter | values | default |
    /// |---|---|---|
    /// | `pooler` | `transaction`, `session`, `none` | on port 6543 `transaction`, else found out |
    /// | `connect_timeout` | seconds, 1 or more: how long a connection may take to come up, and a call may wait for one | 10 |
    /// | `statement_timeout` | milliseconds, 1 or more: how long an append or a read may take, with all it waits for | 30000 |
    ///
    /// The server is told a statement limit that is a tenth shorter, so that what was given up does not
    /// run on.
    ///
    /// # Poolers
    /// `session` and `none` are the same: a connection is a session. See [`Pooling`] for what the modes
    /// cost. Finding out takes a second connection for a moment and about 50 round trips. It is wrong
    /// towards `transaction` where the second connection is refused or does not get a transaction
    /// within a second: that is slower, and right. It may be wrong towards `session` where a transaction
    /// pooler is so busy, or so attached to its clients, that it hands out the same sessions again each
    /// time. The store puts that right when the pooler first loses a statement; a host that knows its
    /// pooler says so in the URL.
    ///
    /// # TLS
    /// It is the host's choice, by one of sqlx's `tls-*` features, for instance
    /// `sqlx = { version = "0.9", features = ["tls-rustls-ring"] }`. Without such a feature
    /// `sslmode=require`, `verify-ca` and `verify-full` are refused as [`StoreError::InvalidUrl`].
    /// `prefer`, which is the default, then talks in **plain text**, as it does with a server that has
    /// no TLS, and `allow` always does. Over a network that is not the host's own, write
    /// `sslmode=verify-full` (Supabase: with its certificate as `sslrootcert`), or `require`, which does
    /// not check who answers.
    ///
    /// # Errors
    /// [`StoreError::InvalidUrl`] where `url` is no Postgres URL, a parameter has no such value, or it
    /// asks for TLS that cannot be had; else as the database fails.
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

    /// As [`connect`](Self::connect), without a connection now: for a host that starts while the
    /// database is away, and records into its spool until that is back.
    ///
    /// A pooler cannot be found out then. Unless the URL says what a connection is, the store takes the
    /// way that is right for all of them: [`Pooling::Transaction`].
    ///
    /// # Errors
    /// [`StoreError::InvalidUrl`] as for [`connect`](Self::connect); [`StoreError::Database`] outside a
    /// Tokio runtime.
    pub fn connect_lazily(url: &str) -> Result<Self, StoreError> {
        Ok(Self::over(pool::connect_lazily(url)?))
    }

    /// Uses a pool of the host's, as [`Pooling::Transaction`], which is right whatever its connections
    /// are. Where they are sessions, say so with [`pooling`](Self::pooling): an append is then one round
    /// trip, not four.
    ///
    /// The pool's own limit says how long a call waits for a connection. The store sets nothing in the
    /// host's sessions: outside transactions the server's `statement_timeout` is what the host made it.
    #[must_use]
    pub fn new(pool: PgPool) -> Self {
        let connections = Connections {
            pool,
            at_hand: None,
            pooling: Pooling::Transaction.into(),
            last_failure: LastFailure::default(),
            answering: Answering::default(),
            statement_limit: STATEMENT_LIMIT,
            migration_limit: MIGRATION_LIMIT,
        };
        Self::over(connections)
    }

    fn over(connections: Connections) -> Self {
        Self { connections, watch: Watch::default() }
    }

    /// Says what a connection is. Default: [`Pooling::Transaction`] for a pool of the host's, else as
    /// told by the URL, or found out.
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
    #[doc(hidden)]
    #[must_use]
    pub fn with_statement_limit(self, statement_limit: Duration) -> Self {
        Self { connections: Connections { statement_limit, ..self.connections }, ..self }
    }

    /// Another limit for a migration, likewise.
    #[doc(hidden)]
    #[must_use]
    pub fn with_migration_limit(self, migration_limit: Duration) -> Self {
        Self { connections: Connections { migration_limit, ..self.connections }, ..self }
    }

    /// Brings the schema up to date and prepares the partitions of the coming months. Does nothing
    /// where both are done, by whomever; any number of processes may call it at once. Works through
    /// every kind of pooler.
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

    /// Prepares the partitions of this month and the next three. An `Auditor` calls it every hour. Without
    /// it the events of a new month go to the default partition, which is safe, but slower to search and to
    /// clear.
    ///
    /// Safe at any time: no append waits for it longer than a moment. A month that was detached to be
    /// archived stays detached. Rows that would take long to move out of the default partition stay there,
    /// and [`prepared_until`](AuditSink::prepared_until) ends before their month.
    ///
    /// # Errors
    /// [`StoreError::Locked`] if another transaction holds the table for some seconds: try again.
    /// [`StoreError::Unavailable`] after 10 minutes. Else as the database fails.
    pub async fn ensure_partitions(&self) -> Result<(), StoreError> {
        migrate::ensure_partitions(&self.connections).await
    }

    /// Appends a batch inside the host's own transaction, so that a business change and its events
    /// commit together or not at all. The results stand in the order of `batch`.
    ///
    /// `connection` must be in a transaction, on the database that holds the schema, which is made sure
    /// of by a round trip. It may be behind a pooler of any kind.
    ///
    /// - The receipts come true with the host's commit. Until then they are what would be, and after a
    ///   rollback others get the same places.
    /// - The streams of the batch stay locked until the transaction ends: whoever else appends to them
    ///   waits, for at most 2 seconds. Append last, and commit at once.
    /// - A lock is waited for 2 seconds, whatever the host's `lock_timeout`; afterwards that is again
    ///   what the host set.
    /// - Two transactions that append more than once, to streams in different order, may wait for each
    ///   other: the database ends one of them.
    ///
    /// A [`Conflict`](super::Conflict) is no error: the rest of the batch, and the transaction, stand.
    ///
    /// # Errors
    /// [`StoreError`] where nothing was appended. The transaction is then of no more use: roll it back.
    /// [`StoreError::Database`] where there is no transaction.
    /// Where the error [is retryable](StoreError::is_retryable), run the whole transaction again, on
    /// another connection where there was no answer within 30 seconds.
    ///
    /// # Cancel safety
    /// A future dropped in the middle leaves an answer under way. Roll back.
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
        Box::pin(ledger::prepared_until(&self.connections))
    }

    fn prepare(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.ensure_partitions())
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

    fn list_streams<'a>(
        &'a self,
        scope: &'a StreamScope,
        after: Option<RequestCursor>,
        max: u32,
    ) -> BoxFuture<'a, Result<Vec<ListedStream>, StoreError>> {
        Box::pin(streams::list_streams(&self.connections, scope, after, max))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.connections.close())
    }
}
