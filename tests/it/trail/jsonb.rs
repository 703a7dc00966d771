//! What `jsonb` holds that sealing never writes: the stream stays readable, and that one event is set aside.

use moltbot_audit::RequestId;
use moltbot_audit::json::parse;
use moltbot_audit::store::AuditStore;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use super::verified_packs;
use crate::support::records::{event, fresh_request, sealed, stream};
use crate::support::stores;

/// A row with this input, changed to another, and what the stream then reads as.
async fn changed(sealed_as: &str, stored_as: &str) -> (Option<Value>, bool) {
    let (fresh, url) = stores::postgres_with_url().await;
    let request = fresh_request();
    let input = parse(sealed_as).expect("JSON");
    let batch = [sealed(event(&request).input(input)), sealed(event(&request))];
    fresh.store.append(&batch).await.expect("it lands");
    let mut shell = PgConnection::connect(&url).await.expect("connects");
    let sql = format!(
        "update moltbot_audit.audit_events set input = $json${stored_as}$json$ where seq = 1"
    );
    shell.execute(AssertSqlSafe(sql)).await.expect("jsonb takes it");
    let snapshot = fresh.store.read_stream(stream(&request)).await.expect("it is readable");
    let first = snapshot.expect("events").records.into_iter().find(|record| record.seq == 1);
    (first.and_then(|record| record.input), is_whole(&*fresh.store, &request).await)
}

/// Whether the first of two events is shown; else it is set aside. The second is shown.
async fn is_whole(store: &dyn AuditStore, request: &RequestId) -> bool {
    let [_, external] = verified_packs(store, request).await;
    let seqs: Vec<i64> = external.events.iter().map(|event| event.seq).collect();
    let set_aside: Vec<i64> = external.set_aside.iter().map(|event| event.seq).collect();
    let is_whole = set_aside.is_empty();
    assert_eq!([set_aside, seqs].concat(), [1, 2]);
    is_whole
}

#[tokio::test]
async fn another_spelling_of_the_same_value_is_the_same_value() {
    for (sealed_as, stored_as) in [
        ("[1, 0, 1.1, 100000, 1, 1e-7]", "[1.0, -0.0, 1.10, 1E5, 0.1e1, 0.0000001]"),
        (r#"{"a": 1, "b": 2}"#, r#" { "b" : 2.00 , "a" : 7 , "a" : 1 } "#),
        (r#"{"$serde_json::private::Number": "1"}"#, r#"{"$serde_json::private::Number": "1"}"#),
        ("null", "null"),
    ] {
        let (input, is_whole) = changed(sealed_as, stored_as).await;
        assert_eq!(input.unwrap_or_default(), parse(sealed_as).unwrap(), "{stored_as}");
        assert!(is_whole, "{stored_as}");
    }
}

#[tokio::test]
async fn an_event_of_a_time_beyond_the_calendar_is_set_aside_alone() {
    for time in ["infinity", "-infinity", "0044-03-15 BC", "10000-01-01", "290000-01-01"] {
        let (fresh, url) = stores::postgres_with_url().await;
        let request = fresh_request();
        let batch = [sealed(event(&request)), sealed(event(&request))];
        fresh.store.append(&batch).await.expect("it lands");
        let mut shell = PgConnection::connect(&url).await.expect("connects");
        let sql =
            format!("update moltbot_audit.audit_events set created_at = '{time}' where seq = 1");
        shell.execute(AssertSqlSafe(sql)).await.expect("timestamptz takes it");
        assert!(!is_whole(&*fresh.store, &request).await, "{time}");
    }
}

#[tokio::test]
async fn what_was_never_sealed_is_set_aside_alone() {
    let deep = format!("{}1{}", "[".repeat(3_000), "]".repeat(3_000));
    let below = format!("{}1{}", "[".repeat(65), "]".repeat(65));
    for (sealed_as, stored_as) in [
        ("1", "1e400"),
        ("1", "-1e400"),
        ("9007199254740993", "9007199254740993"),
        ("18446744073709551615", "18446744073709551615"),
        ("[\"123456789012345678901234567890\"]", "[123456789012345678901234567890]"),
        ("1", &deep),
        (&below, &below),
        (r#"{"a":1}"#, "null"),
        (r#"{"a":1}"#, r#"{"a":2}"#),
    ] {
        let (_, is_whole) = changed(sealed_as, stored_as).await;
        assert!(!is_whole, "{sealed_as} is taken for {stored_as}");
    }
}
