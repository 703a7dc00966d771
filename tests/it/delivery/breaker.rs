//! The database is away only if it is away.

use std::time::Duration;

use moltbot_audit::delivery::Spool;
use moltbot_audit::record::Record;
use moltbot_audit::testing::Fault;
use tokio::time::{Instant, advance, sleep, timeout};

use super::{
    Fate, RuledStore, batcher, is_chained, is_spooled, record_other, spool, submit, until, waiting,
};
use crate::support::records::{event, fresh_request, sealed, stream};
use crate::support::stores;

/// Calls with this stream get no answer.
fn hanging(request: &moltbot_audit::RequestId) -> impl Fn(&[Record]) -> Fate + Send + 'static {
    let slow = stream(request);
    move |batch| {
        if batch.iter().any(|record| record.stream_id() == slow) { Fate::Hang } else { Fate::Pass }
    }
}

#[tokio::test(start_paused = true)]
async fn one_stream_without_an_answer_is_no_outage() {
    let request = fresh_request();
    let store = RuledStore::new(hanging(&request));
    let (_folder, spool) = spool().await;
    let batcher = batcher(&store, Some(&spool), waiting(Duration::from_secs(1)));
    let answer = batcher.submit(sealed(event(&request))).await;
    assert!(is_spooled(&answer), "{answer:?}");
    for _ in 0..5 {
        assert!(is_chained(&record_other(&batcher).await), "the database answers");
    }
}

#[tokio::test(start_paused = true)]
async fn streams_that_shared_a_batch_with_a_slow_one_are_stored_without_it() {
    let request = fresh_request();
    let store = RuledStore::new(hanging(&request));
    let (_folder, spool) = spool().await;
    let batcher = batcher(&store, Some(&spool), waiting(Duration::from_secs(1)));
    let mut answers = vec![submit(&batcher, sealed(event(&request)))];
    answers.extend((0..9).map(|_| submit(&batcher, sealed(event(&fresh_request())))));
    for answer in answers {
        assert!(answer.await.expect("a caller ends").is_ok());
    }
    assert!(is_chained(&record_other(&batcher).await), "the database answers");
    until("the others are stored", || store.store.len() == 10).await;
    assert_eq!(spool.depth().events, 1);
}

#[tokio::test(start_paused = true)]
async fn callers_without_time_say_nothing_of_the_database() {
    let store = RuledStore::new(|_| Fate::PassAfter(Duration::from_millis(50)));
    let (_folder, spool) = spool().await;
    let batcher = batcher(&store, Some(&spool), waiting(Duration::from_secs(5)));
    for _ in 0..5 {
        let soon = Instant::now() + Duration::from_millis(5);
        let answer = batcher.submit_by(sealed(event(&fresh_request())), soon).await;
        assert!(is_spooled(&answer), "{answer:?}");
        assert!(!batcher.is_away());
    }
    assert!(is_chained(&record_other(&batcher).await));
}

/// A sink that cannot be asked whether it is there.
#[tokio::test(start_paused = true)]
async fn an_outage_is_found_by_the_first_who_waits_and_by_nobody_else() {
    let sink = stores::sink();
    sink.every_call(Fault::not_landed().hanging());
    let (_folder, spool) = spool().await;
    let limits = waiting(Duration::from_secs(1));
    let batcher = moltbot_audit::testing::Batcher::new(sink.clone(), Some(spool), limits, ());
    let started = Instant::now();
    for _ in 0..20 {
        assert!(is_spooled(&record_other(&batcher).await));
    }
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

/// The database says that it is there, and takes nothing: the second silence is one too many.
#[tokio::test(start_paused = true)]
async fn a_database_that_answers_and_takes_nothing_delays_two_callers_and_no_third() {
    let store = RuledStore::new(|_| Fate::Hang);
    let (_folder, spool) = spool().await;
    let batcher = batcher(&store, Some(&spool), waiting(Duration::from_secs(1)));
    let started = Instant::now();
    for _ in 0..20 {
        assert!(is_spooled(&record_other(&batcher).await));
    }
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    store.rule(|_| Fate::Pass);
    until("the spool is drained", || spool.depth().events == 0).await;
    assert!(is_chained(&record_other(&batcher).await));
}

/// The runtime stalls until the answer and its deadline are both past.
#[tokio::test(start_paused = true)]
async fn an_answer_that_is_ready_with_its_deadline_counts() {
    let wait = Duration::from_millis(60);
    for with_spool in [true, false] {
        let (_folder, spool) = spool().await;
        let spool: Option<&Spool> = with_spool.then_some(&spool);
        for round in 0..20 {
            let store = RuledStore::new(move |_| Fate::PassAfter(wait / 2));
            let batcher = batcher(&store, spool, waiting(wait));
            let caller = submit(&batcher, sealed(event(&fresh_request())));
            while store.calls() == 0 {
                tokio::task::yield_now().await;
            }
            advance(wait * 2).await;
            let answer = caller.await.expect("a caller ends");
            assert!(is_chained(&answer), "round {round}: {answer:?}");
            assert!(!batcher.is_away());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_slow_drain_lets_callers_try_the_database_again() {
    let store = RuledStore::new(|_| Fate::PassAfter(Duration::from_millis(1_500)));
    let (_folder, spool) = spool().await;
    let batcher = batcher(&store, Some(&spool), waiting(Duration::from_millis(100)));
    assert!(is_spooled(&record_other(&batcher).await));
    assert!(is_spooled(&record_other(&batcher).await));
    until("the spool is drained", || spool.depth().events == 0).await;
    store.rule(|_| Fate::Pass);
    let recorded = timeout(Duration::from_secs(1), async {
        while !is_chained(&record_other(&batcher).await) {
            sleep(Duration::from_millis(5)).await;
        }
    });
    recorded.await.expect("the database is quick again");
}

/// The answer comes when its caller was told already: that is one failure.
#[tokio::test(start_paused = true)]
async fn a_failure_that_its_caller_was_told_of_is_not_counted_again() {
    let store = RuledStore::new(|_| Fate::FailAfter(Duration::from_millis(300)));
    let batcher = batcher(&store, None, waiting(Duration::from_millis(100)));
    record_other(&batcher).await.expect_err("the time is up");
    sleep(Duration::from_secs(2)).await;
    assert!(batcher.take_unheard().is_empty());
    // One whose caller went away without an answer is.
    drop(timeout(Duration::from_millis(10), record_other(&batcher)).await);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(batcher.take_unheard().store, 1);
}
