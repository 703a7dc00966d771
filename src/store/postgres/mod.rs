//! The Postgres (Supabase) store. The schema and its functions do the work; see
//! `migrations/postgres/`.

mod append;
mod error;
mod migrate;
mod read;

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgPool};

use self::error::failed;
use super::{Appended, AuditSink, AuditStore, BoxFuture, StoreError, StreamSnapshot};
use crate::event::StreamId;
use crate::record::Record;

/// Appends need two connections to keep two cores of a database busy; the rest is for reads.
const MAX_CONNECTIONS: u32 = 4;
/// How long a call waits for a connection before the database counts as unavailable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an idle connection is taken to be alive.
const TRUSTED_FOR: Duration = Duration::from_secs(5);
const APPLICATION_NAME: &str = "moltbot-audit";

/// Keeps records in Postgres, in a schema of its own: `moltbot_audit`.
///
/// Cheap to clone; clones share the pool. The schema must be there: see
/// [`migrate`](PostgresStore::migrate).
#[derive(Clone, Debug)]
pub struct PostgresStore {
    pool: PgPool,
}

impl PostgresStore {
    /// Connects with a small pool of the store's own.
    ///
    /// # Errors
    /// [`StoreError::InvalidUrl`] where `url` is no Postgres URL, else as the database fails.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), moltbot_audit::store::StoreError> {
    /// use moltbot_audit::store::PostgresStore;
    /// let store = PostgresStore::connect("postgres://audit@db.internal/moltbot").await?;
    /// store.migrate().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let pool = PgPoolOptions::new()
            .max_connections(MAX_CONNECTIONS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            // The driver would ask before every call whether the connection lives: a round trip as
            // long as the append itself. Only one that was idle is worth the question.
            .test_before_acquire(false)
            .before_acquire(|connection, about| {
                Box::pin(async move {
                    if about.idle_for > TRUSTED_FOR {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_with(options(url)?)
            .await
            .map_err(|error| failed("connect", &error))?;
        Ok(Self::new(pool))
    }

    /// Uses a pool of the host's.
    #[must_use]
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Brings the schema up to date and prepares the partitions of the coming months. Does nothing
    /// where both are done, by whomever; any number of processes may call it at once.
    ///
    /// # Errors
    /// [`StoreError::Migration`] where a file is refused, else as the database fails.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        migrate::run(&self.pool).await?;
        self.ensure_partitions().await
    }

    /// Prepares the partitions of this month and the next three. Call it daily in a process that
    /// runs for long: without it the events of a new month go to the default partition, which is
    /// safe, but slower to search and to clear.
    ///
    /// # Errors
    /// As the database fails.
    pub async fn ensure_partitions(&self) -> Result<(), StoreError> {
        sqlx::query("select moltbot_audit.ensure_partitions()")
            .execute(&self.pool)
            .await
            .map_err(|error| failed("prepare partitions", &error))?;
        Ok(())
    }
}

impl AuditSink for PostgresStore {
    fn append<'a>(
        &'a self,
        batch: &'a [Record],
    ) -> BoxFuture<'a, Result<Vec<Appended>, StoreError>> {
        Box::pin(append::append(&self.pool, batch))
    }
}

impl AuditStore for PostgresStore {
    fn read_stream(
        &self,
        stream_id: StreamId,
    ) -> BoxFuture<'_, Result<Option<StreamSnapshot>, StoreError>> {
        Box::pin(read::read_stream(&self.pool, stream_id))
    }
}

fn options(url: &str) -> Result<PgConnectOptions, StoreError> {
    let invalid = |reason: String| StoreError::InvalidUrl { reason };
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(invalid("it does not begin with postgres:// or postgresql://".to_owned()));
    }
    let options = PgConnectOptions::from_str(url).map_err(|error| match error {
        // The parser's own words: they name what is wrong, and do not repeat the URL.
        sqlx::Error::Configuration(source) => invalid(source.to_string()),
        _ => invalid("it cannot be parsed".to_owned()),
    })?;
    Ok(match options.get_application_name() {
        Some(_) => options,
        None => options.application_name(APPLICATION_NAME),
    })
}
