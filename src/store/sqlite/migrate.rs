//! Brings the schema up to date.

use sqlx::SqliteConnection;
use sqlx::sqlite::SqlitePool;

use super::error::{failed, is_passing};
use crate::store::StoreError;

/// A file under `migrations/sqlite`. It registers itself at its end.
struct Migration {
    version: i64,
    file: &'static str,
    sql: &'static str,
}

const MIGRATIONS: [Migration; 2] = [
    Migration {
        version: 3,
        file: "0003_moltbot_audit_logs.sql",
        sql: include_str!("../../../migrations/sqlite/0003_moltbot_audit_logs.sql"),
    },
    Migration {
        version: 4,
        file: "0004_moltbot_audit_admission.sql",
        sql: include_str!("../../../migrations/sqlite/0004_moltbot_audit_admission.sql"),
    },
];

pub(super) async fn migrate(writer: &SqlitePool) -> Result<(), StoreError> {
    let writer = writer.clone();
    // In a task of its own, like an append: a dropped future must not leave a transaction open.
    tokio::spawn(async move { apply_missing(&writer).await })
        .await
        .map_err(|_| super::error::task_ended("migrate"))?
}

async fn apply_missing(writer: &SqlitePool) -> Result<(), StoreError> {
    const DOING: &str = "migrate";
    // Checked first without the lock, so that a start on an up-to-date file waits for no other process.
    let mut connection = writer.acquire().await.map_err(|error| failed(DOING, error))?;
    if has_earlier_format(&mut connection).await.map_err(|error| failed(DOING, error))? {
        return Err(StoreError::EarlierFormat);
    }
    let applied = applied(&mut connection).await.map_err(|error| failed(DOING, error))?;
    drop(connection);
    if MIGRATIONS.iter().all(|migration| applied.contains(&migration.version)) {
        return Ok(());
    }
    let mut transaction =
        writer.begin_with("begin immediate").await.map_err(|error| failed(DOING, error))?;
    // Looked at again under the lock: another process may have been faster.
    let applied = self::applied(&mut transaction).await.map_err(|error| failed(DOING, error))?;
    for migration in MIGRATIONS.iter().filter(|migration| !applied.contains(&migration.version)) {
        sqlx::raw_sql(migration.sql).execute(&mut *transaction).await.map_err(|error| {
            if is_passing(&error) {
                failed(DOING, error)
            } else {
                StoreError::Migration { file: migration.file, source: std::sync::Arc::new(error) }
            }
        })?;
    }
    transaction.commit().await.map_err(|error| failed(DOING, error))
}

/// Whether the table of events was made before events had the version of their format.
async fn has_earlier_format(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    let columns = "select count(*), coalesce(max(name = 'format_version'), 0) \
                   from pragma_table_info('audit_events')";
    let (columns, has_version): (i64, bool) = sqlx::query_as(columns).fetch_one(connection).await?;
    Ok(columns > 0 && !has_version)
}

/// The versions in the file; none where there is no table of them yet.
async fn applied(connection: &mut SqliteConnection) -> Result<Vec<i64>, sqlx::Error> {
    let table = "select 1 from sqlite_schema where type = 'table' and name = 'schema_migrations'";
    if sqlx::query(table).fetch_optional(&mut *connection).await?.is_none() {
        return Ok(Vec::new());
    }
    sqlx::query_scalar("select version from schema_migrations").fetch_all(connection).await
}
