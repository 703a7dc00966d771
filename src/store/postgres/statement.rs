//! Runs one statement on a connection of the pool, within a limit, in the way that the connection allows.
//!
//! An answer has one meaning only. What cannot be read after a commit is `Unavailable`, because the retry by
//! event id then finds what landed. A connection that ran out of time is dropped, not given back to the pool.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgRow, Postgres};
use sqlx::query::Query;
use sqlx::{Arguments as _, AssertSqlSafe, Connection, PgConnection, PgPool, Transaction};
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout, timeout_at};

use super::answering::Answering;
use super::at_hand::{AtHand, Turn};
use super::error::{Failure, unanswered};
use super::pool::LastFailure;
use super::pooling::{CurrentPooling, Pooling};
use super::retry::Retries;
use crate::store::StoreError;

/// How long a statement may take before the database counts as unavailable: longer than any lock is
/// waited for inside one (2 s at most, see `admit` in the migration), so that it is the server that gives up
/// where the server can. This limit is for a network that swallows packets, or a server that hangs.
pub(super) const STATEMENT_LIMIT: Duration = Duration::from_secs(30);

/// The text of a statement, once for each way to run it.
///
/// The driver looks for a prepared statement by its text, also where it is told to run without one. A
/// text of its own keeps a statement away from those that were prepared in a session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sql {
    pub(super) named: &'static str,
    pub(super) unnamed: &'static str,
}

macro_rules! sql {
    ($($text:literal),+ $(,)?) => {
        $crate::store::postgres::statement::Sql {
            named: concat!($($text),+),
            unnamed: concat!($($text,)+ " -- not to be prepared"),
        }
    };
}
pub(super) use sql;

impl Sql {
    pub(super) fn query(self, pooling: Pooling) -> Query<'static, Postgres, PgArguments> {
        self.query_of_len(pooling, 0)
    }

    /// A query whose arguments take about so many bytes. Growing to that by doubling would have them
    /// copied, and the allocator tidy up, several times.
    pub(super) fn query_of_len(
        self,
        pooling: Pooling,
        len: usize,
    ) -> Query<'static, Postgres, PgArguments> {
        let mut arguments = PgArguments::default();
        arguments.reserve(0, len);
        match pooling {
            Pooling::Session => sqlx::query_with(self.named, arguments),
            Pooling::Transaction => sqlx::query_with(self.unnamed, arguments).persistent(false),
        }
    }
}

/// The way to the database, shared by the clones of a store.
#[derive(Clone, Debug)]
pub(super) struct Connections {
    pub(super) pool: PgPool,
    /// Only for a pool that no one else takes connections from.
    pub(super) at_hand: Option<AtHand>,
    pub(super) pooling: CurrentPooling,
    pub(super) last_failure: LastFailure,
    pub(super) answering: Answering,
    pub(super) statement_limit: Duration,
    pub(super) migration_limit: Duration,
}

