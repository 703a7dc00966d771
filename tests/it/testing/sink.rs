//! A sink that fails as it is told, and no other way.

use std::sync::Arc;
use std::time::Duration;

use moltbot_audit::store::{AuditSink, AuditStore, StoreError};
use moltbot_audit::testing::{Fault, FaultySink, MemoryStore};
use tokio::time::timeout;

use crate::support::records::{assert_unbroken, fresh_request, records, stream};

/// Long enough for an answer from memory, on whatever machine.
const SOON: Duration = Duration::from_millis(200);

fn sink() -> FaultySink<MemoryStore> {
    FaultySink::new(Arc::new(MemoryStore::new()))
}

/// Appends one new event.
async fn append(sink: &dyn AuditSink) -> Result<i64, StoreError> {
    let appended = sink.append(&records(&fresh_request(), 1)).await?;
    Ok(appended[0].expect("a new event").seq)
}

#[tokio::test(start_paused = true)]
async fn without_a_fault_every_call_passes() {
    let sink = sink();
    assert_eq!(append(&sink).await.expect("it passes"), 1);
    assert_eq!((sink.calls(), sink.inner().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_did_not_land_is_not_there_and_what_landed_is() {
    for (fault, landed) in [(Fault::not_landed(), 0), (Fault::landed(), 1)] {
        let sink = sink();
        sink.every_call(fault);
        let error = append(&sink).await.expect_err("it fails");
        assert!(error.is_retryable(), "{error:?}");
        assert_eq!(sink.inner().len(), landed, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn faults_meet_the_calls_they_are_meant_for() {
    let sink = sink();
    sink.every_call(Fault::landed());
    sink.at_calls([2, 4], Fault::not_landed());
    let mut landed = Vec::new();
    for _ in 0..5 {
        let before = sink.inner().len();
        append(&sink).await.expect_err("it fails");
        landed.push(sink.inner().len() - before);
    }
    assert_eq!(landed, [1, 0, 1, 0, 1]);
    assert_eq!(sink.calls(), 5);
    sink.heal();
    append(&sink).await.expect("it passes");
    assert_eq!(sink.calls(), 6, "the count goes on");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_never_answers_whether_it_landed_or_not() {
    for (fault, landed) in [(Fault::not_landed(), 0), (Fault::landed(), 1)] {
        let sink = sink();
        sink.at_calls([1], fault.hanging());
        assert!(timeout(SOON, append(&sink)).await.is_err(), "no answer comes");
        assert_eq!(sink.inner().len(), landed, "{fault:?}");
        append(&sink).await.expect("the second call passes");
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_does_not_come_before_its_time() {
    let late = Duration::from_millis(30);
    for (fault, fails, landed) in [
        (Fault::not_landed().after(late), true, 0),
        (Fault::landed().after(late), true, 1),
        (Fault::slow(late), false, 1),
    ] {
        let sink = sink();
        sink.every_call(fault);
        let asked = tokio::time::Instant::now();
        assert_eq!(append(&sink).await.is_err(), fails, "{fault:?}");
        assert!(asked.elapsed() >= late, "{fault:?}");
        assert_eq!(sink.inner().len(), landed, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_with_a_refused_event_is_refused_whole_and_for_good() {
    let sink = sink();
    let batch = records(&fresh_request(), 3);
    let bad = batch[1].id();
    sink.refuse(move |record| record.id() == bad);
    let error = sink.append(&batch).await.expect_err("one is refused");
    assert!(matches!(error, StoreError::Refused { .. }) && !error.is_retryable(), "{error:?}");
    assert!(sink.inner().is_empty());
    for good in [0, 2] {
        sink.append(&batch[good..=good]).await.expect("the others pass");
    }
    assert_eq!(sink.inner().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn before_a_store_it_is_a_store_and_retries_land_once() {
    let inner: Arc<dyn AuditStore> = Arc::new(MemoryStore::new());
    let sink = FaultySink::new(inner);
    let request = fresh_request();
    let batch = records(&request, 3);
    sink.at_calls([1], Fault::not_landed());
    sink.at_calls([2], Fault::landed());
    for _ in 0..2 {
        sink.append(&batch).await.expect_err("it fails");
    }
    sink.append(&batch).await.expect("the third try passes");
    let store: &dyn AuditStore = &sink;
    let snapshot = store.read_stream(stream(&request)).await.expect("reads pass");
    let snapshot = snapshot.expect("a stream");
    assert_eq!(snapshot.records.len(), 3);
    assert_eq!(store.head(stream(&request)).await.expect("reads pass"), Some(snapshot.head));
    assert_unbroken(&snapshot);
}

#[tokio::test(start_paused = true)]
async fn a_slow_call_given_up_has_written_nothing() {
    let sink = sink();
    sink.every_call(Fault::slow(Duration::from_hours(1)));
    assert!(timeout(SOON, append(&sink)).await.is_err(), "no answer comes in time");
    assert!(sink.inner().is_empty());
}
