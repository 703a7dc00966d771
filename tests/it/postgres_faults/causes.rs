//! Whose fault an error is, and what it says of its cause.

use moltbot_audit::StreamId;
use moltbot_audit::store::{AuditSink, AuditStore, PostgresStore};

use super::Tampered;
use crate::support::cluster::Cluster;
use crate::support::records::records;

#[tokio::test]
async fn an_error_names_its_cause_in_its_own_text() {
    let url = Cluster::shared().create_database().await;
    let store = PostgresStore::connect(&url).await.expect("the database accepts connections");
    let error = store.read_stream(StreamId::SYSTEM).await.expect_err("there is no table");
    assert!(error.to_string().contains("42P01"), "{error}");
}

/// By what the server says: whose fault it is decides whether an event waits or is set aside.
#[tokio::test]
async fn a_server_that_takes_no_commands_or_ends_a_transaction_is_tried_again() {
    for (code, is_passing) in [
        ("54000", true),
        ("25P04", true),
        ("25P03", true),
        ("53300", true),
        ("54001", false),
        ("23514", false),
    ] {
        let refusing = format!(
            "create function refuse() returns trigger language plpgsql as $$
             begin raise exception 'no' using errcode = '{code}'; end $$;
             create trigger refuse before insert on moltbot_audit.audit_events
             for each row execute function refuse()"
        );
        let tampered = Tampered::with(&refusing).await;
        let error = tampered.store.append(&records(&tampered.request, 1)).await;
        let error = error.expect_err("the trigger refuses");
        assert_eq!(error.is_retryable(), is_passing, "{code}: {error:?}");
        assert_eq!(error.is_refusal(), !is_passing, "{code}: {error:?}");
    }
}
