//! More than one process, and processes that are killed: a test starts itself again, with a part to play.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};

use moltbot_audit::RequestId;
use moltbot_audit::delivery::{Spool, SpoolError};

use super::{Folder, drain, files_with, numbers, numbers_of, waiting};
use crate::support::process::{again, numbered_part, this_test};
use crate::support::records::{fresh_request, named_request, numbered_records, stream};

const KILLS: u64 = 5;

fn shared() -> RequestId {
    named_request("shared")
}

/// Starts this binary again with one test and its part: a folder and the first number.
fn play(test: &str, folder: &Folder, first: u64) -> Child {
    again(test, &format!("{first} {}", folder.path().display()))
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts")
}

/// Tells the parent what is acknowledged. Not by `println!`, which a pipe nobody reads would panic.
fn acknowledge(number: u64) -> bool {
    writeln!(std::io::stdout(), "\nacknowledged {number}").is_ok()
}

/// A process's part: pushes until it is killed.
async fn push_until_killed(mut next: u64, folder: String) {
    let spool = Spool::open(folder).await.expect("a sound file");
    loop {
        let batch = 1 + next % 40;
        spool.push(numbered_records(&shared(), next..next + batch)).await.expect("a sound file");
        next += batch;
        if !acknowledge(next - 1) {
            return;
        }
    }
}

/// A process's part: pushes ten records, and dies without a word.
async fn push_ten_and_abort(first: u64, folder: String) {
    let spool = Spool::open(folder).await.expect("a sound file");
    spool.push(numbered_records(&shared(), first..first + 10)).await.expect("a sound file");
    std::process::abort();
}

