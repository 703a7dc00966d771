//! The file: URLs, creation, migration, pragmas, closing.

use moltbot_audit::store::{AuditSink, SqliteStore, StoreError};
use sqlx::Connection;
use tempfile::TempDir;

use super::Trail;
use crate::support::records::{assert_unbroken, fresh_request, records};

const SCHEMA: [&str; 2] = [
    include_str!("../../../../migrations/sqlite/0003_moltbot_audit_logs.sql"),
    include_str!("../../../../migrations/sqlite/0004_moltbot_audit_admission.sql"),
];

/// What `open` says of a URL it refuses.
async fn refusal(url: &str) -> String {
    let error = SqliteStore::open(url).await.expect_err(url);
    if let StoreError::InvalidUrl { reason } = error { reason } else { format!("{error:?}") }
}

#[tokio::test]
async fn a_url_of_another_form_is_refused_and_says_why() {
    assert!(refusal("postgres://localhost/audit").await.contains("does not begin with sqlite:"));
    assert!(refusal("audit.sqlite").await.contains("does not begin with sqlite:"));
    assert!(refusal("").await.contains("does not begin with sqlite:"));
    assert!(refusal("sqlite:").await.contains("names no file"));
    assert!(refusal("sqlite://").await.contains("names no file"));
    assert!(refusal("sqlite://?mode=rwc").await.contains("names no file"));
    assert!(refusal("sqlite::memory:").await.contains("in memory"));
    assert!(refusal("sqlite://:memory:").await.contains("in memory"));
    assert!(refusal("sqlite://a.sqlite?mode=memory").await.contains("?mode=rw"));
    assert!(refusal("sqlite://a.sqlite?vfs=none").await.contains("?mode=rw"));
    assert!(refusal("sqlite://a%ff.sqlite").await.contains("UTF-8"));
}

#[tokio::test]
async fn a_missing_folder_is_named_and_nothing_is_created() {
    let folder = TempDir::new().unwrap();
    let missing = folder.path().join("no").join("such");
    let reason = refusal(&format!("sqlite://{}/audit.sqlite", missing.display())).await;
    assert!(reason.contains(&missing.display().to_string()), "{reason}");
    assert!(reason.contains("create it first"), "{reason}");
    assert!(!missing.exists());

    let reason = refusal(&format!("sqlite://{}", folder.path().display())).await;
    assert!(reason.contains("is a folder"), "{reason}");
}

#[tokio::test]
async fn mode_rw_opens_what_is_there_and_creates_nothing() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("audit.sqlite");
    let url = format!("sqlite:{}?mode=rw", path.display());
    assert!(refusal(&url).await.contains("there is no file"));
    assert!(!path.exists());
    SqliteStore::open(&format!("sqlite:{}?mode=rwc", path.display())).await.unwrap().close().await;
    assert!(path.exists());
    SqliteStore::open(&url).await.unwrap();
}

