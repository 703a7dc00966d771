//! The library's own small runner of migration files.
//!
//! One transaction, one transaction-level lock, no session state; the record of what was applied is
//! the library's own, so that it lives beside the host's own migration tool. Files register
//! themselves, so that it makes no difference who applied them. All of it works through a pooler in
//! transaction mode.

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;
use tokio::time::{Instant, timeout_at};

use super::connections::{ConnectionInUse, Connections};
use super::error::{Failure, migration_changed, migration_failed};
use crate::store::StoreError;

/// How long a migration, or the preparation of partitions, may take: they may have to wait for others.
pub(super) const MIGRATION_LIMIT: Duration = Duration::from_mins(10);
/// Keeps two runners apart: the bytes of "moltaudt". The files take the same lock, for other runners.
const LOCK: i64 = 0x6d6f_6c74_6175_6474;

struct Migration {
    version: &'static str,
    file: &'static str,
    sql: &'static str,
}

impl Migration {
    /// Independent of the line ends of a checkout.
    fn checksum(&self) -> Vec<u8> {
        Sha256::digest(self.sql.replace('\r', "")).to_vec()
    }
}

macro_rules! migration {
    ($version:literal, $file:literal) => {
        Migration {
            version: $version,
            file: $file,
            sql: include_str!(concat!("../../../migrations/postgres/", $file)),
        }
    };
}

const MIGRATIONS: &[Migration] = &[
    migration!("0003", "0003_moltbot_audit_logs.sql"),
    migration!("0004", "0004_moltbot_audit_admission.sql"),
    migration!("0005", "0005_moltbot_audit_runbook.sql"),
];

/// Applies what is not applied yet. A crash before the commit leaves nothing behind.
pub(super) async fn run(connections: &Connections) -> Result<(), StoreError> {
    let limit = connections.migration_limit;
    let deadline = Instant::now() + limit;
    let mut connection = connections.acquire("migrate", limit, deadline).await?;
    let done = timeout_at(deadline, apply(&mut connection)).await;
    connection.release(done).map_err(|failure| connections.noted(failure).error)
}

async fn apply(connection: &mut ConnectionInUse) -> Result<(), Failure> {
    let migrating = |error| Failure::of("migrate", &error);
    let mut transaction = connection.begin().await.map_err(migrating)?;
    let lock = sqlx::query("select pg_advisory_xact_lock($1)").bind(LOCK).persistent(false);
    lock.execute(&mut *transaction).await.map_err(migrating)?;
    if has_earlier_format(&mut transaction).await.map_err(migrating)? {
        return Err(StoreError::EarlierFormat.into());
    }
    let applied = applied(&mut transaction).await.map_err(migrating)?;
    for migration in MIGRATIONS {
        let checksum = migration.checksum();
        let known = applied.iter().find(|(version, _)| version == migration.version);
        match known {
            Some((_, Some(known))) if *known == checksum => {}
            Some((_, Some(_))) => return Err(migration_changed(migration.file).into()),
            Some((_, None)) => register(&mut transaction, migration).await.map_err(migrating)?,
            None => {
                sqlx::raw_sql(migration.sql)
                    .execute(&mut *transaction)
                    .await
                    .map_err(|error| migration_failed(migration.file, &error))?;
                register(&mut transaction, migration).await.map_err(migrating)?;
            }
        }
    }
    transaction.commit().await.map_err(migrating)
}

/// Whether the table of events was made before events had the version of their format.
async fn has_earlier_format(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "select c.oid is not null and not exists (
            select from pg_attribute a where a.attrelid = c.oid and a.attname = 'format_version'
        )
        from (select to_regclass('moltbot_audit.audit_events') as oid) as c",
    )
    .persistent(false)
    .fetch_one(connection)
    .await
}

/// The files that are applied, each with its checksum if that is known.
async fn applied(
    connection: &mut PgConnection,
) -> Result<Vec<(String, Option<Vec<u8>>)>, sqlx::Error> {
    let registry: bool =
        sqlx::query_scalar("select to_regclass('moltbot_audit.schema_migrations') is not null")
            .persistent(false)
            .fetch_one(&mut *connection)
            .await?;
    if !registry {
        return Ok(Vec::new());
    }
    sqlx::query_as("select version, checksum from moltbot_audit.schema_migrations")
        .persistent(false)
        .fetch_all(connection)
        .await
}

/// Keeps the checksum of a file that is applied. A host's role may not, and leaves it to the owner's next run.
async fn register(connection: &mut PgConnection, migration: &Migration) -> Result<(), sqlx::Error> {
    let may_update: bool = sqlx::query_scalar(
        "select has_table_privilege('moltbot_audit.schema_migrations', 'update')",
    )
    .persistent(false)
    .fetch_one(&mut *connection)
    .await?;
    if may_update {
        sqlx::query("update moltbot_audit.schema_migrations set checksum = $2 where version = $1")
            .bind(migration.version)
            .bind(migration.checksum())
            .persistent(false)
            .execute(connection)
            .await?;
    }
    Ok(())
}
