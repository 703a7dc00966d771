//! A disk that is full: a small file system in memory.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use moltbot_audit::delivery::{Spool, SpoolError};
use moltbot_audit::{Auditor, RequestId};
use tempfile::TempDir;

use super::{drain, numbers, numbers_of, waiting};
use crate::support::records::{KEY, fresh_request, numbered_records};
use crate::support::stores;
use crate::support::wait::until;

/// A file system of a few MiB, until it is dropped.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=6m", "tmpfs"])
            .arg(folder.path())
            .status();
        assert!(
            mounted.is_ok_and(|status| status.success()),
            "this test mounts a tmpfs: run it as root, where mounting is permitted"
        );
        Self(folder)
    }

    fn remount(&self, as_what: &str) {
        let option = format!("remount,{as_what}");
        let status = Command::new("mount").args(["-o", &option]).arg(self.path()).status();
        assert!(status.is_ok_and(|status| status.success()), "{option}");
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn spool(&self) -> PathBuf {
        self.path().join("spool")
    }

    /// Fills what is left.
    fn fill(&self) -> PathBuf {
        let path = self.path().join("other");
        let mut file = std::fs::File::create(&path).expect("a file");
        while std::io::Write::write_all(&mut file, &[1; 4096]).is_ok() {}
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily, because a file may still be closing.
        let _status = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

/// Pushes until the disk is full; the first number that was not acknowledged.
async fn push_until_full(spool: &Spool, request: &RequestId, mut next: u64) -> u64 {
    loop {
        match spool.push(numbered_records(request, next..next + 50)).await {
            Ok(kept) => next += kept as u64,
            Err(SpoolError::Io { source, .. }) if source.kind() == ErrorKind::StorageFull => {
                return next;
            }
            Err(other) => panic!("{other:?}"),
        }
    }
}

fn assert_all_there(found: &[u64], acknowledged: u64) {
    assert!(found.is_sorted_by(|a, b| a < b), "out of order");
    assert!((0..acknowledged).all(|number| found.binary_search(&number).is_ok()));
}

#[tokio::test]
async fn a_full_disk_is_a_typed_error_and_loses_nothing_and_with_room_it_goes_on() {
    let disk = SmallDisk::new();
    let request = fresh_request();
    let spool = Spool::open(disk.spool()).await.unwrap();
    spool.push(numbered_records(&request, 0..50)).await.unwrap();
    let other = disk.fill();
    let acknowledged = push_until_full(&spool, &request, 50).await;
    assert_all_there(&numbers_of(&waiting(&spool).await), acknowledged);

    std::fs::remove_file(other).unwrap();
    spool.push(numbered_records(&request, 10_000..10_050)).await.unwrap();
    drop(spool);
    let spool = Spool::open(disk.spool()).await.unwrap();
    let found = numbers_of(&waiting(&spool).await);
    assert_all_there(&found, acknowledged);
    assert!(found.ends_with(&(10_000..10_050).collect::<Vec<_>>()));
    assert_eq!(spool.recovery().damaged_files, 0);
}

#[tokio::test]
async fn a_spool_that_filled_the_disk_can_be_drained_and_filled_again() {
    let disk = SmallDisk::new();
    let request = fresh_request();
    let spool = Spool::open(disk.spool()).await.unwrap();
    for _ in 0..2 {
        let acknowledged = push_until_full(&spool, &request, 0).await;
        assert!(acknowledged > 500, "the disk was full after {acknowledged}");
        assert_all_there(&numbers(&drain(&spool).await.unwrap()), acknowledged);
        assert_eq!(spool.depth().events, 0);
    }
}

#[tokio::test]
async fn a_disk_that_stays_full_gathers_no_files_and_takes_pushes_once_there_is_room() {
    let disk = SmallDisk::new();
    let request = fresh_request();
    let spool = Spool::open(disk.spool()).await.unwrap();
    let acknowledged = push_until_full(&spool, &request, 0).await;
    let other = disk.fill();
    let count = || std::fs::read_dir(disk.spool()).unwrap().count();
    let before = count();
    for _ in 0..20 {
        assert_eq!(push_until_full(&spool, &request, acknowledged).await, acknowledged);
    }
    assert_eq!(count(), before);
    std::fs::remove_file(other).unwrap();
    assert_all_there(&numbers(&drain(&spool).await.unwrap()), acknowledged);
    spool.push(numbered_records(&request, 0..50)).await.unwrap();
    assert_eq!((spool.depth().events, count()), (50, 1));
}

#[tokio::test]
async fn a_process_that_starts_on_a_full_disk_drains_what_is_there() {
    let disk = SmallDisk::new();
    let request = fresh_request();
    let spool = Spool::open(disk.spool()).await.unwrap();
    let acknowledged = push_until_full(&spool, &request, 0).await;
    drop(spool);
    disk.fill();
    let spool = Spool::open(disk.spool()).await.unwrap();
    assert_all_there(&numbers(&drain(&spool).await.unwrap()), acknowledged);
    spool.push(numbered_records(&request, 0..50)).await.unwrap();
}

#[tokio::test]
async fn an_event_that_cannot_be_set_aside_on_a_full_disk_holds_up_nothing() {
    let disk = SmallDisk::new();
    let request = fresh_request();
    let spool = Spool::open(disk.spool()).await.unwrap();
    spool.push(numbered_records(&request, 0..50)).await.unwrap();
    let other = disk.fill();
    let acknowledged = push_until_full(&spool, &request, 50).await;
    let before = spool.depth().events;
    assert!(before >= acknowledged);
    let sink = stores::sink();
    // So many are refused that the free pages of the file cannot hold them.
    sink.refuse(|record| record.input().is_some_and(|input| input["n"].as_u64() < Some(40)));
    let auditor = Auditor::builder(sink.clone(), KEY).spool(spool.clone()).build();
    until("what was acknowledged is stored", || {
        sink.inner().len() >= usize::try_from(acknowledged - 40).unwrap()
    })
    .await;
    until("all is stored or set aside", || spool.depth().events + spool.set_aside_count() <= 40)
        .await;
    std::fs::remove_file(other).unwrap();
    until("all is stored or set aside", || {
        spool.depth().events == 0 && spool.set_aside_count() == 40
    })
    .await;
    drop(auditor);
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_an_error_at_opening() {
    let disk = SmallDisk::new();
    std::fs::write(disk.path().join("file"), b"").unwrap();
    let error = Spool::open(disk.path().join("file").join("spool")).await.unwrap_err();
    assert!(
        matches!(&error, SpoolError::Io { .. }) && error.to_string().contains("folder"),
        "{error}"
    );

    let spool = Spool::open(disk.spool()).await.unwrap();
    spool.push(numbered_records(&fresh_request(), 0..5)).await.unwrap();
    drop(spool);
    disk.remount("ro");
    assert!(matches!(Spool::open(disk.spool()).await, Err(SpoolError::Io { .. })));
    disk.remount("rw");
    let spool = Spool::open(disk.spool()).await.unwrap();
    assert_eq!(numbers(&drain(&spool).await.unwrap()), (0..5).collect::<Vec<_>>());
}
