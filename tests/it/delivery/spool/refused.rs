//! What was set aside: it survives moves and damage, takes nobody's place, and can be put back.

use std::ops::Range;

use moltbot_audit::delivery::{Spool, SpoolError};
use moltbot_audit::record::Record;

use super::{Folder, drain, numbers, numbers_of, waiting};
use crate::support::records::{fresh_request, numbered_records, stream};

/// Sets everything aside that waits.
async fn refuse_all(spool: &Spool) {
    let places = waiting(spool).await.into_iter().map(|spooled| spooled.place);
    spool.set_aside(places.map(|place| (place, "refused"))).await.expect("it is set aside");
}

async fn aside(spool: &Spool) -> Vec<(u64, Option<Record>)> {
    let aside = spool.set_aside_records(0, usize::MAX).await.expect("a readable spool");
    aside.into_iter().map(|one| (one.place, one.record)).collect()
}

/// Two files that nobody has any more. In the first `waiting` records wait; the second has `refused`
/// ones set aside, behind `gone` that were brought to the database.
async fn left_files(waiting: Range<u64>, gone: u64, refused: Range<u64>) -> Folder {
    let folder = Folder::new();
    let (first, second) = (folder.open().await, folder.open().await);
    first.push(numbered_records(&fresh_request(), waiting)).await.expect("a working spool");
    second
        .push(numbered_records(&fresh_request(), 1000..1000 + gone))
        .await
        .expect("a working spool");
    drain(&second).await.expect("a working spool");
    second.push(numbered_records(&fresh_request(), refused)).await.expect("a working spool");
    refuse_all(&second).await;
    drop((first, second));
    folder
}

#[tokio::test]
async fn what_a_dead_process_had_set_aside_is_set_aside_here() {
    let folder = left_files(0..10, 50, 10..15).await;
    let spool = folder.open().await;
    assert_eq!((spool.depth().events, spool.set_aside_count()), (10, 5));
    let left = aside(&spool).await.into_iter().map(|(_, record)| record.expect("a record"));
    assert_eq!(numbers(&left.collect::<Vec<_>>()), (10..15).collect::<Vec<_>>());
    spool.close().await.unwrap();
    assert_eq!(folder.open().await.set_aside_count(), 5);
}

#[tokio::test]
async fn what_is_put_back_waits_behind_the_others_and_survives() {
    let folder = Folder::new();
    let request = fresh_request();
    let spool = folder.open().await;
    spool.push(numbered_records(&request, 0..4)).await.unwrap();
    refuse_all(&spool).await;
    assert!(!spool.holds(stream(&request)));
    spool.push(numbered_records(&fresh_request(), 4..6)).await.unwrap();

    let places: Vec<u64> = aside(&spool).await.into_iter().map(|(place, _)| place).collect();
    let chosen = [places[2], places[0], places[2], 1 << 40];
    assert_eq!(spool.put_back(chosen).await.unwrap(), 2);
    assert_eq!(spool.put_back(chosen).await.unwrap(), 0);
    assert!(spool.holds(stream(&request)));
    assert_eq!(numbers_of(&waiting(&spool).await), [4, 5, 0, 2]);
    assert_eq!((spool.depth().events, spool.set_aside_count()), (4, 2));
    let depth = spool.depth();
    // Without a word, as after a kill.
    drop(spool);

    let spool = folder.open().await;
    assert_eq!((spool.depth(), spool.set_aside_count()), (depth, 2));
    assert_eq!(numbers(&drain(&spool).await.unwrap()), [4, 5, 0, 2]);
    let left = aside(&spool).await.into_iter().map(|(_, record)| record.expect("a record"));
    assert_eq!(numbers(&left.collect::<Vec<_>>()), [1, 3]);
}

#[tokio::test]
async fn what_has_no_room_stays_set_aside() {
    let folder = Folder::new();
    let spool = Spool::options(folder.path()).max_events(3).open().await.unwrap();
    spool.push(numbered_records(&fresh_request(), 0..2)).await.unwrap();
    refuse_all(&spool).await;
    spool.push(numbered_records(&fresh_request(), 2..4)).await.unwrap();
    let error = spool.put_back([0, 1]).await.unwrap_err();
    assert!(matches!(error, SpoolError::Full { events: 2, max_events: 3, .. }), "{error:?}");
    assert_eq!((spool.depth().events, spool.set_aside_count()), (2, 2));
    assert_eq!(spool.put_back([0]).await.unwrap(), 1);
    assert_eq!(numbers_of(&waiting(&spool).await), [2, 3, 0]);
}
