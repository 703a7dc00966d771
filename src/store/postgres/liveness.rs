//! Tells a lock from an outage: does the database answer at all, and may a connection be dead?
//!
//! The check uses a connection of its own, because all connections of the pool may be waiting for one lock. If a
//! network swallows packets, it costs a caller up to a second.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::error::DatabaseError;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

/// How long the database may take to answer.
const LIMIT: Duration = Duration::from_secs(1);

/// How long an answer holds: many callers check at once, and each check costs a connection.
const FRESH: Duration = Duration::from_millis(200);

/// How many checks run at once. A check that hangs in an outage must not keep the next from finding its end.
const CHECKS_MAX: usize = 2;

/// How long an idle connection is taken to be alive.
pub(super) const TRUSTED_FOR: Duration = Duration::from_secs(5);

/// Checks whether the database answers. The clones of a store share the last check.
#[derive(Clone, Debug)]
pub(super) struct Liveness {
    running: Arc<Semaphore>,
    last: Arc<Mutex<Option<Check>>>,
}

#[derive(Clone, Copy, Debug)]
struct Check {
    began_at: Instant,
    ended_at: Instant,
    is_answering: bool,
}

impl Check {
    /// True if the check answers a caller that has waited since then. A silence does so only if it began later:
    /// the database may be back, and know what was done before.
    fn holds(&self, since: Instant) -> bool {
        self.began_at >= since || (self.is_answering && self.ended_at.elapsed() < FRESH)
    }
}

impl Default for Liveness {
    fn default() -> Self {
        Self { running: Arc::new(Semaphore::new(CHECKS_MAX)), last: Arc::default() }
    }
}

impl Liveness {
    /// True if the database answers, now or a moment ago.
    pub(super) async fn check(&self, options: &PgConnectOptions) -> bool {
        let since = Instant::now();
        let Ok(_running) = self.running.acquire().await else { return false };
        if let Some(last) = *self.last()
            && last.holds(since)
        {
            return last.is_answering;
        }
        let began_at = Instant::now();
        let is_answering = timeout(LIMIT, ping(options)).await.unwrap_or(false);
        *self.last() = Some(Check { began_at, ended_at: Instant::now(), is_answering });
        is_answering
    }

    fn last(&self) -> MutexGuard<'_, Option<Check>> {
        // Nothing panics while it holds the lock.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn ping(options: &PgConnectOptions) -> bool {
    match PgConnection::connect_with(options).await {
        Ok(mut connection) => {
            let answered = sqlx::raw_sql("select 1").execute(&mut connection).await;
            connection.close().await.ok();
            answered.is_ok()
        }
        // `too_many_connections`: the database answers others.
        Err(error) => {
            let code = error.as_database_error().and_then(DatabaseError::code);
            code.is_some_and(|code| code == "53300")
        }
    }
}

/// When a call last failed for a reason that may have ended other connections too.
#[derive(Clone, Debug, Default)]
pub(super) struct LastFailure(Arc<Mutex<Option<Instant>>>);

impl LastFailure {
    pub(super) fn note(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    pub(super) fn is_recent(&self) -> bool {
        let at = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        at.is_some_and(|at| at.elapsed() < TRUSTED_FOR)
    }
}
