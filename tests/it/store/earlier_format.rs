//! A database from before format v1 was frozen is refused by name, and stays as it is.

use moltbot_audit::store::{self, StoreError};
use sqlx::{Connection, Executor};

use crate::support::cluster::Cluster;
use crate::support::stores::scalar;

/// Opens the store, and returns what refuses it.
async fn refusal(url: &str) -> String {
    let error = store::open(url).await.expect_err("no release extends both forms");
    assert!(matches!(error, StoreError::EarlierFormat), "{error:?}");
    assert!(!error.is_retryable());
    error.to_string()
}

#[tokio::test]
async fn a_postgres_database_from_before_the_freeze_is_refused_by_name() {
    let url = Cluster::shared().create_database().await;
    let mut connection = sqlx::PgConnection::connect(&url).await.expect("it is there");
    // Tables as they were, as far as their columns say it.
    let tables = "create schema moltbot_audit;
        create table moltbot_audit.schema_migrations (
            version text primary key, name text not null, applied_at timestamptz, checksum bytea
        );
        insert into moltbot_audit.schema_migrations values ('0003', 'moltbot_audit_logs', now(), null);
        create table moltbot_audit.audit_events (id uuid primary key, event_hash bytea)";
    connection.execute(tables).await.expect("empty tables");
    let said = refusal(&url).await;
    assert!(said.contains("format v1") && said.contains("open an empty one"), "{said}");
    let tables: i64 =
        scalar(&url, "select count(*) from pg_tables where schemaname = 'moltbot_audit'").await;
    assert_eq!(tables, 2);
}

#[tokio::test]
async fn a_sqlite_file_from_before_the_freeze_is_refused_by_name() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let url = format!("sqlite://{}/audit.sqlite", folder.path().display());
    let mut connection =
        sqlx::SqliteConnection::connect(&format!("{url}?mode=rwc")).await.expect("a new file");
    let tables = "create table schema_migrations (version integer primary key, name text, applied_at integer);
        insert into schema_migrations values (3, 'moltbot_audit_logs', 0);
        create table audit_events (id text primary key, event_hash blob)";
    connection.execute(tables).await.expect("empty tables");
    connection.close().await.expect("it closes");
    let said = refusal(&url).await;
    assert!(said.contains("format v1") && said.contains("open an empty one"), "{said}");
}
