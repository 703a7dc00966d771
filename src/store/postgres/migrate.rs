//! The library's own small runner of migration files.
//!
//! One transaction, one transaction-level lock, no session state; the record of what was applied is
//! the library's own, so that it lives beside whatever the host migrates with. Files register
//! themselves, so that it makes no difference who applied them.

use sqlx::{PgConnection, PgPool};

use super::error::{failed, migration_failed};
use crate::store::StoreError;

/// Keeps two runners apart: the bytes of "moltaudt".
const LOCK: i64 = 0x6d6f_6c74_6175_6474;

struct Migration {
    version: &'static str,
    file: &'static str,
    sql: &'static str,
}

const MIGRATIONS: &[Migration] = &[Migration {
    version: "0003",
    file: "0003_moltbot_audit_logs.sql",
    sql: include_str!("../../../migrations/postgres/0003_moltbot_audit_logs.sql"),
}];

/// Applies what is not applied yet. A crash before the commit leaves nothing behind.
pub(super) async fn run(pool: &PgPool) -> Result<(), StoreError> {
    let migrating = |error| failed("migrate", &error);
    let mut transaction = pool.begin().await.map_err(migrating)?;
    sqlx::query("select pg_advisory_xact_lock($1)")
        .bind(LOCK)
        .execute(&mut *transaction)
        .await
        .map_err(migrating)?;
    let applied = applied(&mut transaction).await.map_err(migrating)?;
    for migration in MIGRATIONS {
        if !applied.iter().any(|version| version == migration.version) {
            sqlx::raw_sql(migration.sql)
                .execute(&mut *transaction)
                .await
                .map_err(|error| migration_failed(migration.file, &error))?;
        }
    }
    transaction.commit().await.map_err(migrating)
}

async fn applied(connection: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    let registry: bool =
        sqlx::query_scalar("select to_regclass('moltbot_audit.schema_migrations') is not null")
            .fetch_one(&mut *connection)
            .await?;
    if !registry {
        return Ok(Vec::new());
    }
    sqlx::query_scalar("select version from moltbot_audit.schema_migrations")
        .fetch_all(connection)
        .await
}
