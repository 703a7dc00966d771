//! What a load of requests leaves behind: every line, and every series.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};

use moltbot_audit::testing::assert_no_personal_data;
use sqlx::Connection as _;

use super::lines::Parsed;
use crate::cli::program;

/// How many requests are played; `scripts/proofs` plays a day of them.
const REQUESTS: &str = "MOLTBOT_AUDIT_REQUESTS";

/// Plays requests in an SQLite file; gives what was logged, and how many events were recorded.
async fn played() -> (String, i64) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (log, database) = (folder.path().join("log"), folder.path().join("audit.sqlite"));
    let requests = std::env::var(REQUESTS).unwrap_or_else(|_| "32".to_owned());
    let mut concierge = Command::new(program("concierge"));
    concierge
        .args(["--load", &requests, "--database"])
        .arg(format!("sqlite://{}", database.display()));
    concierge.arg("--log").arg(&log).stdout(Stdio::null()).stderr(Stdio::null());
    let ended = tokio::task::spawn_blocking(move || concierge.status()).await.expect("it ends");
    assert!(ended.expect("it starts").success());
    let url = format!("sqlite://{}", database.display());
    let mut connection = sqlx::SqliteConnection::connect(&url).await.expect("a database");
    let events = sqlx::query_scalar("select count(*) from audit_events").fetch_one(&mut connection);
    let events = events.await.expect("a count");
    (fs::read_to_string(log).expect("valid UTF-8"), events)
}

#[tokio::test]
async fn every_line_of_a_load_is_whole_and_tells_nothing_personal() {
    let (log, events) = played().await;
    let mut recorded = BTreeSet::new();
    for line in log.split_inclusive('\n') {
        // Panics where it is no JSON, has a name twice, or lacks a field that every line has.
        let parsed = Parsed::new(line);
        assert_no_personal_data(line);
        if parsed.text("target") == "moltbot_audit::record" {
            recorded.insert(parsed.text("event_id"));
            assert!(!parsed.is_null("event_type") && !parsed.is_null("actor"), "{line}");
        }
    }
    eprintln!("{} lines of {events} events", log.lines().count());
    assert_eq!(
        recorded.len(),
        usize::try_from(events).expect("a count"),
        "each event writes its line"
    );
}
