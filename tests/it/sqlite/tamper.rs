//! Somebody changes the file by hand: a read must show it, or refuse.

use moltbot_audit::RequestId;
use moltbot_audit::event::StreamId;
use moltbot_audit::store::{AuditSink, AuditStore, StoreError};
use sqlx::SqliteConnection;

use super::Trail;
use crate::samples::{records, verify};

/// Every column of `audit_events` with a change to it that the table's own checks let pass.
const CHANGES: [(&str, &str); 25] = [
    ("id", "'0195550a-0000-7000-8000-000000000000'"),
    ("request_id", "null"),
    ("conversation_id", "'0195550a-0000-7000-8000-000000000000'"),
    ("event_type", "'vendor.no_response'"),
    ("actor", "'client'"),
    ("input", "replace(input, '500', '900')"),
    ("output", "null"),
    ("idempotency_key", "'other'"),
    ("duration_ms", "duration_ms + 1"),
    ("created_at", "created_at + 1"),
    ("stream_id", "'0195550a-0000-7000-8000-000000000000'"),
    ("seq", "seq + 10"),
    ("outcome", "'succeeded'"),
    ("error_code", "null"),
    ("trace_id", "replace(trace_id, '7', '8')"),
    ("span_id", "null"),
    ("host_ids", "replace(host_ids, 'conv_001', 'conv_002')"),
    ("recorded_at", "recorded_at - 1"),
    ("salt", "randomblob(16)"),
    ("input_commitment", "randomblob(32)"),
    ("output_commitment", "randomblob(32)"),
    ("key_commitment", "randomblob(32)"),
    ("host_ids_commitment", "randomblob(32)"),
    ("event_hash", "randomblob(32)"),
    ("chain_hash", "randomblob(32)"),
];

/// Changes that leave a value of the same meaning, or none that can be read at all.
const MALFORMED: [(&str, &str, &str); 9] = [
    ("input", "replace(input, ':', ': ')", "is no canonical JSON"),
    ("output", "'{'", "is no canonical JSON"),
    ("host_ids", "''", "is no canonical JSON"),
    ("id", "upper(id)", "is no hyphenated lower-case UUID"),
    ("request_id", "'not a uuid, though as long as one is!'", "is no hyphenated lower-case UUID"),
    ("duration_ms", "1 << 40", "is beyond 32 bits"),
    ("created_at", "9223372036854775807", "is beyond the calendar"),
    ("chain_hash", "x'00'", "has not 32 bytes"),
    ("salt", "x'00'", "has not 16 bytes"),
];

async fn change(shell: &mut SqliteConnection, table: &str, column: &str, to: &str) {
    // Whoever tampers is not stopped by the table's checks.
    let sql = format!(
        "pragma ignore_check_constraints = on; update {table} set {column} = {to} where seq = 2"
    );
    let done = sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(shell).await.expect("changes");
    assert_eq!(done.rows_affected(), 1, "{column}");
}

#[tokio::test]
async fn a_change_of_any_column_of_any_row_is_visible() {
    let mut columns = Vec::new();
    for (column, to) in CHANGES {
        let trail = Trail::new().await;
        let request = RequestId::from_host("fallback");
        trail.store.append(&records(&request, [1, 2, 3])).await.unwrap();
        verify(&trail.read(&request).await).unwrap();

        let mut shell = trail.shell().await;
        change(&mut shell, "audit_events", column, to).await;
        let fault = verify(&trail.read(&request).await);
        assert!(fault.is_err(), "a change of {column} went unseen");

        if columns.is_empty() {
            let names = "select name from pragma_table_info('audit_events')";
            columns = sqlx::query_scalar::<_, String>(names).fetch_all(&mut shell).await.unwrap();
        }
    }
    let tried: Vec<_> = CHANGES.iter().map(|(column, _)| (*column).to_owned()).collect();
    assert_eq!(columns, tried, "the table has a column that this test does not change");
}

#[tokio::test]
async fn a_change_of_any_column_of_the_head_is_visible() {
    for (column, to) in [
        ("stream_id", "'0195550a-0000-7000-8000-000000000000'"),
        ("seq", "seq + 1"),
        ("head", "randomblob(32)"),
        ("started_at", "started_at - 1"),
        ("last_at", "last_at + 1"),
    ] {
        let trail = Trail::new().await;
        let request = RequestId::from_host("r");
        trail.store.append(&records(&request, [1, 2])).await.unwrap();
        change(&mut trail.shell().await, "audit_streams", column, to).await;
        assert!(verify(&trail.read(&request).await).is_err(), "a change of {column} went unseen");
    }
}

#[tokio::test]
async fn a_value_of_another_form_is_refused_with_its_place_and_without_its_text() {
    for (column, to, reason) in MALFORMED {
        let trail = Trail::new().await;
        let request = RequestId::from_host("r");
        trail.store.append(&records(&request, [1, 2, 3])).await.unwrap();
        change(&mut trail.shell().await, "audit_events", column, to).await;
        let error = trail.store.read_stream(StreamId::from(&request)).await.unwrap_err();
        match error {
            StoreError::Malformed { seq, column: named, reason: why, .. } => {
                assert_eq!((seq, named, why), (2, column, reason));
            }
            other => panic!("{column}: expected Malformed, got {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_deleted_row_and_swapped_rows_are_visible() {
    for sql in [
        "delete from audit_events where seq = 1",
        "delete from audit_events where seq = 2",
        "delete from audit_events where seq = 3",
        "delete from audit_events",
        "update audit_events set seq = seq + 10; \
         update audit_events set seq = case seq when 11 then 2 when 12 then 1 else 3 end",
    ] {
        let trail = Trail::new().await;
        let request = RequestId::from_host("r");
        trail.store.append(&records(&request, [1, 2, 3])).await.unwrap();
        sqlx::raw_sql(sql).execute(&mut trail.shell().await).await.unwrap();
        assert!(verify(&trail.read(&request).await).is_err(), "went unseen: {sql}");
    }
}

#[tokio::test]
async fn rows_whose_head_is_gone_are_still_shown_and_nothing_is_built_on_them() {
    let trail = Trail::new().await;
    let request = RequestId::from_host("r");
    trail.store.append(&records(&request, [1, 2])).await.unwrap();
    sqlx::raw_sql("delete from audit_streams").execute(&mut trail.shell().await).await.unwrap();

    let snapshot = trail.read(&request).await;
    assert_eq!((snapshot.head.seq, snapshot.records.len()), (0, 2));
    // A new chain beside the old one would hide the deed.
    let error = trail.store.append(&records(&request, [3])).await.unwrap_err();
    assert!(matches!(error, StoreError::Database { .. }), "{error:?}");
    assert_eq!(trail.read(&request).await.records.len(), 2);
}
