//! The way from many callers to one statement: what is promised of it, on a store that fails on
//! purpose.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use moltbot_audit::delivery::{QueueLimits, ShutdownError, WriteError};
use moltbot_audit::record::{Record, Recorded};
use moltbot_audit::store::{Appended, AuditSink, BoxFuture, StoreError};
use moltbot_audit::testing::{Batcher, Fault, MemoryStore};
use moltbot_audit::{Actor, AuditEvent, Auditor, EventType, RecordError, RequestId};
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::{Sink, sink};
use crate::support::records::{KEY, event, fresh_request, records, sealed};
use crate::support::wait::until;

fn batcher(sink: &Arc<Sink>, limits: QueueLimits) -> Batcher {
    Batcher::new(sink.clone(), None, limits, ())
}

fn short() -> QueueLimits {
    QueueLimits::default().wait(Duration::from_millis(300))
}

/// Submits each in a task of its own, in order; returns the answers in that order.
async fn submit_all(batcher: &Batcher, records: Vec<Record>) -> Vec<Result<Recorded, WriteError>> {
    let tasks: Vec<_> = records
        .into_iter()
        .map(|record| {
            let batcher = batcher.clone();
            tokio::spawn(async move { batcher.submit(record).await })
        })
        .collect();
    let mut answers = Vec::with_capacity(tasks.len());
    for task in tasks {
        answers.push(task.await.expect("a caller ends"));
    }
    answers
}

fn seq(answer: &Result<Recorded, WriteError>) -> i64 {
    answer.as_ref().expect("it is recorded").receipt().expect("it is chained").seq
}

#[tokio::test(start_paused = true)]
async fn what_arrives_while_a_batch_is_in_flight_is_the_next_batch() {
    let sink = sink();
    sink.at_calls([1], Fault::slow(Duration::from_millis(100)));
    let batcher = batcher(&sink, QueueLimits::default().connections(1));
    let request = fresh_request();
    let first = tokio::spawn({
        let (batcher, record) = (batcher.clone(), sealed(event(&request)));
        async move { batcher.submit(record).await }
    });
    until("the store is called", || sink.calls() > 0).await;
    let answers = submit_all(&batcher, records(&request, 200)).await;
    assert_eq!(seq(&first.await.expect("a caller ends")), 1);
    assert_eq!(answers.iter().map(seq).collect::<Vec<_>>(), (2..=201).collect::<Vec<_>>());
    assert_eq!(sink.calls(), 2, "the two hundred were one batch");
}

/// On one thread all are queued before a writer runs.
#[tokio::test(start_paused = true)]
async fn idle_writers_share_what_waits_where_each_gets_enough() {
    for (waiting, writers, calls) in [(63, 2, 1), (64, 2, 2), (64, 1, 1), (96, 3, 3), (200, 2, 2)] {
        let sink = sink();
        let batcher = batcher(&sink, QueueLimits::default().connections(writers));
        let records = (0..waiting).map(|_| sealed(event(&fresh_request()))).collect();
        let answers = submit_all(&batcher, records).await;
        assert!(answers.iter().all(|answer| seq(answer) == 1));
        assert_eq!(sink.calls(), calls, "{waiting} events, {writers} writers");
    }
}

/// Of 400 events, 320 are the first batch: all events of 32 streams, and not some of all 40.
#[tokio::test(start_paused = true)]
async fn what_waits_of_a_stream_goes_together() {
    let sink = sink();
    let batcher = batcher(&sink, QueueLimits::default().connections(1));
    let requests: Vec<RequestId> = (0..40).map(|_| fresh_request()).collect();
    let in_turns = (0..10).flat_map(|_| requests.iter().map(|request| sealed(event(request))));
    let answers = submit_all(&batcher, in_turns.collect()).await;
    assert!(answers.iter().all(Result::is_ok));
    let landed = sink.inner().records();
    let streams: HashSet<_> = landed[..320].iter().map(Record::stream_id).collect();
    assert_eq!((sink.calls(), streams.len()), (2, 32));
}