impl Connections {
    /// Runs a statement that may be run again; `query` makes it anew for each try.
    pub(super) async fn fetch_all<'q>(
        &self,
        doing: &'static str,
        query: impl Fn(Pooling) -> Query<'q, Postgres, PgArguments> + Sync,
    ) -> Result<Vec<PgRow>, StoreError> {
        self.try_fetch_all(doing, query).await.map_err(|failure| failure.error)
    }

    /// The same, for a caller who has a remedy of his own.
    pub(super) async fn try_fetch_all<'q>(
        &self,
        doing: &'static str,
        query: impl Fn(Pooling) -> Query<'q, Postgres, PgArguments> + Sync,
    ) -> Result<Vec<PgRow>, Failure> {
        let deadline = Instant::now() + self.statement_limit;
        let mut retries = Retries::until(deadline);
        loop {
            let pooling = self.pooling.get();
            let mut lease = self.lease(doing, self.statement_limit, deadline).await?;
            let rows = timeout_at(deadline, lease.fetch_all(pooling, query(pooling))).await;
            match lease.settle(rows) {
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

    /// Takes a connection for something that is to be done by `deadline`, which is `limit` after its
    /// start.
    pub(super) async fn lease(
        &self,
        doing: &'static str,
        limit: Duration,
        deadline: Instant,
    ) -> Result<Lease, StoreError> {
        require_runtime(doing)?;
        let acquired = timeout_at(deadline, self.acquire()).await;
        let acquired = acquired.unwrap_or(Err(sqlx::Error::PoolTimedOut));
        let acquired = acquired.map_err(|error| self.noted(Failure::of(doing, &error)).error)?;
        let (connection, turn) = acquired;
        Ok(Lease { connection: Some(connection), turn, doing, limit, deadline, is_fit: true })
    }

    async fn acquire(&self) -> Result<(PoolConnection<Postgres>, Option<Turn>), sqlx::Error> {
        let Some(at_hand) = &self.at_hand else { return Ok((self.pool.acquire().await?, None)) };
        let acquired = at_hand.acquire(&self.pool, self.last_failure.is_recent()).await;
        acquired.map(|(connection, turn)| (connection, Some(turn)))
    }

    pub(super) async fn is_answering(&self) -> bool {
        let has_runtime = require_runtime("look for the database").is_ok();
        has_runtime && self.answering.ask(&self.pool.connect_options()).await
    }

    pub(super) async fn close(&self) {
        if let Some(at_hand) = &self.at_hand {
            at_hand.close().await;
        }
        self.pool.close().await;
    }

    /// Takes note of a failure, so that what the pool holds is looked at before it is used again.
    pub(super) fn noted(&self, failure: Failure) -> Failure {
        if failure.error.is_retryable() {
            self.last_failure.note();
        }
        failure
    }
}

/// A connection in use. Dropped, as by a caller who lost interest or at the end of a limit, it closes
/// without a word to the server: nobody may use a connection in the middle of an answer, or of a
/// transaction, and the pool would wait for the answer.
#[derive(Debug)]
pub(super) struct Lease {
    /// `None` once it is given back.
    connection: Option<PoolConnection<Postgres>>,
    /// Where it may be kept at hand.
    turn: Option<Turn>,
    doing: &'static str,
    limit: Duration,
    deadline: Instant,
    is_fit: bool,
}

impl Lease {
    /// Begins a transaction whose statements the server ends a little before we stop waiting.
    pub(super) async fn begin(&mut self) -> Result<Transaction<'_, Postgres>, sqlx::Error> {
        let Self { connection, deadline, is_fit, .. } = self;
        let connection: &mut PgConnection = connection.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        let limit = server_limit(*deadline - Instant::now());
        // One simple query: one round trip, and in a pooler's eyes one transaction with what follows.
        // What its client leaves in the middle must not hold locks for longer either.
        let limit = limit.as_millis();
        let begin = format!(
            "begin isolation level read committed; set local statement_timeout = {limit}; \
             set local idle_in_transaction_session_timeout = {limit}"
        );
        // The driver rolls back what it has begun, and nothing that was begun in part.
        *is_fit = false;
        let transaction = connection.begin_with(AssertSqlSafe(begin)).await?;
        *is_fit = true;
        Ok(transaction)
    }

    async fn fetch_all(
        &mut self,
        pooling: Pooling,
        query: Query<'_, Postgres, PgArguments>,
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
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        let mut transaction = self.begin().await?;
        // An error leaves by here, and the transaction's rollback goes out with what is sent next.
        let rows = query.fetch_all(&mut *transaction).await?;
        // A crash before the commit leaves nothing; one after it leaves all, unanswered.
        transaction.commit().await?;
        Ok(rows)
    }

    /// Gives the connection back, unless what came of its use says that it is not fit for more.
    pub(super) fn settle<T>(
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
            let turn = self.turn.take().filter(|_| answer.is_ok());
            let left = match turn {
                Some(turn) => turn.keep(connection),
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

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(connection.detach());
        }
    }
}

/// Gives a connection back. Before it takes one, the pool asks the server whether it lives, and would wait
/// for that without end, one connection the fewer.
pub(super) fn return_to_pool(
    mut connection: PoolConnection<Postgres>,
    limit: Duration,
) -> impl Future<Output = ()> + Send {
    // Begun here and not when it is polled: a runtime that is stopping may never do that.
    let returning = connection.return_to_pool();
    async move { timeout(limit, returning).await.unwrap_or_default() }
}

/// What the server is told where we wait for `limit`: a little less, so that a statement that was given
/// up does not run on.
pub(super) fn server_limit(limit: Duration) -> Duration {
    (limit / 10 * 9).max(Duration::from_millis(1))
}

/// Time-outs and connections need a runtime, and would panic without one.
pub(super) fn require_runtime(doing: &'static str) -> Result<(), StoreError> {
    let advice = "there is no Tokio runtime here: call it from inside one";
    Handle::try_current().map_err(|_| StoreError::database(doing, advice)).map(drop)
}
