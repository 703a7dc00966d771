//! Somebody changes the file by hand: values of another form, a head without rows, rows without a head.
//! That any change of a value is found is shown by the packs, see `pack/tamper_store.rs`.

use moltbot_audit::event::StreamId;
use moltbot_audit::store::{AuditSink, AuditStore, StoreError};
use sqlx::SqliteConnection;

use super::Trail;
use crate::support::records::{fresh_request, records};

/// Changes that leave a value of the same meaning, or none that can be read at all.
const MALFORMED: [(&str, &str, &str); 14] = [
    ("input", "replace(input, ':', ': ')", "is no canonical JSON"),
    ("output", "'{'", "is no canonical JSON"),
    ("host_ids", "''", "is no canonical JSON"),
    // These commit to the same as nothing.
    ("input", "'null'", "is JSON null where nothing is stored as NULL"),
    ("output", "'null'", "is JSON null where nothing is stored as NULL"),
    ("host_ids", "'null'", "is JSON null where nothing is stored as NULL"),
    ("host_ids", "'[]'", "is not a JSON object"),
    ("host_ids", "'\"fallback\"'", "is not a JSON object"),
    ("id", "upper(id)", "is no hyphenated lower-case UUID"),
    ("request_id", "'not a uuid, though as long as one is!'", "is no hyphenated lower-case UUID"),
    ("duration_ms", "1 << 40", "is beyond 32 bits"),
    ("created_at", "9223372036854775807", "is beyond the calendar"),
    ("chain_hash", "x'00'", "has not 32 bytes"),
    ("salt", "x'00'", "has not 16 bytes"),
];

async fn change(shell: &mut SqliteConnection, column: &str, to: &str) {
    // Whoever tampers is not stopped by the table's checks.
    let sql = format!(
        "pragma ignore_check_constraints = on; update audit_events set {column} = {to} where seq = 2"
    );
    let done = sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(shell).await.expect("changes");
    assert_eq!(done.rows_affected(), 1, "{column}");
}

#[tokio::test]
async fn a_value_of_another_form_is_named_by_its_place_and_without_its_text() {
    for (column, to, reason) in MALFORMED {
        let trail = Trail::new().await;
        let request = fresh_request();
        trail.store.append(&records(&request, 3)).await.unwrap();
        change(&mut trail.shell().await, column, to).await;
        let named = match trail.store.read_stream(StreamId::from(&request)).await {
            // Without it the chain does not go on.
            Err(StoreError::Malformed { seq, column: named, reason, .. }) => {
                assert_eq!(column, "chain_hash");
                (seq, named, reason)
            }
            Ok(Some(snapshot)) => {
                let whole: Vec<_> = snapshot.records.iter().map(|record| record.seq).collect();
                assert_eq!(whole, [1, 3], "{column}: the rest is read");
                let [row] = snapshot.unreadable[..] else { panic!("{column}: one is unreadable") };
                (row.seq, row.column, row.fault)
            }
            other => panic!("{column}: {other:?}"),
        };
        assert_eq!(named, (2, column, reason));
    }
}

#[tokio::test]
async fn rows_whose_head_is_gone_are_still_shown_and_nothing_is_built_on_them() {
    let trail = Trail::new().await;
    let request = fresh_request();
    trail.store.append(&records(&request, 2)).await.unwrap();
    sqlx::raw_sql("delete from audit_streams").execute(&mut trail.shell().await).await.unwrap();

    let snapshot = trail.read(&request).await;
    assert_eq!((snapshot.head.seq, snapshot.records.len()), (0, 2));
    // A new chain beside the old one would hide the deed.
    let error = trail.store.append(&records(&request, 1)).await.unwrap_err();
    assert!(matches!(error, StoreError::Refused { .. }), "{error:?}");
    assert_eq!(trail.read(&request).await.records.len(), 2);
}

#[tokio::test]
async fn a_head_whose_rows_are_gone_is_still_shown() {
    let trail = Trail::new().await;
    let request = fresh_request();
    trail.store.append(&records(&request, 2)).await.unwrap();
    sqlx::raw_sql("delete from audit_events").execute(&mut trail.shell().await).await.unwrap();
    let snapshot = trail.read(&request).await;
    assert_eq!((snapshot.head.seq, snapshot.records.len()), (2, 0));
}
