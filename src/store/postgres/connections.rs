//! Runs one statement on a connection of the pool, within a limit.
//!
//! An answer has one meaning only. If it cannot be read after a commit, that is `Unavailable`, because the retry
//! by event id then finds what landed. A connection that ran out of time is dropped, not given back to the pool.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgRow, Postgres};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, Transaction};
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

use super::error::{Failure, unanswered};
use super::liveness::{LastFailure, Liveness};
use super::pooling::{CurrentPooling, Pooling};
use super::retry::Retries;
use super::sql::PgQuery;
use super::warm_connections::{ConnectionPermit, WarmConnections, return_to_pool};
use crate::store::StoreError;

/// How long a statement may take before the database counts as unavailable. No statement waits longer than 2 s
/// for a lock (see `admit` in the migration), so the server gives up first if it can. This limit is for a network
/// that swallows packets, or a server that hangs.
pub(super) const STATEMENT_LIMIT: Duration = Duration::from_secs(30);

/// The way to the database, shared by the clones of a store.
#[derive(Clone, Debug)]
pub(super) struct Connections {
    pub(super) pool: PgPool,
    /// Only for the store's own pool: another user of the pool would not see these connections.
    pub(super) warm: Option<WarmConnections>,
    pub(super) pooling: CurrentPooling,
    pub(super) last_failure: LastFailure,
    pub(super) liveness: Liveness,
    pub(super) statement_limit: Duration,
    pub(super) migration_limit: Duration,
}

impl Connections {
    /// Runs a statement that may be run again. `query` makes it anew for each try.
    pub(super) async fn fetch_all<'q>(
        &self,
        doing: &'static str,
        query: impl Fn(Pooling) -> PgQuery<'q> + Sync,
    ) -> Result<Vec<PgRow>, StoreError> {
        self.try_fetch_all(doing, query).await.map_err(|failure| failure.error)
    }

    /// The same, for a caller that has its own remedy.
    pub(super) async fn try_fetch_all<'q>(
        &self,
        doing: &'static str,
        query: impl Fn(Pooling) -> PgQuery<'q> + Sync,
    ) -> Result<Vec<PgRow>, Failure> {
        let deadline = Instant::now() + self.statement_limit;
        let mut retries = Retries::until(deadline);
        loop {
            let pooling = self.pooling.get();
            let mut connection = self.acquire(doing, self.statement_limit, deadline).await?;
            let rows = timeout_at(deadline, connection.fetch_all(pooling, query(pooling))).await;
            match connection.release(rows) {
                Ok(rows) => return Ok(rows),
                Err(failure) => {
                    if failure.betrays_a_pooler() {
                        self.pooling.found_by_transaction();
                    }
                    retries.after(self.noted(failure)).await?;
                }
            }
        }
    }

    /// Runs a statement that may be run again, and reads each row of its answer.
    pub(super) async fn read<'q, T>(
        &self,
        doing: &'static str,
        query: impl Fn(Pooling) -> PgQuery<'q> + Sync,
        row: impl Fn(&PgRow) -> Result<T, sqlx::Error>,
    ) -> Result<Vec<T>, StoreError> {
        let rows = self.fetch_all(doing, query).await?;
        let read: Result<Vec<T>, _> = rows.iter().map(row).collect();
        read.map_err(|error| unanswered(doing, error.to_string()))
    }

    /// Takes a connection for work that ends by `deadline`, which is `limit` after its start.
    pub(super) async fn acquire(
        &self,
        doing: &'static str,
        limit: Duration,
        deadline: Instant,
    ) -> Result<ConnectionInUse, StoreError> {
        require_runtime(doing)?;
        let acquired = timeout_at(deadline, self.take()).await;
        let acquired = acquired.unwrap_or(Err(sqlx::Error::PoolTimedOut));
        let acquired = acquired.map_err(|error| self.noted(Failure::of(doing, &error)).error)?;
        let (connection, permit) = acquired;
        let connection = Some(connection);
        Ok(ConnectionInUse { connection, permit, doing, limit, deadline, is_fit: true })
    }

    async fn take(
        &self,
    ) -> Result<(PoolConnection<Postgres>, Option<ConnectionPermit>), sqlx::Error> {
        let Some(warm) = &self.warm else { return Ok((self.pool.acquire().await?, None)) };
        let acquired = warm.acquire(&self.pool, self.last_failure.is_recent()).await;
        acquired.map(|(connection, permit)| (connection, Some(permit)))
    }

    pub(super) async fn is_answering(&self) -> bool {
        let has_runtime = require_runtime("look for the database").is_ok();
        has_runtime && self.liveness.check(&self.pool.connect_options()).await
    }

    pub(super) async fn close(&self) {
        if let Some(warm) = &self.warm {
            warm.close().await;
        }
        self.pool.close().await;
    }

    /// Notes a failure, so that idle connections are tested before their next use.
    pub(super) fn noted(&self, failure: Failure) -> Failure {
        if failure.error.is_retryable() {
            self.last_failure.note();
        }
        failure
    }
}

