//! What a drain cannot store holds its stream, and nothing else.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Fate, RuledStore, batcher, spool, until, waiting};
use crate::support::records::{fresh_request, numbered_records, stream};

#[tokio::test(start_paused = true)]
async fn an_event_that_is_interrupted_holds_what_is_behind_it() {
    let request = fresh_request();
    let records = numbered_records(&request, 0..5);
    let first = records[0].header().id;
    let (_folder, spool) = spool().await;
    spool.push(records.clone()).await.expect("there is room");
    spool.push(numbered_records(&fresh_request(), 5..9)).await.expect("there is room");
    let panics_until = Instant::now() + Duration::from_secs(3);
    let store = RuledStore::new(move |batch| {
        let holds_first = batch.iter().any(|record| record.header().id == first);
        if holds_first && Instant::now() < panics_until {
            Fate::PanicAfter(Duration::ZERO)
        } else {
            Fate::Pass
        }
    });
    let batcher = batcher(&store, Some(&spool), waiting(Duration::from_secs(1)));
    batcher.start();
    until("the others are stored", || store.store.len() == 4).await;
    assert!(Instant::now() < panics_until, "they did not wait for it");
    until("all are stored", || store.store.len() == 9).await;
    let mut stored = store.store.records();
    stored.retain(|record| record.stream_id() == stream(&request));
    let ids = |records: &[moltbot_audit::record::Record]| {
        records.iter().map(|record| record.header().id).collect::<Vec<_>>()
    };
    assert_eq!(ids(&stored), ids(&records));
}

#[tokio::test(start_paused = true)]
async fn what_is_held_is_tried_again_after_longer_and_longer_pauses() {
    let (_folder, spool) = spool().await;
    spool.push(numbered_records(&fresh_request(), 0..2)).await.expect("there is room");
    for fate in [Fate::PanicAfter(Duration::ZERO), Fate::LockedAfter(Duration::ZERO)] {
        let store = RuledStore::new(move |_| fate);
        let batcher = batcher(&store, Some(&spool), waiting(Duration::from_secs(1)));
        batcher.start();
        sleep(Duration::from_mins(2)).await;
        // A pause is five seconds in the end, and at least half of that.
        assert!((10..=130).contains(&store.calls()), "{} calls in two minutes", store.calls());
        batcher.shutdown(Duration::from_secs(1)).await.expect("nothing waits in the queue");
    }
    assert_eq!(spool.depth().events, 2);
}

/// One slow stream in front, and many behind it.
#[tokio::test(start_paused = true)]
async fn a_stream_that_gets_no_answer_does_not_hold_up_a_drain() {
    let request = fresh_request();
    let slow = stream(&request);
    let (_folder, spool) = spool().await;
    spool.push(numbered_records(&request, 0..700)).await.expect("there is room");
    for n in 700..900 {
        spool.push(numbered_records(&fresh_request(), [n])).await.expect("there is room");
    }
    let store = RuledStore::new(move |batch| {
        if batch.iter().any(|record| record.stream_id() == slow) { Fate::Hang } else { Fate::Pass }
    });
    let batcher = batcher(&store, Some(&spool), waiting(Duration::from_secs(1)));
    batcher.start();
    until("the others are stored", || store.store.len() == 200).await;
    assert_eq!(spool.depth().events, 700);
    store.rule(|_| Fate::Pass);
    until("all are stored", || spool.depth().events == 0).await;
}
