//! The months of the table of events: prepares the coming ones, and tells until when they are prepared.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::Row;
use sqlx::postgres::PgRow;
use tokio::time::{Instant, sleep, timeout_at};

use super::connections::{ConnectionInUse, Connections};
use super::error::Failure;
use super::sql::{Sql, sql};
use crate::store::StoreError;

/// How many months are prepared, from this one on.
const MONTHS: i32 = 4;
/// How often a lock on the table of events is tried for before the caller is told. Appends queue behind each try, so it
/// is short, and a pause follows it.
const LOCK_TRIES: u32 = 5;
const LOCK_PAUSE: Duration = Duration::from_millis(500);

/// The end of the months that are attached one after the other from this one on. Their names are those that
/// `attach_month` gives; months after a gap do not count. If this month has none, its beginning.
const PREPARED_UNTIL: Sql = sql!(
    "select (now.month + make_interval(months => (
            select count(*)::integer
            from (
                select extract(year from age(m.month, now.month)) * 12
                    + extract(month from age(m.month, now.month)) as ahead,
                    row_number() over (order by m.month) - 1 as nth
                from (
                    select to_date(right(c.relname, 7), 'YYYY_MM')::timestamp as month
                    from pg_catalog.pg_inherits i
                    join pg_catalog.pg_class c on c.oid = i.inhrelid
                    where i.inhparent = 'moltbot_audit.audit_events'::regclass
                        and c.relname ~ '^audit_events_[0-9]{4}_[0-9]{2}$'
                ) as m
                where m.month >= now.month
            ) as a
            where a.ahead = a.nth
        ))) at time zone 'UTC' as prepared_until
    from (select date_trunc('month', clock_timestamp() at time zone 'UTC') as month) as now"
);

/// Prepares the partitions of this month and the next three: each month in a transaction of its own, so that appends
/// wait for one month at most.
pub(super) async fn ensure_partitions(connections: &Connections) -> Result<(), StoreError> {
    let deadline = Instant::now() + connections.migration_limit;
    for ahead in 0..MONTHS {
        let mut tries = 1;
        while let Err(error) = ensure_partition(connections, ahead, deadline).await {
            if !matches!(error, StoreError::Locked { .. }) || tries == LOCK_TRIES {
                return Err(error);
            }
            tries += 1;
            sleep(LOCK_PAUSE).await;
        }
    }
    Ok(())
}

async fn ensure_partition(
    connections: &Connections,
    ahead: i32,
    deadline: Instant,
) -> Result<(), StoreError> {
    let mut connection =
        connections.acquire("prepare partitions", connections.migration_limit, deadline).await?;
    let done = timeout_at(deadline, prepare(&mut connection, ahead)).await;
    connection.release(done).map_err(|failure| connections.noted(failure).error)
}

async fn prepare(connection: &mut ConnectionInUse, ahead: i32) -> Result<(), Failure> {
    let preparing = |error| Failure::of("prepare partitions", &error);
    let mut transaction = connection.begin().await.map_err(preparing)?;
    sqlx::query("select moltbot_audit.ensure_partitions(now() + make_interval(months => $1), 1)")
        .bind(ahead)
        .persistent(false)
        .execute(&mut *transaction)
        .await
        .map_err(preparing)?;
    transaction.commit().await.map_err(preparing)
}

pub(super) async fn prepared_until(
    connections: &Connections,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let query = |pooling| PREPARED_UNTIL.query(pooling);
    let until = |row: &PgRow| row.try_get("prepared_until");
    Ok(connections.read("read the partitions", query, until).await?.pop().flatten())
}
