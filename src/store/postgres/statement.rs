//! One statement on a pool's connection, within a limit.

use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgArguments, PgRow, Postgres};
use sqlx::query::Query;

use super::error::{failed, unanswered};
use crate::store::StoreError;

/// How long a statement may take before the database counts as unavailable: longer than any lock is
/// waited for inside one (10 s, see `append` in the migration), so that it is the server that gives up
/// where the server can. This limit is for a network that swallows packets, or a server that hangs.
pub(super) const STATEMENT_LIMIT: Duration = Duration::from_secs(30);

/// Runs a statement; the wait for a connection is limited by the pool.
pub(super) async fn fetch_all(
    pool: &PgPool,
    limit: Duration,
    doing: &'static str,
    query: Query<'_, Postgres, PgArguments>,
) -> Result<Vec<PgRow>, StoreError> {
    let mut connection = pool.acquire().await.map_err(|error| failed(doing, &error))?;
    let answer = tokio::time::timeout(limit, query.fetch_all(&mut *connection)).await;
    let Ok(rows) = answer else {
        // In the middle of an answer, if one comes at all: nobody may use it again, and the pool
        // would wait for it. Dropped, it closes without a word to the server.
        drop(connection.detach());
        return Err(unanswered(doing, format!("no answer within {limit:?}")));
    };
    // Before it takes a connection back, the pool asks the server whether it lives, and would wait for
    // that without end, one connection the fewer.
    drop(tokio::spawn(tokio::time::timeout(limit, connection.return_to_pool())));
    rows.map_err(|error| failed(doing, &error))
}
