//! Order, limits, durability across openings, and what is set aside.

use std::collections::HashSet;
use std::time::Duration;

use moltbot_audit::delivery::{Spool, SpoolError};
use serde_json::json;

use super::{Folder, drain, numbers, numbers_of, waiting};
use crate::support::records::{
    event, fresh_request, morning, numbered_records, records, sealed, stream,
};

#[tokio::test]
async fn records_come_back_in_the_order_of_their_pushes_also_after_reopening() {
    let folder = Folder::new();
    let request = fresh_request();
    let spool = folder.open().await;
    for first in [0, 10, 20] {
        spool.push(numbered_records(&request, first..first + 10)).await.unwrap();
    }
    assert_eq!(numbers_of(&waiting(&spool).await), (0..30).collect::<Vec<_>>());
    drop(spool);

    let spool = folder.open().await;
    spool.push(numbered_records(&request, 30..40)).await.unwrap();
    assert_eq!(numbers(&drain(&spool).await.unwrap()), (0..40).collect::<Vec<_>>());
    spool.close().await.unwrap();
    assert_eq!(folder.open().await.depth().events, 0);
}

#[tokio::test]
async fn pushes_that_wait_for_each_other_keep_the_order_in_which_they_were_made() {
    let folder = Folder::new();
    let request = fresh_request();
    let spool = folder.open().await;
    let (first, second, third) = tokio::join!(
        biased;
        spool.push(numbered_records(&request, 0..5)),
        spool.push(numbered_records(&request, 5..10)),
        spool.push(numbered_records(&request, 10..15)),
    );
    first.and(second).and(third).unwrap();
    assert_eq!(numbers_of(&waiting(&spool).await), (0..15).collect::<Vec<_>>());
}

#[test]
fn a_push_whose_future_is_dropped_is_written_whole() {
    // One thread for all work on files, and it is busy: the push cannot end before its future is dropped.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    runtime.block_on(async {
        let folder = Folder::new();
        let spool = folder.open().await;
        let records = records(&fresh_request(), 50);
        let (release, released) = std::sync::mpsc::channel::<()>();
        let busy = tokio::task::spawn_blocking(move || released.recv());
        let mut push = Box::pin(spool.push(records));
        // Polled once, its turn has come: nobody else has the lock.
        let first =
            std::future::poll_fn(|context| std::task::Poll::Ready(push.as_mut().poll(context)));
        assert!(first.await.is_pending());
        drop(push);
        release.send(()).unwrap();
        busy.await.unwrap().unwrap();
        assert_eq!(waiting(&spool).await.len(), 50);
    });
}

#[tokio::test]
async fn the_front_is_limited_by_events_and_bytes_and_never_empty() {
    let folder = Folder::new();
    let request = fresh_request();
    let spool = folder.open().await;
    assert!(spool.front(10, 1 << 20).await.unwrap().is_empty());
    spool.push(numbered_records(&request, 0..9)).await.unwrap();
    let each = usize::try_from(spool.depth().bytes).unwrap() / 9;
    assert_eq!(numbers_of(&spool.front(4, usize::MAX).await.unwrap()), [0, 1, 2, 3]);
    assert_eq!(spool.front(usize::MAX, each * 3 + each / 2).await.unwrap().len(), 3);
    for (events, bytes) in [(1, 1), (0, 0), (5, 1)] {
        assert_eq!(numbers_of(&spool.front(events, bytes).await.unwrap()), [0]);
    }
}

#[tokio::test]
async fn a_push_takes_what_there_is_room_for_and_is_refused_if_that_is_nothing() {
    let folder = Folder::new();
    let request = fresh_request();
    let spool = Spool::options(folder.path()).max_events(10).open().await.unwrap();
    assert_eq!(spool.push(numbered_records(&request, 0..8)).await.unwrap(), 8);
    assert_eq!(spool.push(numbered_records(&request, 8..12)).await.unwrap(), 2);
    let error = spool.push(numbered_records(&request, 12..13)).await.unwrap_err();
    let SpoolError::Full { events: 10, max_events: 10, .. } = error else { panic!("{error:?}") };
    assert_eq!(numbers_of(&waiting(&spool).await), (0..10).collect::<Vec<_>>());

    spool.remove([waiting(&spool).await[0].place]).await.unwrap();
    assert_eq!(spool.push(numbered_records(&request, 10..11)).await.unwrap(), 1);
    assert_eq!(numbers_of(&waiting(&spool).await), (1..11).collect::<Vec<_>>());
    let bytes = spool.depth().bytes;
    spool.close().await.unwrap();

    // What is there counts after reopening, too, and bytes as well as events.
    let spool = Spool::options(folder.path()).max_bytes(bytes).open().await.unwrap();
    let error = spool.push(numbered_records(&request, [11])).await.unwrap_err();
    assert!(matches!(error, SpoolError::Full { bytes: b, max_bytes: m, .. } if b == m));
}