/// A connection in use. If it is dropped instead of released, for example because the caller gave up or the
/// limit ended, it closes without a word to the server: it may be in the middle of an answer or of a
/// transaction, and the pool would wait for the answer.
#[derive(Debug)]
pub(super) struct ConnectionInUse {
    /// `None` once it is given back.
    connection: Option<PoolConnection<Postgres>>,
    /// Set if the connection may be kept warm.
    permit: Option<ConnectionPermit>,
    doing: &'static str,
    limit: Duration,
    deadline: Instant,
    is_fit: bool,
}

impl ConnectionInUse {
    /// Begins a transaction whose statements the server ends a little before we stop waiting.
    pub(super) async fn begin(&mut self) -> Result<Transaction<'_, Postgres>, sqlx::Error> {
        let Self { connection, deadline, is_fit, .. } = self;
        let connection: &mut PgConnection = connection.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        let limit = server_limit(*deadline - Instant::now());
        // One simple query: one round trip, and in a pooler's eyes one transaction with what follows.
        // A transaction that its client leaves open must not hold locks for longer either.
        let limit = limit.as_millis();
        let begin = format!(
            "begin isolation level read committed; set local statement_timeout = {limit}; \
             set local idle_in_transaction_session_timeout = {limit}"
        );
        // The driver rolls back a transaction only if it has fully begun.
        *is_fit = false;
        let transaction = connection.begin_with(AssertSqlSafe(begin)).await?;
        *is_fit = true;
        Ok(transaction)
    }

    async fn fetch_all(
        &mut self,
        pooling: Pooling,
        query: PgQuery<'_>,
    ) -> Result<Vec<PgRow>, Failure> {
        let doing = self.doing;
        let rows = match (pooling, &mut self.connection) {
            (Pooling::Session, Some(connection)) => query.fetch_all(&mut **connection).await,
            _ => self.fetch_all_in_transaction(query).await,
        };
        rows.map_err(|error| Failure::of(doing, &error))
    }

    async fn fetch_all_in_transaction(
        &mut self,
        query: PgQuery<'_>,
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        let mut transaction = self.begin().await?;
        // On an error, the rollback goes out with the next statement on this connection.
        let rows = query.fetch_all(&mut *transaction).await?;
        // A crash before the commit leaves nothing; one after it leaves all, unanswered.
        transaction.commit().await?;
        Ok(rows)
    }

    /// Gives the connection back, unless the answer shows that it is not fit for another statement.
    pub(super) fn release<T>(
        mut self,
        answer: Result<Result<T, Failure>, tokio::time::error::Elapsed>,
    ) -> Result<T, Failure> {
        let Ok(answer) = answer else {
            let message = format!("no answer within {:?}", self.limit);
            return Err(Failure::from(unanswered(self.doing, message)));
        };
        if self.is_fit
            && answer.as_ref().err().is_none_or(Failure::leaves_connection_fit)
            && let Some(connection) = self.connection.take()
        {
            let permit = self.permit.take().filter(|_| answer.is_ok());
            let left = match permit {
                Some(permit) => permit.keep(connection),
                None => Some(connection),
            };
            let limit = self.limit.min(STATEMENT_LIMIT) / 3;
            if let Some(connection) = left {
                drop(tokio::spawn(return_to_pool(connection, limit)));
            }
        }
        answer
    }
}

impl Drop for ConnectionInUse {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(connection.detach());
        }
    }
}

/// The limit that the server is told if we wait for `limit`: a little less, so that a statement that was
/// given up does not run on.
pub(super) fn server_limit(limit: Duration) -> Duration {
    (limit / 10 * 9).max(Duration::from_millis(1))
}

/// Timeouts and connections need a runtime, and would panic without one.
pub(super) fn require_runtime(doing: &'static str) -> Result<(), StoreError> {
    let advice = "there is no Tokio runtime here: call it from inside one";
    Handle::try_current().map_err(|_| StoreError::database(doing, advice)).map(drop)
}