#[tokio::test]
async fn a_killed_process_loses_nothing_that_was_acknowledged() {
    if let Some((first, folder)) = numbered_part() {
        return push_until_killed(first, folder).await;
    }
    let folder = Folder::new();
    let mut first = 0;
    for kill in 0..KILLS {
        let mut child = play(this_test!(), &folder, first);
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let told = lines.map_while(Result::ok).filter_map(|line| {
            line.strip_prefix("acknowledged ")
                .map(|number| number.parse::<u64>().expect("a number"))
        });
        let mut acknowledged = None;
        for (nth, number) in (0..).zip(told) {
            acknowledged = Some(number);
            if nth == 3 + kill * 5 {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        let acknowledged = acknowledged.expect("something was acknowledged");

        let spool = folder.open().await;
        let found = numbers_of(&waiting(&spool).await);
        assert!(found.is_sorted_by(|a, b| a < b), "out of order: {found:?}");
        assert!((0..=acknowledged).all(|number| found.binary_search(&number).is_ok()));
        assert_eq!(spool.recovery().damaged_files, 0);
        assert!(spool.holds(stream(&shared())));
        first = found.last().expect("records") + 1;
        spool.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_second_process_has_a_file_of_its_own_which_is_adopted_when_it_dies() {
    if let Some((first, folder)) = numbered_part() {
        return push_ten_and_abort(first, folder).await;
    }
    let folder = Folder::new();
    let spool = folder.open().await;
    spool.push(numbered_records(&shared(), 0..10)).await.unwrap();
    assert!(!play(this_test!(), &folder, 10).wait().unwrap().success());
    assert_eq!(numbers_of(&waiting(&spool).await), (0..10).collect::<Vec<_>>());
    assert!(folder.file(1).exists());

    assert_eq!(spool.adopt().await.unwrap(), 10);
    assert_eq!(numbers_of(&waiting(&spool).await), (0..20).collect::<Vec<_>>());
    assert_eq!(spool.adopt().await.unwrap(), 0);
    spool.push(numbered_records(&shared(), 20..22)).await.unwrap();
    drop(spool);

    let spool = folder.open().await;
    assert_eq!(numbers(&drain(&spool).await.unwrap()), (0..22).collect::<Vec<_>>());
    spool.close().await.unwrap();
    assert_eq!(files_with(&folder.path(), "spool"), 0, "what is empty is deleted");
}

/// As some cleaners of temporary folders do.
#[tokio::test]
async fn files_that_somebody_deletes_while_they_are_in_use_are_written_again() {
    let folder = Folder::new();
    let spool = folder.open().await;
    spool.push(numbered_records(&shared(), 0..5)).await.unwrap();
    spool.set_aside([(waiting(&spool).await[4].place, "refused")]).await.unwrap();
    std::fs::remove_dir_all(folder.path()).unwrap();
    // Meanwhile another process begins, and counts its files from the start.
    let other = folder.open().await;
    other.push(numbered_records(&fresh_request(), 50..55)).await.unwrap();

    spool.push(numbered_records(&shared(), 5..8)).await.unwrap();
    spool.set_aside([(waiting(&spool).await[6].place, "refused")]).await.unwrap();
    spool.remove([waiting(&spool).await[0].place]).await.unwrap();
    assert_eq!(numbers_of(&waiting(&spool).await), [1, 2, 3, 5, 6]);
    assert_eq!(numbers_of(&waiting(&other).await), (50..55).collect::<Vec<_>>());
    drop((spool, other));

    let spool = folder.open().await;
    let mut found = numbers_of(&waiting(&spool).await);
    found.sort_unstable();
    // What was removed may come back: the database knows it.
    found.retain(|number| *number != 0 && *number != 7);
    assert_eq!(found, [1, 2, 3, 5, 6, 50, 51, 52, 53, 54]);
    assert_eq!(spool.set_aside_count(), 2);
}

#[tokio::test]
async fn a_file_in_use_is_not_adopted_and_one_that_was_left_is_at_opening() {
    let folder = Folder::new();
    let (first, second) = (folder.open().await, folder.open().await);
    first.push(numbered_records(&shared(), 0..3)).await.unwrap();
    second.push(numbered_records(&shared(), 3..6)).await.unwrap();
    let refused = waiting(&second).await[0].place;
    second.set_aside([(refused, "refused")]).await.unwrap();
    assert_eq!(first.adopt().await.unwrap(), 0);
    drop((first, second));

    let spool = folder.open().await;
    assert_eq!(numbers_of(&waiting(&spool).await), [0, 1, 2, 4, 5]);
    assert_eq!(spool.set_aside_records(0, 9).await.unwrap()[0].reason, "refused");
}

#[tokio::test]
async fn a_left_file_that_cannot_be_opened_keeps_back_no_other() {
    let folder = Folder::new();
    let spools = [folder.open().await, folder.open().await, folder.open().await];
    for (n, spool) in (0..).zip(&spools) {
        spool.push(numbered_records(&shared(), [n])).await.unwrap();
    }
    let [spool, second, third] = spools;
    drop((second, third));
    let elsewhere = folder.path().join("elsewhere");
    std::fs::rename(folder.file(1), &elsewhere).unwrap();
    std::fs::create_dir(folder.file(1)).unwrap();
    let error = spool.adopt().await.unwrap_err();
    assert!(matches!(error, SpoolError::Io { .. }), "{error:?}");
    assert_eq!(numbers_of(&waiting(&spool).await), [0, 2]);

    std::fs::remove_dir(folder.file(1)).unwrap();
    std::fs::rename(&elsewhere, folder.file(1)).unwrap();
    assert_eq!(spool.adopt().await.unwrap(), 1);
    assert_eq!(numbers_of(&waiting(&spool).await), [0, 2, 1]);
}

#[tokio::test]
async fn what_has_no_room_stays_in_the_left_file() {
    let folder = Folder::new();
    let (first, second) = (folder.open().await, folder.open().await);
    first.push(numbered_records(&shared(), 0..6)).await.unwrap();
    second.push(numbered_records(&shared(), 6..12)).await.unwrap();
    drop((first, second));

    let spool = Spool::options(folder.path()).max_events(7).open().await.unwrap();
    assert_eq!(spool.depth().events, 6);
    assert!(folder.file(1).exists());
    drop(spool);
    assert_eq!(folder.open().await.depth().events, 12);
}

#[tokio::test]
async fn spools_that_open_at_once_have_different_files() {
    let folder = Folder::new();
    let opening: Vec<_> = (0..4).map(|_| tokio::spawn(Spool::open(folder.path()))).collect();
    let mut spools = Vec::new();
    for (n, opening) in (0..).zip(opening) {
        let spool = opening.await.unwrap().unwrap();
        spool.push(numbered_records(&shared(), [n])).await.unwrap();
        spools.push(spool);
    }
    let mut found = Vec::new();
    for spool in &spools {
        found.extend(numbers_of(&waiting(spool).await));
    }
    found.sort_unstable();
    assert_eq!(found, [0, 1, 2, 3]);
}

/// As a process has it that was just started from the one that is dead, until it runs its own program.
#[tokio::test]
async fn a_file_whose_lock_is_held_for_a_moment_is_adopted() {
    // A busy machine may let go too late for one try; not for twenty.
    for _ in 0..20 {
        let folder = Folder::new();
        let left = folder.open().await;
        left.push(numbered_records(&shared(), 0..3)).await.unwrap();
        drop(left);
        let held = std::fs::File::options().write(true).open(folder.file(0)).unwrap();
        held.lock().unwrap();
        let opening = tokio::spawn(Spool::open(folder.path()));
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        held.unlock().unwrap();
        let spool = opening.await.unwrap().unwrap();
        if numbers_of(&waiting(&spool).await) == [0, 1, 2] {
            return;
        }
        assert_eq!(spool.adopt().await.unwrap(), 3, "what was held is there for the next call");
    }
    panic!("a lock that is held for 50 ms is never waited for");
}

#[tokio::test]
async fn one_of_many_files_that_is_deleted_while_in_use_is_written_again() {
    let folder = Folder::new();
    // Taken over files stay apart.
    for n in 0..5 {
        let spools = (folder.open().await, folder.open().await);
        spools.1.push(numbered_records(&shared(), [n])).await.unwrap();
        drop(spools);
    }
    let spool = folder.open().await;
    let before = numbers_of(&waiting(&spool).await);
    let files: Vec<_> = (0..20).map(|n| folder.file(n)).filter(|file| file.exists()).collect();
    assert!(files.len() > 1, "{files:?}");
    std::fs::remove_file(&files[0]).unwrap();
    for n in 10..20 {
        spool.push(numbered_records(&shared(), [n])).await.unwrap();
    }
    drop(spool);
    let spool = folder.open().await;
    let expected: Vec<_> = before.into_iter().chain(10..20).collect();
    assert_eq!(numbers_of(&waiting(&spool).await), expected, "in their order");
}

/// A file that another process left may have a lower number than the one in use. What is pushed after it was taken over
/// comes after what was pushed before, also when the files are read again.
#[tokio::test]
async fn the_order_outlives_a_file_that_was_taken_over_and_a_crash() {
    for is_empty in [true, false] {
        let folder = Folder::new();
        let (dying, spool) = (folder.open().await, folder.open().await);
        // Each has a file of its own, the lower number first.
        dying.push(numbered_records(&shared(), [0])).await.unwrap();
        if is_empty {
            drain(&dying).await.unwrap();
        }
        spool.push(numbered_records(&shared(), [1])).await.unwrap();
        drop(dying);
        spool.adopt().await.unwrap();
        spool.push(numbered_records(&shared(), [2])).await.unwrap();
        drop(spool);
        let found = numbers_of(&waiting(&folder.open().await).await);
        let of_one_process: Vec<_> = found.into_iter().filter(|number| *number > 0).collect();
        assert_eq!(of_one_process, [1, 2], "empty: {is_empty}");
    }
}
