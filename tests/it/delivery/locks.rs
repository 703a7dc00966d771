//! A stream that another transaction holds waits by itself.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use moltbot_audit::StreamId;
use moltbot_audit::delivery::QueueLimits;
use moltbot_audit::testing::Batcher;
use sqlx::postgres::PgPoolOptions;
use tokio::time::{Instant, sleep, timeout_at};

use super::{Fate, RuledStore, batcher, is_chained, is_spooled, spool, submit, waiting};
use crate::support::cluster::Cluster;
use crate::support::records::{event, fresh_request, records, sealed, stream};
use crate::support::stores;

const LOCK_WAIT: Duration = Duration::from_millis(200);

fn locking(locked: HashSet<StreamId>) -> Arc<RuledStore> {
    RuledStore::new(move |batch| {
        if batch.iter().any(|record| locked.contains(&record.stream_id())) {
            Fate::LockedAfter(LOCK_WAIT)
        } else {
            Fate::Pass
        }
    })
}

#[tokio::test(start_paused = true)]
async fn others_wait_for_no_lock_but_the_first_however_many_streams_are_locked() {
    for (count, connections) in [(2, 2), (8, 2), (8, 1), (40, 4)] {
        let locked: Vec<_> = (0..count).map(|_| fresh_request()).collect();
        let store = locking(locked.iter().map(stream).collect());
        let limits = waiting(Duration::from_secs(5)).connections(connections);
        let batcher = batcher(&store, None, limits);
        let stuck: Vec<_> =
            locked.iter().map(|request| submit(&batcher, sealed(event(request)))).collect();
        // Each is found locked, with others and then by itself, before it stands apart.
        sleep(LOCK_WAIT * 5).await;
        for n in 0..300 {
            let started = Instant::now();
            let answer = super::record_other(&batcher).await;
            assert!(is_chained(&answer), "{n}: {answer:?}");
            assert!(started.elapsed() < LOCK_WAIT / 4, "{n}: {:?}", started.elapsed());
            // More events of the locked streams come in between.
            if n % 10 == 0 {
                drop(submit(&batcher, sealed(event(&locked[n / 10 % count]))));
            }
            sleep(Duration::from_millis(5)).await;
        }
        for answer in stuck {
            assert!(answer.await.expect("a caller ends").is_err(), "its lock was never given back");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_recorded_in_order_once_its_lock_is_given_back() {
    for with_spool in [false, true] {
        let request = fresh_request();
        let store = locking(HashSet::from([stream(&request)]));
        let (_folder, spool) = spool().await;
        let spool = with_spool.then_some(&spool);
        let batcher = batcher(&store, spool, waiting(Duration::from_secs(5)));
        let records = records(&request, 50);
        let ids: Vec<_> = records.iter().map(|record| record.header().id).collect();
        let mut answers = Vec::new();
        for record in records {
            answers.push(submit(&batcher, record));
            sleep(Duration::from_millis(20)).await;
        }
        store.rule(|_| Fate::Pass);
        for answer in answers {
            let answer = answer.await.expect("a caller ends");
            assert!(is_chained(&answer), "well within the time that callers wait: {answer:?}");
        }
        let stored: Vec<_> = store.store.records().iter().map(|one| one.header().id).collect();
        assert_eq!(stored, ids);
    }
}

/// Nothing but the locked stream goes through the spool, and nothing stays there.
#[tokio::test(start_paused = true)]
async fn with_a_spool_a_lock_that_lasts_is_its_own_streams_alone() {
    let request = fresh_request();
    let store = locking(HashSet::from([stream(&request)]));
    let (_folder, spool) = spool().await;
    let batcher = batcher(&store, Some(&spool), waiting(Duration::from_secs(2)));
    let stuck = submit(&batcher, sealed(event(&request)));
    while !stuck.is_finished() {
        assert!(is_chained(&super::record_other(&batcher).await));
        sleep(Duration::from_millis(20)).await;
    }
    assert!(is_spooled(&stuck.await.expect("a caller ends")));
    assert!(!batcher.is_away(), "a lock is no outage");
    store.rule(|_| Fate::Pass);
    super::until("the spool is drained", || spool.depth().events == 0).await;
}

/// Whether its lock lasts or not: what waits of a stream does not depend on a writer that is free.
#[tokio::test(start_paused = true)]
async fn callers_of_a_locked_stream_have_answers_in_time_while_every_writer_is_held_up() {
    for lasts in [false, true] {
        let (held, other) = (fresh_request(), fresh_request());
        let store = locking(HashSet::from([stream(&held)]));
        let (_folder, spool) = spool().await;
        let wait = Duration::from_secs(1);
        let batcher = batcher(&store, Some(&spool), waiting(wait).connections(1));
        let mut answers = vec![submit(&batcher, sealed(event(&held)))];
        // The stream is in flight: these wait behind it, in the queue.
        sleep(Duration::from_millis(10)).await;
        let started = Instant::now();
        answers.extend((0..3).map(|_| submit(&batcher, sealed(event(&held)))));
        sleep(wait * 9 / 10).await;
        let silent = stream(&other);
        store.rule(move |batch| match batch {
            batch if batch.iter().any(|record| record.stream_id() == silent) => Fate::Hang,
            _ if lasts => Fate::LockedAfter(LOCK_WAIT),
            _ => Fate::Pass,
        });
        let hung = submit(&batcher, sealed(event(&other)));
        for answer in answers {
            let answer = timeout_at(started + wait + Duration::from_millis(20), answer).await;
            answer.expect("it is there in time").expect("a caller ends").expect("it is kept");
        }
        hung.await.expect("a caller ends").expect("it is spooled");
    }
}

#[tokio::test(start_paused = true)]
async fn a_locked_table_is_found_out_after_a_few_streams() {
    let store = RuledStore::new(|_| Fate::LockedAfter(LOCK_WAIT));
    let batcher = batcher(&store, None, waiting(Duration::from_secs(30)).connections(1));
    let answers: Vec<_> =
        (0..100).map(|_| submit(&batcher, sealed(event(&fresh_request())))).collect();
    sleep(LOCK_WAIT * 6).await;
    assert!(store.calls() <= 8, "{} calls", store.calls());
    store.rule(|_| Fate::Pass);
    for answer in answers {
        assert!(is_chained(&answer.await.expect("a caller ends")));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hundred_others_are_recorded_while_postgres_holds_two_streams() {
    let url = Cluster::shared().create_database().await;
    let store = stores::migrated(&url).await;
    let batcher = Batcher::new(Arc::new(store), None, QueueLimits::default(), ());
    let locked = [fresh_request(), fresh_request()];
    for request in &locked {
        batcher.submit(sealed(event(request))).await.expect("it is free");
    }
    let pool = PgPoolOptions::new().connect(&url).await.expect("the server is up");
    let mut other = pool.begin().await.expect("a transaction");
    sqlx::query("select from moltbot_audit.audit_streams for update")
        .execute(&mut *other)
        .await
        .expect("the streams are free");
    let mut stuck = Vec::new();
    for n in 0..300 {
        if n % 30 == 0 {
            stuck.extend(locked.iter().map(|request| submit(&batcher, sealed(event(request)))));
        }
        let answer = super::record_other(&batcher).await;
        assert!(is_chained(&answer), "{n}: {answer:?}");
        sleep(Duration::from_millis(5)).await;
    }
    drop(stuck);
    other.rollback().await.expect("the locks are given back");
    for request in &locked {
        batcher.submit(sealed(event(request))).await.expect("it is free again");
    }
}