#[tokio::test(start_paused = true)]
async fn a_flooded_stream_holds_up_none_but_itself() {
    let sink = sink();
    let batcher = batcher(&sink, QueueLimits::default().connections(1));
    let (flooded, other) = (fresh_request(), fresh_request());
    let mut all = records(&flooded, 1_000);
    all.push(sealed(event(&other)));
    let answers = submit_all(&batcher, all).await;
    let seqs: Vec<_> = answers[..1_000].iter().map(seq).collect();
    assert_eq!(seqs, (1..=1_000).collect::<Vec<_>>());
    let landed = sink.inner().records();
    let at = landed.iter().position(|record| record.header().request_id == Some(other.uuid()));
    assert!(at.expect("it landed") <= 640, "the other went with the second batch");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_keeps_the_order_in_which_it_was_submitted() {
    let sink = sink();
    // Calls of different length would let a later batch overtake.
    sink.at_calls((1..1_000).step_by(3), Fault::slow(Duration::from_millis(3)));
    sink.at_calls((2..1_000).step_by(5), Fault::landed());
    let batcher = batcher(&sink, QueueLimits::default());
    let requests: Vec<RequestId> = (0..20).map(|_| fresh_request()).collect();
    let submitters: Vec<_> = requests
        .iter()
        .map(|request| {
            let (batcher, request) = (batcher.clone(), request.clone());
            tokio::spawn(async move {
                // Several are under way at a time: each is polled once, in order, and then awaited.
                let mut order = Vec::new();
                for _ in 0..10 {
                    let batch = records(&request, 5);
                    order.extend(batch.iter().map(|record| record.header().id));
                    let mut answers = Vec::new();
                    for record in batch {
                        let mut submit = Box::pin(batcher.submit(record));
                        if timeout(Duration::ZERO, &mut submit).await.is_err() {
                            answers.push(submit);
                        }
                    }
                    for answer in answers {
                        answer.await.expect("it is recorded");
                    }
                }
                order
            })
        })
        .collect();
    let mut landed: HashMap<_, Vec<_>> = HashMap::new();
    for (request, submitter) in requests.iter().zip(submitters) {
        landed.insert(request.uuid(), submitter.await.expect("a caller ends"));
    }
    let mut stored: HashMap<_, Vec<_>> = HashMap::new();
    for record in sink.inner().records() {
        let request = record.header().request_id.expect("all have one");
        stored.entry(request).or_default().push(record.header().id);
    }
    assert_eq!(stored, landed);
}

#[tokio::test(start_paused = true)]
async fn a_refused_event_fails_alone() {
    let sink = sink();
    let request = fresh_request();
    let batch = records(&request, 101);
    let refused = [0, 50, 51, 100].map(|n: usize| batch[n].header().id);
    sink.refuse(move |record| refused.contains(&record.header().id));
    let batcher = batcher(&sink, QueueLimits::default());
    let answers = submit_all(&batcher, batch).await;
    let mut next = 1;
    for (n, answer) in answers.iter().enumerate() {
        if [0, 50, 51, 100].contains(&n) {
            let error = answer.as_ref().expect_err("it is refused");
            assert!(
                matches!(error, WriteError::Store(StoreError::Refused { .. })),
                "{n}: {error:?}"
            );
            assert!(!error.is_retryable());
        } else {
            assert_eq!(seq(answer), next, "{n}");
            next += 1;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_its_own_callers_alone() {
    let sink = sink();
    let batcher = batcher(&sink, QueueLimits::default());
    let request = fresh_request();
    let original = event(&request);
    batcher.submit(sealed(original.clone())).await.expect("it is recorded");
    let other = sealed(original.output(json!("another")));
    let answers =
        submit_all(&batcher, vec![sealed(event(&request)), other, sealed(event(&request))]).await;
    assert!(matches!(answers[1], Err(WriteError::Conflict(_))), "{:?}", answers[1]);
    assert_eq!((seq(&answers[0]), seq(&answers[2])), (2, 3));
}

/// Panics over one event.
#[derive(Debug)]
struct Superstitious(MemoryStore);

impl AuditSink for Superstitious {
    fn append<'a>(
        &'a self,
        batch: &'a [Record],
    ) -> BoxFuture<'a, Result<Vec<Appended>, StoreError>> {
        let bad_luck = json!(13);
        assert!(
            batch.iter().all(|record| record.output().as_ref() != Some(&bad_luck)),
            "secret 0788123456"
        );
        self.0.append(batch)
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_makes_the_sink_panic_fails_alone() {
    let sink = Arc::new(Superstitious(MemoryStore::new()));
    let batcher = Batcher::new(sink.clone(), None, short(), ());
    let request = fresh_request();
    let batch = (0..20).map(|n| sealed(event(&request).output(json!(n)))).collect();
    for (n, answer) in submit_all(&batcher, batch).await.iter().enumerate() {
        match answer {
            Ok(_) => assert_ne!(n, 13),
            Err(error) => {
                assert!(n == 13 && matches!(error, WriteError::Interrupted), "{n}: {error:?}");
                assert!(!format!("{error:?} {error}").contains("secret"));
            }
        }
    }
    assert_eq!(sink.0.len(), 19);
}

#[tokio::test(start_paused = true)]
async fn a_short_outage_is_waited_out() {
    for fault in [Fault::landed(), Fault::not_landed()] {
        let sink = sink();
        sink.at_calls(1..=4, fault);
        let batcher = batcher(&sink, QueueLimits::default());
        let answers = submit_all(&batcher, records(&fresh_request(), 10)).await;
        assert_eq!(answers.iter().map(seq).collect::<Vec<_>>(), (1..=10).collect::<Vec<_>>());
        assert_eq!(sink.inner().len(), 10, "nothing is stored twice");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_spool_an_outage_is_the_callers_error_within_the_limit() {
    let sink = sink();
    for fault in [Fault::not_landed(), Fault::not_landed().hanging(), Fault::landed().hanging()] {
        sink.every_call(fault);
        let batcher = batcher(&sink, short());
        let started = Instant::now();
        for answer in submit_all(&batcher, records(&fresh_request(), 3)).await {
            let error = answer.expect_err("the database is away");
            assert!(error.is_retryable(), "{error:?}");
        }
        assert!(started.elapsed() < Duration::from_secs(5), "the limit is 0.3 s");
        sink.heal();
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_whose_caller_gave_up_is_written_all_the_same() {
    let sink = sink();
    sink.at_calls([1], Fault::slow(Duration::from_millis(50)));
    let limits = QueueLimits::default().events(1).connections(1);
    let batcher = batcher(&sink, limits);
    // The second waits for a place in the queue; its caller goes away too.
    for record in records(&fresh_request(), 2) {
        let submit = batcher.submit(record);
        assert!(timeout(Duration::from_millis(5), submit).await.is_err());
    }
    batcher.shutdown(Duration::from_secs(10)).await.expect("all is written");
    assert_eq!(sink.inner().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_holds_callers_back_and_then_says_so() {
    for limits in [short().events(4), short().bytes(4 * 1_200)] {
        let sink = sink();
        sink.every_call(Fault::not_landed().hanging());
        let batcher = batcher(&sink, limits.connections(1));
        let answers = submit_all(&batcher, records(&fresh_request(), 20)).await;
        let overloaded = answers
            .iter()
            .filter(|answer| matches!(answer, Err(WriteError::Overloaded { .. })))
            .count();
        // Four are in the queue and time out there; the rest waited for a place, or had none.
        assert_eq!(overloaded, 16, "{answers:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_held_back_caller_is_let_in_when_there_is_room() {
    let sink = sink();
    sink.every_call(Fault::slow(Duration::from_millis(2)));
    let batcher = batcher(&sink, QueueLimits::default().events(3));
    let answers = submit_all(&batcher, records(&fresh_request(), 6)).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
}

#[tokio::test(start_paused = true)]
async fn shutdown_waits_for_what_was_begun_and_refuses_what_comes_after() {
    let sink = sink();
    sink.every_call(Fault::slow(Duration::from_millis(20)));
    let batcher = batcher(&sink, QueueLimits::default());
    let begun = tokio::spawn({
        let batcher = batcher.clone();
        async move { submit_all(&batcher, records(&fresh_request(), 50)).await }
    });
    until("the store is called", || sink.calls() > 0).await;
    batcher.shutdown(Duration::from_secs(10)).await.expect("all is written");
    assert!(begun.await.expect("a caller ends").iter().all(Result::is_ok));
    let late = batcher.submit(sealed(event(&fresh_request()))).await;
    assert!(matches!(late, Err(WriteError::Closed)), "{late:?}");
}

#[tokio::test(start_paused = true)]
async fn shutdown_says_how_many_are_left_when_its_time_is_up() {
    let sink = sink();
    sink.every_call(Fault::not_landed().hanging());
    let batcher = batcher(&sink, QueueLimits::default());
    let begun = tokio::spawn({
        let batcher = batcher.clone();
        async move { submit_all(&batcher, records(&fresh_request(), 7)).await }
    });
    until("the store is called", || sink.calls() > 0).await;
    // Both wait for the same, and neither for the other.
    let limits = [50, 80].map(Duration::from_millis);
    let (first, second) = tokio::join!(batcher.shutdown(limits[0]), batcher.shutdown(limits[1]));
    for left in [first, second] {
        let ShutdownError { events, effects, spooled, .. } = left.expect_err("nothing is written");
        assert_eq!((events, effects, spooled), (7, 0, 0));
    }
    begun.abort();
}

/// A host may stop one runtime and go on in another, as tests do.
#[test]
fn a_runtime_that_stopped_in_the_middle_does_not_block_the_next() {
    let sink = sink();
    sink.at_calls([1], Fault::not_landed().hanging());
    let batcher = batcher(&sink, QueueLimits::default().connections(1));
    let runtime =
        || tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let first = runtime();
    first.block_on(async {
        let submit = batcher.submit(sealed(event(&fresh_request())));
        assert!(timeout(Duration::from_millis(20), submit).await.is_err());
    });
    drop(first);
    let recorded = runtime().block_on(batcher.submit(sealed(event(&fresh_request()))));
    assert_eq!(seq(&recorded), 1);
}

#[tokio::test(start_paused = true)]
async fn calls_that_failed_are_counted_in_an_event_once_there_is_room() {
    let sink = sink();
    let limits = short().events(1).connections(1);
    let auditor = Auditor::builder(sink.clone(), KEY).limits(limits).build();
    sink.at_calls([1], Fault::slow(Duration::from_millis(100)));
    let callers: Vec<_> = (0..6)
        .map(|_| {
            let auditor = auditor.clone();
            tokio::spawn(async move { auditor.record(event(&fresh_request())).await })
        })
        .collect();
    let mut overloaded = 0;
    for caller in callers {
        let answer = caller.await.expect("a caller ends");
        overloaded +=
            u64::from(matches!(answer, Err(RecordError::Write(WriteError::Overloaded { .. }))));
    }
    assert_eq!(overloaded, 4, "one in the queue, one before it");
    auditor.record(AuditEvent::new(EventType::CALL_STARTED, Actor::System)).await.expect("room");
    auditor.shutdown(Duration::from_secs(10)).await.expect("all is written");
    let counted: Vec<_> = sink
        .inner()
        .records()
        .iter()
        .filter(|record| record.header().event_type == "audit.not_recorded")
        .map(|record| record.output().expect("counts")["overloaded_events"].clone())
        .collect();
    let sum: u64 = counted.iter().filter_map(serde_json::Value::as_u64).sum();
    assert_eq!(sum, 4, "{counted:?}");
}

/// The caller of the first gives up and sends the second: nothing may let that one overtake.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_a_place_is_not_overtaken() {
    for _ in 0..50 {
        let sink = sink();
        sink.at_calls([1], Fault::slow(Duration::from_millis(2)));
        let batcher = batcher(&sink, QueueLimits::default().events(2));
        let request = fresh_request();
        let batch = records(&request, 12);
        let order: Vec<_> = batch.iter().map(|record| record.header().id).collect();
        let mut answers = Vec::new();
        for record in batch {
            let mut submit = Box::pin(batcher.submit(record));
            if timeout(Duration::ZERO, &mut submit).await.is_err() {
                answers.push(submit);
            }
        }
        for answer in answers {
            // The queue has room for two, and so has the place before it.
            drop(answer.await);
        }
        let stored: Vec<_> = sink.inner().records().iter().map(|one| one.header().id).collect();
        let mut expected = order.iter().filter(|id| stored.contains(id));
        assert!(stored.iter().all(|id| expected.next() == Some(id)), "{order:?} {stored:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_locked_stream_holds_up_itself_alone() {
    let sink = sink();
    let (locked, free) = (fresh_request(), fresh_request());
    let stream = crate::support::records::stream(&locked);
    sink.lock(move |record| record.stream_id() == stream);
    let batcher = batcher(&sink, QueueLimits::default().connections(1));
    let batch: Vec<_> =
        (0..20).map(|n| sealed(event(if n % 2 == 0 { &locked } else { &free }))).collect();
    for (n, answer) in submit_all(&batcher, batch).await.iter().enumerate() {
        if n % 2 == 0 {
            let error = answer.as_ref().expect_err("its stream is locked");
            assert!(matches!(error, WriteError::Store(StoreError::Locked { .. })), "{error:?}");
            assert!(error.is_retryable());
        } else {
            assert_eq!(seq(answer), i64::try_from(n / 2 + 1).expect("a small number"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn limits_beyond_reason_are_brought_within() {
    let sink = sink();
    for limits in [
        QueueLimits::default().wait(Duration::MAX).call_limit(Duration::MAX),
        QueueLimits::default().events(0).bytes(0).connections(0),
        QueueLimits::default().events(usize::MAX).bytes(usize::MAX),
    ] {
        let batcher = batcher(&sink, limits);
        batcher.submit(sealed(event(&fresh_request()))).await.expect("it is recorded");
    }
}

#[test]
fn shutdown_outside_a_runtime_says_how_it_stands() {
    let batcher = batcher(&sink(), QueueLimits::default());
    let waker = std::task::Waker::noop();
    let mut shutdown = Box::pin(batcher.shutdown(Duration::from_secs(1)));
    let polled = shutdown.as_mut().poll(&mut std::task::Context::from_waker(waker));
    assert_eq!(polled, std::task::Poll::Ready(Ok(())));
}
