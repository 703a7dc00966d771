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

use super::pool::TRUSTED_FOR;
use super::statement::return_to_pool;

/// How long a connection stays out of the pool, which closes what is old, and how long it may lie unused.
const OUT_FOR: Duration = Duration::from_mins(1);

/// What a store keeps of the connections of its own pool. Clones share it.
///
/// Before the pool takes a connection back it asks the server whether it lives: a round trip for every
/// statement. One whose statement was just answered does, and the last one used is used next, while the
/// server still has its caches warm.
#[derive(Clone)]
pub(super) struct AtHand(Arc<Shelf>);

struct Shelf {
    /// One for each connection of the pool. Who waits, waits here: the pool knows nothing of what lies at
    /// hand, and would let him wait for it.
    turns: Arc<Semaphore>,
    kept: Mutex<Vec<Kept>>,
}

struct Kept {
    connection: PoolConnection<Postgres>,
    out_since: Instant,
    used_at: Instant,
}

/// The right to one of the connections, for as long as it lives.
pub(super) struct Turn {
    shelf: Arc<Shelf>,
    out_since: Instant,
    _permit: OwnedSemaphorePermit,
}

impl AtHand {
    pub(super) fn new(connections: u32) -> Self {
        let turns = Arc::new(Semaphore::new(connections as usize));
        Self(Arc::new(Shelf { turns, kept: Mutex::default() }))
    }

    /// Takes the connection that was used last, else one of the pool.
    pub(super) async fn acquire(
        &self,
        pool: &PgPool,
        is_in_doubt: bool,
    ) -> Result<(PoolConnection<Postgres>, Turn), sqlx::Error> {
        let limit = pool.options().get_acquire_timeout();
        let permit = timeout(limit, Arc::clone(&self.0.turns).acquire_owned()).await;
        let permit = permit.map_err(|_| sqlx::Error::PoolTimedOut)?;
        let permit = permit.map_err(|_| sqlx::Error::PoolClosed)?;
        let mut turn =
            Turn { shelf: Arc::clone(&self.0), out_since: Instant::now(), _permit: permit };
        while let Some(kept) = self.0.pop() {
            let Kept { connection, out_since, used_at } = kept;
            if used_at.elapsed() >= OUT_FOR {
                // A network may have forgotten it, and would let a question wait for long.
                drop(connection.detach());
                continue;
            }
            if is_in_doubt || used_at.elapsed() >= TRUSTED_FOR || out_since.elapsed() >= OUT_FOR {
                return_to_pool(connection, limit).await;
                break;
            }
            turn.out_since = out_since;
            return Ok((connection, turn));
        }
        Ok((pool.acquire().await?, turn))
    }

    /// Nothing is kept from now on; gives back what was.
    pub(super) async fn close(&self) {
        self.0.turns.close();
        let kept = mem::take(&mut *self.0.lock());
        for Kept { mut connection, .. } in kept {
            connection.return_to_pool().await;
        }
    }
}

impl Turn {
    /// Keeps a connection that has just given an answer; gives it back where it has to go to the pool.
    pub(super) fn keep(
        self,
        connection: PoolConnection<Postgres>,
    ) -> Option<PoolConnection<Postgres>> {
        let mut kept = self.shelf.lock();
        // Looked at under the lock: `close` empties the shelf after this was said.
        if self.shelf.turns.is_closed() || self.out_since.elapsed() >= OUT_FOR {
            return Some(connection);
        }
        kept.push(Kept { connection, out_since: self.out_since, used_at: Instant::now() });
        None
    }
}

impl Shelf {
    fn pop(&self) -> Option<Kept> {
        self.lock().pop()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Kept>> {
        // Nothing panics while it holds the lock.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        // Dropped as it is, a connection needs a runtime to say goodbye, and there may be none any more.
        for Kept { connection, .. } in mem::take(&mut *self.lock()) {
            drop(connection.detach());
        }
    }
}

impl fmt::Debug for AtHand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AtHand").finish_non_exhaustive()
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn").finish_non_exhaustive()
    }
}
