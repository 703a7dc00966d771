//! Appending: sizes, cancellation, and a head that was tampered with.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use moltbot_audit::RequestId;
use moltbot_audit::store::{AuditSink, StoreError, StreamSnapshot};

use super::Trail;
use crate::support::records::{assert_unbroken, event, fresh_request, records, sealed};
use crate::support::wait::eventually;

#[tokio::test]
async fn a_batch_larger_than_one_statement_lands_whole_and_is_read_whole() {
    let trail = Trail::new().await;
    let request = fresh_request();
    let known = records(&request, 600);
    let mut batch = known.clone();
    batch.extend(records(&request, 1_100));
    // Known within the batch, and in the second round in the file.
    batch.extend(known);
    for _ in 0..2 {
        assert!(trail.store.append(&batch).await.unwrap().iter().all(Result::is_ok));
    }
    let requests: Vec<RequestId> = (0..1_200).map(|_| fresh_request()).collect();
    let streams: Vec<_> = requests.iter().map(|request| sealed(event(request))).collect();
    assert!(trail.store.append(&streams).await.unwrap().iter().all(Result::is_ok));
    let snapshot = trail.read(&request).await;
    assert_unbroken(&snapshot);
    assert_eq!(snapshot.records.len(), 1_700);
    assert_unbroken(&trail.read(&requests[1_199]).await);
}

#[tokio::test]
async fn a_head_at_the_last_number_there_is_refuses_more_and_nothing_is_written() {
    let trail = Trail::new().await;
    let request = fresh_request();
    trail.store.append(&records(&request, 2)).await.unwrap();
    let sql = "update audit_streams set seq = 9223372036854775807";
    sqlx::raw_sql(sql).execute(&mut trail.shell().await).await.unwrap();
    let error = trail.store.append(&records(&request, 1)).await.unwrap_err();
    assert!(matches!(error, StoreError::Refused { .. }), "{error:?}");
    assert_eq!(trail.read(&request).await.records.len(), 2);
    // The other streams go on.
    trail.store.append(&records(&fresh_request(), 1)).await.unwrap().remove(0).unwrap();
}

/// Drops the future after 1, 2, 3, … polls, so that the cut falls into every phase of the append.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_append_still_lands_and_the_next_one_works() {
    const CUTS: u64 = 60;
    let trail = Trail::new().await;
    let request = fresh_request();
    for n in 0..CUTS {
        let batch = records(&request, 1);
        {
            let mut append = pin!(trail.store.append(&batch));
            for _ in 0..=n % 6 {
                let polled = poll_fn(|cx| Poll::Ready(append.as_mut().poll(cx).is_ready()));
                if polled.await {
                    break;
                }
                tokio::time::sleep(Duration::from_micros(40 * n)).await;
            }
        }
        if n % 10 == 0 {
            trail.store.append(&records(&request, 1)).await.unwrap().remove(0).unwrap();
        }
    }
    let snapshot = landed(&trail, &request, 66).await;
    assert_unbroken(&snapshot);
    assert_eq!(snapshot.records.len(), 66);
}

/// What was dropped lands in its own time: waits for it.
async fn landed(trail: &Trail, request: &RequestId, count: usize) -> StreamSnapshot {
    let landed = async || {
        let snapshot = trail.read(request).await;
        (snapshot.records.len() >= count).then_some(snapshot)
    };
    eventually("it lands", landed).await
}
