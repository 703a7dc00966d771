//! More than one process, and processes that meet a fault. A test starts this binary again, with one
//! test selected and an environment variable that tells it which part to play; without the variable
//! that test plays its part alone.

use std::process::{Child, Command};
use std::time::Duration;

use moltbot_audit::store::{AuditSink, AuditStore, SqliteStore, StoreError};
use moltbot_audit::{RequestId, StreamId};
use sqlx::Connection;

use super::Trail;
use crate::support::records::{assert_unbroken, numbered_records};

const PART: &str = "MOLTBOT_AUDIT_SQLITE_PART";
const BATCHES: u64 = 40;

fn shared() -> RequestId {
    RequestId::from_host("shared")
}

/// Starts this binary again with one test and its part: the file's URL and a number.
fn play(test: &str, url: &str, number: u64, shell_prefix: &str) -> Child {
    let binary = std::env::current_exe().expect("a path");
    Command::new("sh")
        .arg("-c")
        .arg(format!("{shell_prefix} exec \"$0\" --exact sqlite::processes::{test}"))
        .arg(binary)
        .env(PART, format!("{number} {url}"))
        .spawn()
        .expect("starts")
}

/// The part this process was started to play.
fn part() -> Option<(u64, String)> {
    let part = std::env::var(PART).ok()?;
    let (number, url) = part.split_once(' ').expect("a number and a URL");
    Some((number.parse().expect("a number"), url.to_owned()))
}

#[tokio::test]
async fn one_process_appends_many_small_batches() {
    let own = if part().is_none() { Some(Trail::new().await) } else { None };
    let (number, url) = part().unwrap_or_else(|| (1, own.as_ref().expect("a trail").url.clone()));
    let store = SqliteStore::open(&url).await.unwrap();
    store.migrate().await.unwrap();
    for batch in 0..BATCHES {
        let from = number * 100_000 + batch * 10;
        let results = store.append(&numbered_records(&shared(), from..from + 3)).await.unwrap();
        assert!(results.iter().all(Result::is_ok));
    }
    if let Some(own) = own {
        assert_unbroken(&own.read(&shared()).await);
    }
}

#[tokio::test]
async fn processes_that_append_to_one_file_keep_one_unbroken_chain() {
    // Nobody has created the file: opening and migrating is part of the race.
    let folder = tempfile::TempDir::new().unwrap();
    let url = format!("sqlite://{}/audit.sqlite", folder.path().display());
    let test = "one_process_appends_many_small_batches";
    let children: Vec<Child> = (1..=3).map(|number| play(test, &url, number, "")).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let store = SqliteStore::open(&url).await.unwrap();
    let trail = Trail { store, url, _folder: folder };
    let snapshot = trail.read(&shared()).await;
    assert_unbroken(&snapshot);
    assert_eq!(snapshot.records.len(), 3 * 3 * usize::try_from(BATCHES).unwrap());
    // They did run at the same time: the first process's rows are not one block.
    let writers: Vec<i64> = snapshot
        .records
        .iter()
        .map(|record| record.input.as_ref().unwrap()["n"].as_i64().unwrap() / 100_000)
        .collect();
    let changes = writers.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(changes > 2, "the processes ran one after the other");
}

#[tokio::test]
async fn a_writer_waits_for_another_process_that_holds_the_lock() {
    let trail = Trail::new().await;
    let mut shell = trail.shell().await;
    let held = shell.begin_with("begin immediate").await.unwrap();
    let (store, request) = (trail.store.clone(), shared());
    let append = tokio::spawn(async move { store.append(&numbered_records(&request, [1])).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!append.is_finished());
    // Readers do not wait.
    let nobody = RequestId::from_host("nobody");
    let stream = StreamId::from(&nobody);
    assert!(trail.store.read_stream(stream).await.unwrap().is_none());
    held.rollback().await.unwrap();
    append.await.unwrap().unwrap().remove(0).unwrap();
}

/// Its part: the process may write no file beyond its limit. Alone: there is no limit.
#[tokio::test]
async fn one_process_appends_until_the_disk_is_full() {
    let Some((_, url)) = part() else { return };
    let store = SqliteStore::open(&url).await.unwrap();
    for batch in 0..1_000 {
        let from = batch * 10;
        if let Err(error) = store.append(&numbered_records(&shared(), from..from + 10)).await {
            assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
            assert!(batch > 0, "nothing landed before the disk was full");
            return;
        }
    }
    panic!("the limit was never met");
}

#[tokio::test]
async fn a_full_disk_is_unavailable_and_leaves_a_sound_trail() {
    let trail = Trail::new().await;
    let limit = "trap '' XFSZ; ulimit -f 600;";
    let mut child = play("one_process_appends_until_the_disk_is_full", &trail.url, 0, limit);
    assert!(child.wait().unwrap().success());

    let snapshot = trail.read(&shared()).await;
    assert_unbroken(&snapshot);
    let landed = u64::try_from(snapshot.records.len()).unwrap();
    assert_eq!(landed % 10, 0, "half a batch landed");
    // With room again, the same records land, or are met where they had.
    trail.store.append(&numbered_records(&shared(), 0..1_000)).await.unwrap();
    let snapshot = trail.read(&shared()).await;
    assert_unbroken(&snapshot);
    assert!(snapshot.records.len() >= 1_000);
}