#[tokio::test]
async fn the_front_passes_by_what_is_held() {
    let folder = Folder::new();
    let (held, free) = (fresh_request(), fresh_request());
    let spool = folder.open().await;
    spool.push(numbered_records(&held, 0..1200)).await.unwrap();
    spool.push(numbered_records(&free, 1200..1250)).await.unwrap();
    let streams = HashSet::from([stream(&held)]);
    let front = spool.front_without(streams.clone(), 20, usize::MAX).await.unwrap();
    assert_eq!(numbers_of(&front), (1200..1220).collect::<Vec<_>>());
    spool.remove(front.iter().map(|one| one.place)).await.unwrap();
    let front = spool.front_without(streams, usize::MAX, usize::MAX).await.unwrap();
    assert_eq!(numbers_of(&front), (1220..1250).collect::<Vec<_>>());
}

/// An event that waits long must not keep the room of all that came and went beside it.
#[tokio::test]
async fn files_that_hold_little_give_the_rest_of_the_disk_back_and_keep_their_order() {
    let folder = Folder::new();
    let (slow, fast) = (fresh_request(), fresh_request());
    let spool = folder.open().await;
    let text = "ndayifite ".repeat(9_000);
    let large = vec![sealed(event(&fast).input(json!({ "text": text }))); 25];
    for n in 0..12 {
        spool.push(numbered_records(&slow, [n])).await.unwrap();
        spool.push(large.clone()).await.unwrap();
    }
    let size = || -> u64 {
        let files = std::fs::read_dir(folder.path()).unwrap();
        files.map(|file| file.unwrap().metadata().unwrap().len()).sum()
    };
    assert!(size() > 24 << 20, "{}", size());
    let front = waiting(&spool).await;
    let fast = front.iter().filter(|one| one.record.stream_id() == stream(&fast));
    spool.remove(fast.map(|one| one.place)).await.unwrap();
    // But for the last file, which takes what comes.
    assert!(size() < 9 << 20, "{}", size());
    spool.push(numbered_records(&slow, [12])).await.unwrap();
    assert_eq!(numbers_of(&waiting(&spool).await), (0..13).collect::<Vec<_>>());
    drop(spool);
    let spool = folder.open().await;
    let (found, request) = (waiting(&spool).await, stream(&slow));
    let found: Vec<_> = found.into_iter().filter(|one| one.record.stream_id() == request).collect();
    assert_eq!(numbers_of(&found), (0..13).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_depth_tells_events_bytes_and_the_oldest() {
    let folder = Folder::new();
    let spool = folder.open().await;
    assert_eq!(spool.depth(), moltbot_audit::delivery::SpoolDepth::default());
    spool.push(numbered_records(&fresh_request(), 3..6)).await.unwrap();
    let at = |n| Some(morning() + chrono::TimeDelta::microseconds(n));
    let before = spool.depth();
    assert_eq!((before.events, before.oldest_at), (3, at(3)));
    spool.remove([waiting(&spool).await[0].place]).await.unwrap();
    let after = spool.depth();
    assert_eq!((after.events, after.oldest_at), (2, at(4)));
    assert!(after.bytes < before.bytes);
    spool.close().await.unwrap();
    assert_eq!(folder.open().await.depth(), after);
}

#[tokio::test]
async fn a_record_that_is_set_aside_holds_up_nothing_and_is_kept_with_its_reason() {
    let folder = Folder::new();
    let request = fresh_request();
    let spool = folder.open().await;
    spool.push(numbered_records(&request, 0..3)).await.unwrap();
    let refused = waiting(&spool).await.remove(0);
    spool.set_aside([(refused.place, "the database refused it")]).await.unwrap();
    spool.set_aside([(refused.place, "again")]).await.unwrap();
    assert_eq!(numbers_of(&waiting(&spool).await), [1, 2]);
    assert_eq!((spool.depth().events, spool.set_aside_count()), (2, 1));
    assert_eq!(numbers(&drain(&spool).await.unwrap()), [1, 2]);
    drop(spool);

    let spool = folder.open().await;
    assert_eq!(spool.set_aside_count(), 1);
    let aside = spool.set_aside_records(0, 10).await.unwrap();
    assert_eq!(aside[0].reason, "the database refused it");
    let record = aside[0].record.as_ref().expect("a record");
    assert_eq!(record.event_hash(), refused.record.event_hash());
    assert!(spool.set_aside_records(aside[0].place + 1, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn many_records_are_set_aside_at_once_each_with_its_reason() {
    let folder = Folder::new();
    let spool = folder.open().await;
    spool.push(numbered_records(&fresh_request(), 0..20)).await.unwrap();
    let front = waiting(&spool).await;
    let refused = front.iter().step_by(2).map(|row| (row.place, format!("reason {}", row.place)));
    spool.set_aside(refused).await.unwrap();
    spool.set_aside([(1 << 40, "nothing is there")]).await.unwrap();
    assert_eq!(numbers_of(&waiting(&spool).await), (1..20).step_by(2).collect::<Vec<_>>());
    let aside = spool.set_aside_records(0, 100).await.unwrap();
    assert_eq!((aside.len(), spool.set_aside_count()), (10, 10));
    let place = |one: &moltbot_audit::delivery::SetAside| {
        front[2 * usize::try_from(one.place).unwrap()].place
    };
    assert!(aside.iter().all(|one| one.reason == format!("reason {}", place(one))));
}

#[tokio::test]
async fn an_empty_spool_gives_the_disk_back_and_loses_no_push_beside_it() {
    let folder = Folder::new();
    let request = fresh_request();
    let spool = folder.open().await;
    let text = "ndayifite ".repeat(9_000);
    let large = sealed(event(&request).input(json!({ "text": text })));
    for _ in 0..10 {
        spool.push(vec![large.clone(); 25]).await.unwrap();
    }
    let size = || -> u64 {
        let files = std::fs::read_dir(folder.path()).unwrap();
        files.filter_map(|file| Some(file.ok()?.metadata().ok()?.len())).sum()
    };
    assert!(size() > 20 << 20);

    let pushing = spool.clone();
    let pusher = tokio::spawn(async move {
        for n in 0..100 {
            pushing.push(numbered_records(&fresh_request(), [n])).await.unwrap();
        }
    });
    let mut drained = Vec::new();
    while !pusher.is_finished() || spool.depth().events > 0 {
        let beside = drain(&spool).await.unwrap();
        drained.extend(beside.into_iter().filter(|record| !record.input().unwrap()["n"].is_null()));
        tokio::task::yield_now().await;
    }
    pusher.await.unwrap();
    assert_eq!(numbers(&drained), (0..100).collect::<Vec<_>>());
    assert_eq!(size(), 0);
    assert!(!spool.holds(stream(&request)));
}

#[tokio::test]
async fn a_closed_spool_says_so_and_lets_another_have_its_file() {
    let folder = Folder::new();
    let spool = folder.open().await;
    spool.push(records(&fresh_request(), 2)).await.unwrap();
    spool.close().await.unwrap();
    spool.close().await.unwrap();
    let error = spool.push(records(&fresh_request(), 1)).await.unwrap_err();
    assert!(matches!(error, SpoolError::Closed) && !error.is_retryable());
    assert_eq!(waiting(&folder.open().await).await.len(), 2);
}

#[tokio::test]
async fn neither_debug_nor_errors_hold_what_is_in_the_spool() {
    let folder = Folder::new();
    let spool = Spool::options(folder.path()).max_events(1).open().await.unwrap();
    spool.push(numbered_records(&fresh_request(), [1])).await.unwrap();
    let error = spool.push(numbered_records(&fresh_request(), [2])).await.unwrap_err();
    let said = format!("{spool:?} {error:?} {error} {:?}", waiting(&spool).await);
    assert!(!said.contains("ndayifite"), "{said}");
}

/// By this machine's clock alone: an event's own time may be a provider's.
#[tokio::test]
async fn records_say_how_long_they_waited_also_after_reopening_and_once_put_back() {
    const PAUSE: Duration = Duration::from_millis(30);
    let folder = Folder::new();
    let spool = folder.open().await;
    spool.push(records(&fresh_request(), 1)).await.unwrap();
    tokio::time::sleep(PAUSE).await;
    let waited = async |spool: &Spool| waiting(spool).await[0].record.waited().expect("it waited");
    let first = waited(&spool).await;
    assert!(first >= PAUSE && first < Duration::from_mins(10), "{first:?}");
    drop(spool);

    let spool = folder.open().await;
    tokio::time::sleep(PAUSE).await;
    let second = waited(&spool).await;
    assert!(second >= first + PAUSE, "{first:?}, then {second:?}");
    let place = waiting(&spool).await[0].place;
    spool.set_aside([(place, "for a test")]).await.unwrap();
    let aside = spool.set_aside_records(0, 1).await.unwrap();
    spool.put_back(aside.iter().map(|one| one.place)).await.unwrap();
    assert!(waited(&spool).await >= second, "since it was pushed first");
}