#[tokio::test]
async fn percent_signs_in_a_url_are_decoded() {
    let folder = TempDir::new().unwrap();
    let url = format!("sqlite://{}/a%20trail.sqlite", folder.path().display());
    SqliteStore::open(&url).await.unwrap();
    assert!(folder.path().join("a trail.sqlite").exists());
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_as_it_is() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("notes.txt");
    let text = "not a database, but long enough to have a header. ".repeat(40);
    std::fs::write(&path, &text).unwrap();
    let error = SqliteStore::open(&format!("sqlite://{}", path.display())).await.unwrap_err();
    assert!(matches!(error, StoreError::Database { .. }), "{error:?}");
    assert!(!error.is_retryable());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

/// `synchronous` belongs to a connection and cannot be seen from beside: `open` reads it back itself,
/// and refuses a file that is not in WAL mode with `synchronous = full`.
#[tokio::test]
async fn the_file_is_in_wal_mode() {
    let trail = Trail::new().await;
    let mut shell = trail.shell().await;
    let mode: String =
        sqlx::query_scalar("pragma journal_mode").fetch_one(&mut shell).await.unwrap();
    assert_eq!(mode, "wal");
}

#[tokio::test]
async fn migrating_again_writes_nothing() {
    let trail = Trail::new().await;
    let mut shell = trail.shell().await;
    // Changes for this connection whenever another one commits.
    let version = "pragma data_version";
    let before: i64 = sqlx::query_scalar(version).fetch_one(&mut shell).await.unwrap();
    trail.store.migrate().await.unwrap();
    SqliteStore::open(&trail.url).await.unwrap().migrate().await.unwrap();
    let after: i64 = sqlx::query_scalar(version).fetch_one(&mut shell).await.unwrap();
    assert_eq!(before, after);
    let rows: Vec<(i64, String)> = sqlx::query_as("select version, name from schema_migrations")
        .fetch_all(&mut shell)
        .await
        .unwrap();
    let names = [(3, "moltbot_audit_logs"), (4, "moltbot_audit_admission")];
    assert_eq!(rows, names.map(|(version, name)| (version, name.to_owned())));
}

#[tokio::test]
async fn the_schema_may_be_applied_by_hand_before_or_after_the_library() {
    let folder = TempDir::new().unwrap();
    let url = format!("sqlite://{}/audit.sqlite", folder.path().display());
    let store = SqliteStore::open(&url).await.unwrap();
    let mut shell = sqlx::SqliteConnection::connect(&url).await.unwrap();
    let request = fresh_request();

    let apply = async |shell: &mut sqlx::SqliteConnection| {
        for file in SCHEMA {
            sqlx::raw_sql(file).execute(&mut *shell).await.unwrap();
        }
    };
    apply(&mut shell).await;
    store.migrate().await.unwrap();
    store.append(&records(&request, 1)).await.unwrap().remove(0).unwrap();
    apply(&mut shell).await;
    store.append(&records(&request, 1)).await.unwrap().remove(0).unwrap();
    let count: i64 = sqlx::query_scalar("select count(*) from audit_events")
        .fetch_one(&mut shell)
        .await
        .unwrap();
    assert_eq!(count, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_hosts_may_open_and_migrate_one_new_file_at_once() {
    let folder = TempDir::new().unwrap();
    let url = format!("sqlite://{}/audit.sqlite", folder.path().display());
    let hosts: Vec<_> = (0..8)
        .map(|_| {
            let url = url.clone();
            tokio::spawn(async move {
                let store = SqliteStore::open(&url).await?;
                store.migrate().await?;
                Ok::<_, StoreError>(store)
            })
        })
        .collect();
    for host in hosts {
        host.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_migration_that_cannot_be_applied_names_its_file_and_leaves_no_part_of_it() {
    let folder = TempDir::new().unwrap();
    let url = format!("sqlite://{}/audit.sqlite", folder.path().display());
    let store = SqliteStore::open(&url).await.unwrap();
    let mut shell = sqlx::SqliteConnection::connect(&url).await.unwrap();
    // Another tool's table in the way: the last statement of the file fails.
    let theirs = "create table schema_migrations (version integer primary key, dirty integer)";
    sqlx::raw_sql(theirs).execute(&mut shell).await.unwrap();
    match store.migrate().await {
        Err(StoreError::Migration { file, .. }) => assert_eq!(file, "0003_moltbot_audit_logs.sql"),
        other => panic!("expected Migration, got {other:?}"),
    }
    let tables: i64 = sqlx::query_scalar("select count(*) from sqlite_schema where type = 'table'")
        .fetch_one(&mut shell)
        .await
        .unwrap();
    assert_eq!(tables, 1);
}

#[tokio::test]
async fn a_store_that_was_never_migrated_says_which_table_is_missing() {
    let folder = TempDir::new().unwrap();
    let url = format!("sqlite://{}/audit.sqlite", folder.path().display());
    let store = SqliteStore::open(&url).await.unwrap();
    let error = store.append(&records(&fresh_request(), 1)).await.unwrap_err();
    assert!(!error.is_retryable());
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("no such table: audit_streams"), "{source}");
}

#[tokio::test]
async fn a_closed_store_is_unavailable_and_its_file_holds_everything() {
    let trail = Trail::new().await;
    let request = fresh_request();
    trail.store.append(&records(&request, 2)).await.unwrap();
    trail.store.close().await;
    let error = trail.store.append(&records(&request, 1)).await.unwrap_err();
    assert!(error.is_retryable(), "{error:?}");

    let path = trail.url.trim_start_matches("sqlite://");
    assert!(!std::fs::exists(format!("{path}-wal")).unwrap(), "the log was not folded in");
    let reopened = Trail { store: SqliteStore::open(&trail.url).await.unwrap(), ..trail };
    assert_unbroken(&reopened.read(&request).await);
}
