//! The store's own pool.

use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool};
use tokio::time::Instant;

use super::error::failed;
use crate::store::StoreError;

/// Appends need two connections to keep two cores of a database busy; the rest is for reads.
const MAX_CONNECTIONS: u32 = 4;
/// How long a call waits for a connection before the database counts as unavailable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an idle connection is taken to be alive.
const TRUSTED_FOR: Duration = Duration::from_secs(5);
const APPLICATION_NAME: &str = "moltbot-audit";

/// When a call last failed for a reason that may have ended other connections too.
#[derive(Clone, Debug, Default)]
pub(super) struct LastFailure(Arc<Mutex<Option<Instant>>>);

impl LastFailure {
    /// Takes note of an error, and passes it on.
    pub(super) fn note(&self, error: StoreError) -> StoreError {
        if error.is_retryable() {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
        error
    }

    fn is_recent(&self) -> bool {
        let at = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        at.is_some_and(|at| at.elapsed() < TRUSTED_FOR)
    }
}

pub(super) async fn connect(url: &str, last_failure: LastFailure) -> Result<PgPool, StoreError> {
    let options = options(url)?;
    // The pool would try a refused connection again until its time is up, and then say only that.
    let first = tokio::time::timeout(ACQUIRE_TIMEOUT, PgConnection::connect_with(&options));
    let first = first.await.unwrap_or(Err(sqlx::Error::PoolTimedOut));
    let first = first.map_err(|error| failed("connect", &error))?;
    first.close().await.map_err(|error| failed("connect", &error))?;
    let pool = PgPoolOptions::new()
        .max_connections(MAX_CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // The driver would ask before every call whether the connection lives: a round trip, which
        // over a network takes as long as the append itself. We ask where there is reason to doubt.
        // Together the two reasons let a retry never meet a second connection of the same death: it
        // is either met soon after the failure, or was idle since.
        .test_before_acquire(false)
        .before_acquire(move |connection, about| {
            let in_doubt = about.idle_for >= TRUSTED_FOR || last_failure.is_recent();
            Box::pin(async move {
                if in_doubt {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_lazy_with(options);
    Ok(pool)
}

fn options(url: &str) -> Result<PgConnectOptions, StoreError> {
    let invalid = |reason: String| StoreError::InvalidUrl { reason };
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(invalid("it does not begin with postgres:// or postgresql://".to_owned()));
    }
    // Not the parser's words: they repeat values, and a password may stand where one is expected.
    let options = PgConnectOptions::from_str(url).map_err(|_| {
        invalid("it cannot be parsed: check port, sslmode and percent-encoding".to_owned())
    })?;
    Ok(match options.get_application_name() {
        Some(_) => options,
        None => options.application_name(APPLICATION_NAME),
    })
}
