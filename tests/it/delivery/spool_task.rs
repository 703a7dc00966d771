//! The spool is drained whoever filled it, and wherever the task that drains it ran before.

use std::time::Duration;

use moltbot_audit::delivery::Spool;
use tokio::runtime::{Builder, Runtime};

use super::{Fate, RuledStore, batcher, is_chained, record_other, spool, until, waiting};
use crate::support::records::{fresh_request, numbered_records};

const WAIT: Duration = Duration::from_secs(5);

#[tokio::test(start_paused = true)]
async fn what_another_process_leaves_when_it_dies_is_stored() {
    let (folder, spool) = spool().await;
    let store = RuledStore::new(|_| Fate::Pass);
    let batcher = batcher(&store, Some(&spool), waiting(WAIT));
    batcher.start();
    let other = Spool::open(folder.path()).await.expect("a file of its own");
    other.push(numbered_records(&fresh_request(), 0..3)).await.expect("there is room");
    drop(other);
    until("its events are stored", || store.store.len() == 3).await;
    assert_eq!(spool.depth().events, 0);
}

#[tokio::test(start_paused = true)]
async fn what_a_host_puts_back_is_drained_with_the_next_event() {
    let (_folder, spool) = spool().await;
    spool.push(numbered_records(&fresh_request(), 0..3)).await.expect("there is room");
    let front = spool.front(9, usize::MAX).await.expect("readable");
    let refused = front.iter().map(|one| (one.place, "refused"));
    spool.set_aside(refused).await.expect("a writable spool");
    let store = RuledStore::new(|_| Fate::Pass);
    let batcher = batcher(&store, Some(&spool), waiting(WAIT));
    assert!(is_chained(&record_other(&batcher).await));
    let aside = spool.set_aside_records(0, 9).await.expect("readable");
    spool.put_back(aside.iter().map(|one| one.place)).await.expect("there is room");
    assert!(is_chained(&record_other(&batcher).await));
    until("it is drained", || store.store.len() == 5).await;
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a runtime")
}

#[test]
fn a_drain_whose_runtime_ends_is_begun_again_on_the_next() {
    let store = RuledStore::new(|_| Fate::Hang);
    let first = runtime();
    let (_folder, batcher) = first.block_on(async {
        let (folder, spool) = spool().await;
        spool.push(numbered_records(&fresh_request(), 0..3)).await.expect("there is room");
        let batcher = batcher(&store, Some(&spool), waiting(WAIT));
        batcher.start();
        until("the drain has begun", || store.calls() > 0).await;
        (folder, batcher)
    });
    drop(first);
    store.rule(|_| Fate::Pass);
    runtime().block_on(async {
        assert!(is_chained(&record_other(&batcher).await));
        until("it is drained", || store.store.len() == 4).await;
    });
}
