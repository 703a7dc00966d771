//! The store's own pool.

use std::time::Duration;

use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use tokio::time::timeout;

use super::connections::{Connections, require_runtime, server_limit};
use super::error::not_connected;
use super::liveness::{LastFailure, Liveness, TRUSTED_FOR};
use super::migrate::MIGRATION_LIMIT;
use super::pooling::{self, CurrentPooling, Pooling};
use super::url::Settings;
use super::warm_connections::WarmConnections;
use crate::store::StoreError;

/// Appends need two connections to keep two cores of a database busy. The rest is for admissions, each of
/// which commits by itself, beside others' commits, and for reads.
const MAX_CONNECTIONS: u32 = 8;

pub(super) async fn connect(url: &str) -> Result<Connections, StoreError> {
    let settings: Settings = url.parse()?;
    require_runtime("connect")?;
    // The pool would try a refused connection again until its time is up, and then say only that.
    let first = PgConnection::connect_with(&settings.options);
    let first = timeout(settings.connect_limit, first).await;
    let mut first =
        first.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map_err(|error| not_connected(&error))?;
    let pooling = match settings.pooling {
        Some(told) => told,
        None => pooling::find_out(&settings.options, settings.connect_limit, &mut first).await,
    };
    drop(timeout(settings.connect_limit, first.close()).await);
    Ok(connections(&settings, pooling))
}

/// Connects when a connection is needed. The store cannot look for a pooler then, so it assumes the kind of
/// connection that is right everywhere.
pub(super) fn connect_lazily(url: &str) -> Result<Connections, StoreError> {
    let settings: Settings = url.parse()?;
    require_runtime("connect")?;
    Ok(connections(&settings, settings.pooling.unwrap_or(Pooling::Transaction)))
}

fn connections(settings: &Settings, pooling: Pooling) -> Connections {
    let last_failure = LastFailure::default();
    let pooling = CurrentPooling::from(pooling);
    Connections {
        pool: pool(settings, &pooling, last_failure.clone()),
        warm: Some(WarmConnections::new(MAX_CONNECTIONS)),
        pooling,
        last_failure,
        liveness: Liveness::default(),
        statement_limit: settings.statement_limit,
        migration_limit: MIGRATION_LIMIT,
    }
}

fn pool(settings: &Settings, pooling: &CurrentPooling, last_failure: LastFailure) -> PgPool {
    let server_limit = server_limit(settings.statement_limit).as_millis();
    let set = format!("set statement_timeout = {server_limit}");
    let options = match pooling.get() {
        Pooling::Session => settings.options.clone(),
        Pooling::Transaction => settings.options.clone().statement_cache_capacity(0),
    };
    let pooling = pooling.clone();
    PgPoolOptions::new()
        .max_connections(MAX_CONNECTIONS)
        .acquire_timeout(settings.connect_limit)
        // Never: the driver would log it on the task that writes.
        .acquire_slow_threshold(Duration::MAX)
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
        .after_connect(move |connection, _| {
            // Through a transaction pooler, what is set in a session is another client's, and stays.
            let set = (pooling.get() == Pooling::Session).then(|| set.clone());
            Box::pin(async move {
                if let Some(set) = set {
                    sqlx::raw_sql(AssertSqlSafe(set)).execute(connection).await?;
                }
                Ok(())
            })
        })
        .connect_lazy_with(options)
}
