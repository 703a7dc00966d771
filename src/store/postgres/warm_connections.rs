//! Keeps connections warm between two statements.

use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::PgPool;
use sqlx::pool::PoolConnection;
use sqlx::postgres::Postgres;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::liveness::TRUSTED_FOR;

/// How long a connection stays out of the pool, which closes what is old, and how long it may lie unused.
const OUT_FOR: Duration = Duration::from_mins(1);

/// The connections that a store keeps out of its own pool. Clones share them.
///
/// Before the pool takes a connection back it asks the server whether it lives: a round trip for every
/// statement. A connection whose statement was just answered does live. The last one used is used next, while
/// the server still has its caches warm.
#[derive(Clone)]
pub(super) struct WarmConnections(Arc<Warm>);

struct Warm {
    /// One permit for each connection of the pool. Callers wait here: the pool does not know which connections
    /// are kept warm, and would have a caller wait for them.
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    connection: PoolConnection<Postgres>,
    out_since: Instant,
    used_at: Instant,
}

/// The right to one of the connections, until it is dropped.
pub(super) struct ConnectionPermit {
    warm: Arc<Warm>,
    out_since: Instant,
    _permit: OwnedSemaphorePermit,
}

impl WarmConnections {
    pub(super) fn new(connections: u32) -> Self {
        let permits = Arc::new(Semaphore::new(connections as usize));
        Self(Arc::new(Warm { permits, idle: Mutex::default() }))
    }

    /// Takes the connection that was used last, else one of the pool.
    pub(super) async fn acquire(
        &self,
        pool: &PgPool,
        is_in_doubt: bool,
    ) -> Result<(PoolConnection<Postgres>, ConnectionPermit), sqlx::Error> {
        let limit = pool.options().get_acquire_timeout();
        let permit = timeout(limit, Arc::clone(&self.0.permits).acquire_owned()).await;
        let permit = permit.map_err(|_| sqlx::Error::PoolTimedOut)?;
        let permit = permit.map_err(|_| sqlx::Error::PoolClosed)?;
        let warm = Arc::clone(&self.0);
        let mut permit = ConnectionPermit { warm, out_since: Instant::now(), _permit: permit };
        while let Some(Idle { connection, out_since, used_at }) = self.0.pop() {
            if used_at.elapsed() >= OUT_FOR {
                // A network may have forgotten it, and would let a question wait for long.
                drop(connection.detach());
                continue;
            }
            if is_in_doubt || used_at.elapsed() >= TRUSTED_FOR || out_since.elapsed() >= OUT_FOR {
                return_to_pool(connection, limit).await;
                break;
            }
            permit.out_since = out_since;
            return Ok((connection, permit));
        }
        Ok((pool.acquire().await?, permit))
    }

    /// Gives all back to the pool, and keeps none from now on.
    pub(super) async fn close(&self) {
        self.0.permits.close();
        let idle = mem::take(&mut *self.0.lock());
        for Idle { mut connection, .. } in idle {
            connection.return_to_pool().await;
        }
    }
}

impl ConnectionPermit {
    /// Keeps a connection that has just given an answer. Returns it if it has to go to the pool.
    pub(super) fn keep(
        self,
        connection: PoolConnection<Postgres>,
    ) -> Option<PoolConnection<Postgres>> {
        let mut idle = self.warm.lock();
        // Checked under the lock: `close` closes the permits first, and then takes what is idle.
        if self.warm.permits.is_closed() || self.out_since.elapsed() >= OUT_FOR {
            return Some(connection);
        }
        idle.push(Idle { connection, out_since: self.out_since, used_at: Instant::now() });
        None
    }
}

impl Warm {
    fn pop(&self) -> Option<Idle> {
        self.lock().pop()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Idle>> {
        // Nothing panics while it holds the lock.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Warm {
    fn drop(&mut self) {
        // A connection that is dropped as it is needs a runtime to close, and there may be none left.
        for Idle { connection, .. } in mem::take(&mut *self.lock()) {
            drop(connection.detach());
        }
    }
}

impl fmt::Debug for WarmConnections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WarmConnections").finish_non_exhaustive()
    }
}

impl fmt::Debug for ConnectionPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionPermit").finish_non_exhaustive()
    }
}

/// Gives a connection back within a limit. The pool first asks the server whether the connection lives, and
/// would wait for that answer without end.
pub(super) fn return_to_pool(
    mut connection: PoolConnection<Postgres>,
    limit: Duration,
) -> impl Future<Output = ()> + Send {
    // Begun here and not when it is polled: a runtime that is stopping may never do that.
    let returning = connection.return_to_pool();
    async move { timeout(limit, returning).await.unwrap_or_default() }
}
