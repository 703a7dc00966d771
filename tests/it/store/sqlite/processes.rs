//! More than one process, and processes that meet a fault: a test starts itself again, with a part to play.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use moltbot_audit::store::{AuditSink, AuditStore, SqliteStore, StoreError};
use moltbot_audit::{RequestId, StreamId};
use sqlx::Connection;

use super::Trail;
use crate::support::process::{again, numbered_part, this_test};
use crate::support::records::{assert_unbroken, named_request, numbered_records};

const BATCHES: u64 = 40;
const PROCESSES: u64 = 3;

fn shared() -> RequestId {
    named_request("shared")
}

/// One process's part: appends many small batches.
async fn append_small_batches(number: u64, url: &str) {
    let store = SqliteStore::open(url).await.expect("a sound file");
    store.migrate().await.expect("a sound file");
    // However late the others start: they write at the same time.
    let folder = Path::new(url.trim_start_matches("sqlite://")).parent().expect("a folder");
    std::fs::write(folder.join(format!("{number}.ready")), "").expect("our own folder");
    while !(1..=PROCESSES).all(|number| folder.join(format!("{number}.ready")).exists()) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for batch in 0..BATCHES {
        let from = number * 100_000 + batch * 10;
        let results =
            store.append(&numbered_records(&shared(), from..from + 3)).await.expect("a sound file");
        assert!(results.iter().all(Result::is_ok));
        // Gives way, so that one core is enough for all of them.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn processes_that_append_to_one_file_keep_one_unbroken_chain() {
    if let Some((number, url)) = numbered_part() {
        return append_small_batches(number, &url).await;
    }
    // Nobody has created the file: opening and migrating is part of the race.
    let folder = tempfile::TempDir::new().unwrap();
    let url = format!("sqlite://{}/audit.sqlite", folder.path().display());
    let start = |number| {
        let mut child = again(this_test!(), &format!("{number} {url}"));
        child.stdout(Stdio::null()).spawn().expect("it starts")
    };
    let children: Vec<Child> = (1..=PROCESSES).map(start).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let store = SqliteStore::open(&url).await.unwrap();
    let trail = Trail { store, url, _folder: folder };
    let snapshot = trail.read(&shared()).await;
    assert_unbroken(&snapshot);
    assert_eq!(snapshot.records.len(), usize::try_from(PROCESSES * 3 * BATCHES).unwrap());
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
    let nobody = named_request("nobody");
    let stream = StreamId::from(&nobody);
    assert!(trail.store.read_stream(stream).await.unwrap().is_none());
    held.rollback().await.unwrap();
    append.await.unwrap().unwrap().remove(0).unwrap();
}

/// A process's part: appends until the disk is full.
async fn append_until_full(url: &str) {
    let store = SqliteStore::open(url).await.expect("a sound file");
    for batch in 0..1_000 {
        let from = batch * 10;
        if let Err(error) = store.append(&numbered_records(&shared(), from..from + 10)).await {
            assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
            return;
        }
    }
    panic!("the limit was never met");
}

#[tokio::test]
async fn a_full_disk_is_unavailable_and_leaves_a_sound_trail() {
    if let Some((_, url)) = numbered_part() {
        return append_until_full(&url).await;
    }
    let trail = Trail::new().await;
    // Its files may not grow beyond a limit, and it is told so instead of being killed.
    let child = again(this_test!(), &format!("0 {}", trail.url));
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 600; exec \"$0\" \"$@\""]);
    limited.arg(child.get_program()).args(child.get_args());
    limited.envs(child.get_envs().filter_map(|(name, value)| Some((name, value?))));
    assert!(limited.stdout(Stdio::null()).status().unwrap().success());

    let snapshot = trail.read(&shared()).await;
    assert_unbroken(&snapshot);
    let landed = u64::try_from(snapshot.records.len()).unwrap();
    assert!(landed > 0 && landed % 10 == 0, "{landed} landed, in batches of ten");
    // With room again, the same records land, or are met where they had.
    trail.store.append(&numbered_records(&shared(), 0..1_000)).await.unwrap();
    let snapshot = trail.read(&shared()).await;
    assert_unbroken(&snapshot);
    assert!(snapshot.records.len() >= 1_000);
}
