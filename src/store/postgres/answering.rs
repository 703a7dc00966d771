//! Tells a lock from an outage: asks whether the database answers at all.
//!
//! The question goes out on a connection of its own, because all of the pool's may be waiting for one lock.
//! If a network swallows packets, it costs a caller up to a second.

use std::sync::Arc;
use std::time::Duration;

use sqlx::error::DatabaseError;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// How long the database may take to answer.
const LIMIT: Duration = Duration::from_secs(1);

/// How long an answer holds: many callers ask at once, and each answer costs a connection.
const FRESH: Duration = Duration::from_millis(200);

/// The last answer, and when it came. The clones of a store share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Answering(Arc<Mutex<Option<(Instant, bool)>>>);

impl Answering {
    /// Asks, unless the last answer is fresh. One caller asks at a time.
    pub(super) async fn ask(&self, options: &PgConnectOptions) -> bool {
        let mut last = self.0.lock().await;
        if let Some((at, is_answering)) = *last
            && at.elapsed() < FRESH
        {
            return is_answering;
        }
        let is_answering = timeout(LIMIT, ping(options)).await.unwrap_or(false);
        *last = Some((Instant::now(), is_answering));
        is_answering
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
