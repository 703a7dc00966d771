//! A push to the spool that takes longer than its caller waits may still land.

use std::sync::mpsc;
use std::time::Duration;

use moltbot_audit::delivery::WriteError;
use tokio::runtime::Builder;
use tokio::task::{spawn_blocking, yield_now};
use tokio::time::advance;

use super::{
    Fate, RuledStore, batcher, is_chained, is_spooled, record_other, spool, submit, until, waiting,
};
use crate::support::records::{fresh_request, numbered_records, stream};

/// Lets time go by in small steps. It does not go by itself while a thread for blocking work is busy.
async fn pass(time: Duration) {
    const STEP: Duration = Duration::from_millis(100);
    for _ in 0..time.as_millis() / STEP.as_millis() {
        advance(STEP).await;
        for _ in 0..20 {
            yield_now().await;
        }
    }
}

/// A job of ours has the only thread for blocking work, so that the push waits as it would for a disk that hangs.
#[test]
fn a_late_push_holds_its_stream_until_it_has_landed() {
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).max_blocking_threads(1).build();
    runtime.expect("a runtime").block_on(async {
        let request = fresh_request();
        let stream_id = stream(&request);
        let store = RuledStore::new(move |batch| {
            if batch.iter().any(|record| record.stream_id() == stream_id) {
                Fate::LockedAfter(Duration::ZERO)
            } else {
                Fate::Pass
            }
        });
        let (_folder, spool) = spool().await;
        let batcher = batcher(&store, Some(&spool), waiting(Duration::from_secs(1)));
        let (let_go, held) = mpsc::channel::<()>();
        let hanging = spawn_blocking(move || held.recv());

        let records = numbered_records(&request, 0..2);
        let [first, second] = [records[0].clone(), records[1].clone()];
        let late = submit(&batcher, first);
        pass(Duration::from_secs(12)).await;
        assert!(late.is_finished(), "the caller waits for 1 s, and then for 10 s");
        let late = late.await.expect("a caller ends");
        assert!(matches!(late, Err(WriteError::Spool(_))), "{late:?}");

        // The lock is given back, but the first may still land.
        store.rule(|_| Fate::Pass);
        let behind = submit(&batcher, second);
        pass(Duration::from_secs(5)).await;
        assert!(is_chained(&record_other(&batcher).await), "other streams go on");
        assert_eq!(store.store.len(), 1, "the second is stored before the first");
        assert!(!behind.is_finished());

        let_go.send(()).expect("the job waits for it");
        hanging.await.expect("the job ends").expect("it was told");
        assert!(is_spooled(&behind.await.expect("a caller ends")), "it follows the first");
        until("both are stored", || store.store.len() == 3).await;
        let mut stored = store.store.records();
        stored.retain(|record| record.stream_id() == stream_id);
        let ids = |of: &[moltbot_audit::record::Record]| {
            of.iter().map(|record| record.header().id).collect::<Vec<_>>()
        };
        assert_eq!(ids(&stored), ids(&records));
    });
}
