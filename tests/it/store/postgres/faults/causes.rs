//! Whose fault an error is, and what it says of its cause.

use moltbot_audit::StreamId;
use moltbot_audit::record::{MAX_KEY_LEN, MAX_PAYLOAD_LEN};
use moltbot_audit::store::{AuditSink, AuditStore};
use serde_json::Value;

use super::Tampered;
use crate::support::cluster::Cluster;
use crate::support::records::{event, records, sealed};
use crate::support::stores;

#[tokio::test]
async fn an_error_names_its_cause_in_its_own_text() {
    let url = Cluster::shared().create_database().await;
    let store = stores::connected(&url).await;
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

/// What `fault_of_code` relies on: a limit of the server (54000) is never an event's own fault.
#[tokio::test]
async fn the_largest_events_are_within_the_limits_of_the_server() {
    let tampered = Tampered::with("select 1").await;
    // Numbers of all digits, which do not compress; and as many values as fit.
    let spread = |n: u64| Value::from(n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 11);
    let large: Vec<Value> = (1..MAX_PAYLOAD_LEN as u64 / 18).map(spread).collect();
    let many = vec![Value::from(0); MAX_PAYLOAD_LEN / 2 - 1];
    for payload in [large, many] {
        let told = event(&tampered.request).input(payload.into()).output(Value::Null);
        let record = sealed(told.idempotency_key("k".repeat(MAX_KEY_LEN)));
        let appended = tampered.store.append(&[record]).await.expect("no limit is in the way");
        appended[0].expect("no conflict");
    }
}
