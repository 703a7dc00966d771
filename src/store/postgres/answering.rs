//! Tells a lock from an outage: asks whether the database answers at all.
//!
//! The question goes out on a connection of its own, because all of the pool's may be waiting for one lock.
//! If a network swallows packets, it costs a caller up to a second.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::error::DatabaseError;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

/// How long the database may take to answer.
const LIMIT: Duration = Duration::from_secs(1);

/// How long an answer holds: many callers ask at once, and each answer costs a connection.
const FRESH: Duration = Duration::from_millis(200);

/// So many ask at once. One that asks into an outage must not keep the next from hearing that it is over.
const ASK_AT_ONCE: usize = 2;

/// The last answer. The clones of a store share it.
#[derive(Clone, Debug)]
pub(super) struct Answering(Arc<Asked>);

#[derive(Debug)]
struct Asked {
    asking: Semaphore,
    last: Mutex<Option<Answer>>,
}

#[derive(Clone, Copy, Debug)]
struct Answer {
    asked_at: Instant,
    answered_at: Instant,
    is_answering: bool,
}

impl Answer {
    /// Whether it is an answer for somebody who asks since then. A silence is one only if it began later: the
    /// database may be back, and know what was done before.
    fn holds(&self, since: Instant) -> bool {
        self.asked_at >= since || (self.is_answering && self.answered_at.elapsed() < FRESH)
    }
}

impl Default for Answering {
    fn default() -> Self {
        Self(Arc::new(Asked { asking: Semaphore::new(ASK_AT_ONCE), last: Mutex::default() }))
    }
}

impl Answering {
    /// Asks, unless the last answer holds.
    pub(super) async fn ask(&self, options: &PgConnectOptions) -> bool {
        let since = Instant::now();
        let Ok(_asking) = self.0.asking.acquire().await else { return false };
        if let Some(last) = *self.last()
            && last.holds(since)
        {
            return last.is_answering;
        }
        let asked_at = Instant::now();
        let is_answering = timeout(LIMIT, ping(options)).await.unwrap_or(false);
        *self.last() = Some(Answer { asked_at, answered_at: Instant::now(), is_answering });
        is_answering
    }

    fn last(&self) -> MutexGuard<'_, Option<Answer>> {
        // Nothing panics while it holds the lock.
        self.0.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks on a connection of its own: all those of the pool may be waiting for a lock.
async fn ping(options: &PgConnectOptions) -> bool {
    match PgConnection::connect_with(options).await {
        Ok(mut connection) => {
            let answered = sqlx::raw_sql("select 1").execute(&mut connection).await;
            connection.close().await.ok();
            answered.is_ok()
        }
        // `too_many_connections`: the database is there for others.
        Err(error) => {
            let code = error.as_database_error().and_then(DatabaseError::code);
            code.is_some_and(|code| code == "53300")
        }
    }
}
