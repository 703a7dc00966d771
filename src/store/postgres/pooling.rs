//! Finds out whether a pooler is between the store and the database, and which kind.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::store::log_line::log_line;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection, Row};
use tokio::time::timeout;

/// What one connection of the host is, for the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// A session of its own, for as long as it lives: a direct connection, or a pooler in session
    /// mode. An append is one round trip, with a prepared statement.
    Session,
    /// Another session for each transaction: a pooler in transaction mode, such as Supabase's on port
    /// 6543. An append is an explicit transaction of four round trips, which leaves nothing behind in
    /// the session. Right on every connection.
    Transaction,
}

/// The mode that a store assumes. Its clones share it, because it may turn out to be wrong while they run.
#[derive(Clone, Debug)]
pub(super) struct CurrentPooling {
    by_transaction: Arc<AtomicBool>,
}

impl CurrentPooling {
    pub(super) fn get(&self) -> Pooling {
        if self.by_transaction.load(Ordering::Relaxed) {
            Pooling::Transaction
        } else {
            Pooling::Session
        }
    }

    /// Corrects the mode after a prepared statement got lost, which happens only behind a pooler in transaction
    /// mode.
    #[cold]
    pub(super) fn found_by_transaction(&self) {
        if !self.by_transaction.swap(true, Ordering::Relaxed) {
            log_line!(
                warn,
                "the database is behind a pooler in transaction mode, which was not known: \
                 put pooler=transaction into its URL"
            );
        }
    }
}

impl From<Pooling> for CurrentPooling {
    fn from(pooling: Pooling) -> Self {
        let by_transaction = Arc::new(AtomicBool::new(pooling == Pooling::Transaction));
        Self { by_transaction }
    }
}

/// How often the search makes a pooler choose. A pooler that is idle is found in the second round at the
/// latest; in a busy one, others may by chance take just the sessions that would have told. Half as many
/// looks missed a pooler of two sessions under full load once in fifty searches, these did not in a
/// thousand.
const ROUNDS: usize = 8;
/// How long a transaction may take to begin on a connection that is up already.
const BEGIN_LIMIT: Duration = Duration::from_secs(1);

/// Finds out which kind a connection is, with the help of a second one.
///
/// A session's process id tells sessions apart. Both connections hold a transaction, so that a pooler
/// has at least two sessions; then each is given back, and `first` begins again. A pooler that hands
/// out what was last given back now gives it the session of the other; one that hands them out in turn
/// does so one transaction later. So behind a pooler in transaction mode a connection is seen on two
/// sessions, or a session on two connections; otherwise neither can be.
///
/// Wrong towards `Transaction`, which is only slower: a second connection that is refused, or waits a
/// second for its transaction, counts as a pooler that has one session to give. Wrong towards
/// `Session`, which is dangerous: a pooler under load whose other clients interfere in each round, or
/// one that gives each client its last session as long as it can. The first prepared statement that
/// gets lost then puts it right, see [`CurrentPooling::found_by_transaction`]; to be safe from the
/// start, the host says it in the URL.
pub(super) async fn find_out(
    options: &PgConnectOptions,
    connect_limit: Duration,
    first: &mut PgConnection,
) -> Pooling {
    let second = timeout(connect_limit, PgConnection::connect_with(options)).await;
    let Ok(Ok(mut second)) = second else { return Pooling::Transaction };
    let pooling = match sessions_change(first, &mut second).await {
        Ok(false) => Pooling::Session,
        Ok(true) | Err(_) => Pooling::Transaction,
    };
    drop(timeout(BEGIN_LIMIT, second.close()).await);
    pooling
}

async fn sessions_change(
    first: &mut PgConnection,
    second: &mut PgConnection,
) -> Result<bool, sqlx::Error> {
    let (mut of_first, mut of_second) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        of_first.push(begin(first).await?);
        let begun = begin(second).await;
        // This order makes the session of `second` the one last given back.
        end(first).await?;
        of_second.push(begun?);
        end(second).await?;
        of_first.push(begin(first).await?);
        end(first).await?;
        let seen = of_first[0];
        if of_first.iter().any(|session| *session != seen)
            || of_second.iter().any(|session| *session != of_second[0] || *session == seen)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Begins a transaction in one simple query, and says in which session.
async fn begin(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    let session = sqlx::raw_sql("begin read only; select pg_backend_pid()").fetch_one(connection);
    timeout(BEGIN_LIMIT, session).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))?.try_get(0)
}

async fn end(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let ended = sqlx::raw_sql("commit").execute(connection);
    timeout(BEGIN_LIMIT, ended).await.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map(drop)
}
