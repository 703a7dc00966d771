//! What `jsonb` holds that sealing never writes: the stream stays readable, and only what was changed is
//! refused.

use moltbot_audit::json::parse;
use moltbot_audit::pack::{export_request_pack, verify_request_pack};
use moltbot_audit::redact::Profile;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use super::verified_packs;
use crate::support::records::{event, fresh_request, sealed, stream};

/// A row with this input, changed to another, and what the stream then reads as.
async fn changed(sealed_as: &str, stored_as: &str) -> (Option<Value>, Result<(), String>) {
    let (fresh, url) = crate::postgres::open_with_url().await;
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
    let input = snapshot.expect("events").records[0].input.clone();
    let pack = export_request_pack(&*fresh.store, &request, &Profile::internal()).await;
    let json = pack.expect("it is exported").to_json_pretty();
    let verdict = verify_request_pack(json.as_bytes());
    if verdict.is_ok() {
        verified_packs(&*fresh.store, &request).await;
    }
    (input, verdict.map(drop).map_err(|error| error.to_string()))
}

#[tokio::test]
async fn another_spelling_of_the_same_value_is_the_same_value() {
    for (sealed_as, stored_as) in [
        ("[1, 0, 1.1, 100000, 1, 1e-7]", "[1.0, -0.0, 1.10, 1E5, 0.1e1, 0.0000001]"),
        (r#"{"a": 1, "b": 2}"#, r#" { "b" : 2.00 , "a" : 7 , "a" : 1 } "#),
        (r#"{"$serde_json::private::Number": "1"}"#, r#"{"$serde_json::private::Number": "1"}"#),
        ("null", "null"),
    ] {
        let (input, verdict) = changed(sealed_as, stored_as).await;
        assert_eq!(input.unwrap_or_default(), parse(sealed_as).unwrap(), "{stored_as}");
        assert_eq!(verdict, Ok(()), "{stored_as}");
    }
}

#[tokio::test]
async fn a_time_beyond_the_calendar_is_read_and_refused() {
    for time in ["infinity", "-infinity", "0044-03-15 BC", "10000-01-01", "290000-01-01"] {
        let (fresh, url) = crate::postgres::open_with_url().await;
        let request = fresh_request();
        let batch = [sealed(event(&request)), sealed(event(&request))];
        fresh.store.append(&batch).await.expect("it lands");
        let mut shell = PgConnection::connect(&url).await.expect("connects");
        let sql =
            format!("update moltbot_audit.audit_events set created_at = '{time}' where seq = 1");
        shell.execute(AssertSqlSafe(sql)).await.expect("timestamptz takes it");
        let pack = export_request_pack(&*fresh.store, &request, &Profile::internal()).await;
        let json = pack.expect("it is exported").to_json_pretty();
        let error = verify_request_pack(json.as_bytes()).expect_err(time);
        assert!(!error.is_unusable(), "{time}: {error}");
    }
}

#[tokio::test]
async fn what_was_never_sealed_is_read_and_refused() {
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
        let (_, verdict) = changed(sealed_as, stored_as).await;
        assert!(verdict.is_err(), "{sealed_as} is taken for {stored_as}");
    }
}
