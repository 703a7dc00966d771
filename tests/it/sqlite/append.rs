//! Appending: order, duplicates, conflicts, sizes, cancellation.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use moltbot_audit::RequestId;
use moltbot_audit::event::StreamId;
use moltbot_audit::record::Record;
use moltbot_audit::store::{AuditSink, AuditStore, StreamSnapshot};
use serde_json::json;

use super::Trail;
use crate::samples::{event, records, sealed, verify};

#[tokio::test]
async fn a_batch_is_chained_in_its_order_and_read_back_as_it_was_sealed() {
    let trail = Trail::new().await;
    let request = RequestId::from_host("fallback");
    let batch = records(&request, [5, 3, 4]);
    let results = trail.store.append(&batch).await.unwrap();

    let snapshot = trail.read(&request).await;
    verify(&snapshot).unwrap();
    for ((record, result), stored) in batch.iter().zip(results).zip(&snapshot.records) {
        let receipt = result.unwrap();
        assert_eq!(receipt.event_id, record.header().id);
        assert_eq!(receipt.event_id, stored.header.id);
        assert_eq!((receipt.seq, receipt.chain_hash), (stored.seq, stored.chain_hash));
        assert_eq!(receipt.recorded_at, stored.recorded_at);
        assert_eq!(&stored.header, record.header());
        assert_eq!(stored.input.as_ref(), record.input());
        assert_eq!(stored.output.as_ref(), record.output());
        assert_eq!(stored.idempotency_key.as_deref(), record.idempotency_key());
        assert_eq!(stored.host_ids.as_ref(), record.host_ids());
        assert_eq!(&stored.commitments, record.commitments());
    }
    assert_eq!(snapshot.records[0].host_ids.as_ref().unwrap()["request_id"], "fallback");
}

#[tokio::test]
async fn an_unknown_stream_is_none_and_an_empty_batch_is_nothing() {
    let trail = Trail::new().await;
    let stream = StreamId::from(&RequestId::from_host("nobody"));
    assert!(trail.store.read_stream(stream).await.unwrap().is_none());
    assert!(trail.store.append(&[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_same_event_again_gets_its_first_receipt_even_when_sealed_anew() {
    let trail = Trail::new().await;
    let request = RequestId::from_host("r");
    let first = trail.store.append(&records(&request, [1, 2])).await.unwrap();

    let again = trail.store.append(&records(&request, [2, 3, 1])).await.unwrap();
    assert_eq!((again[0], again[2]), (first[1], first[0]));
    assert_eq!(again[1].unwrap().seq, 3);

    let resealed = sealed(event(&request, 1), 77);
    assert_ne!(resealed.event_hash(), records(&request, [1])[0].event_hash());
    assert_eq!(trail.store.append(&[resealed]).await.unwrap(), [first[0]]);

    let snapshot = trail.read(&request).await;
    verify(&snapshot).unwrap();
    assert_eq!(snapshot.records.len(), 3);
}

#[tokio::test]
async fn the_same_id_with_other_content_is_a_conflict_and_the_rest_of_the_batch_lands() {
    let trail = Trail::new().await;
    let request = RequestId::from_host("r");
    let stored = records(&request, [1]);
    trail.store.append(&stored).await.unwrap().remove(0).unwrap();

    let other = sealed(event(&request, 1).input(json!({ "text": "changed" })), 9);
    let elsewhere = sealed(event(&RequestId::from_host("another"), 1), 9);
    let [before, after] = records(&request, [2, 3]).try_into().unwrap();
    let batch = [before, other.clone(), elsewhere, after];
    let results = trail.store.append(&batch).await.unwrap();

    let conflict = results[1].unwrap_err();
    assert_eq!(conflict.event_id, other.header().id);
    assert_eq!((conflict.stored, conflict.offered), (stored[0].event_hash(), other.event_hash()));
    assert!(results[2].is_err());
    assert_eq!((results[0].unwrap().seq, results[3].unwrap().seq), (2, 3));
    verify(&trail.read(&request).await).unwrap();
}

#[tokio::test]
async fn a_change_of_any_column_of_the_caller_is_a_conflict() {
    use moltbot_audit::{Actor, ConversationId, ErrorCode, EventType, Outcome, TraceContext};
    let trail = Trail::new().await;
    let request = RequestId::from_host("r");
    trail.store.append(&records(&request, [1])).await.unwrap().remove(0).unwrap();

    let original = || event(&request, 1);
    let mut other_type = original();
    other_type.event_type = EventType::VENDOR_NO_RESPONSE;
    let mut other_actor = original();
    other_actor.actor = Actor::System;
    let changed = [
        other_type,
        other_actor,
        original().request(&RequestId::from_host("other")),
        original().conversation(&ConversationId::from_host("other")),
        original().input(json!({})),
        original().output(json!({})),
        original().idempotency_key("other"),
        original().duration(Duration::from_secs(9)),
        original().ended(Outcome::Refused, ErrorCode::ProviderError),
        original().ended(Outcome::Failed, ErrorCode::TimedOut),
        original().trace(TraceContext::new(8, 2).unwrap()),
        original().trace(TraceContext::new(7, 3).unwrap()),
    ];
    // One salt for all, so that it is the content that decides, and another than the stored one's.
    let batch: Vec<Record> = changed.into_iter().map(|event| sealed(event, 50)).collect();
    for (index, result) in trail.store.append(&batch).await.unwrap().into_iter().enumerate() {
        assert!(result.is_err(), "change {index} went unseen");
    }
    assert_eq!(trail.read(&request).await.records.len(), 1);
}

#[tokio::test]
async fn duplicates_within_one_batch_are_told_apart_from_conflicts() {
    let trail = Trail::new().await;
    let request = RequestId::from_host("r");
    let batch = [
        sealed(event(&request, 1), 9),
        sealed(event(&request, 1), 10),
        sealed(event(&request, 1).output(json!("other")), 9),
        sealed(event(&request, 2), 9),
    ];
    // The first time nothing is stored yet; the second time all of it is.
    for _ in 0..2 {
        let results = trail.store.append(&batch).await.unwrap();
        assert_eq!(results[0].unwrap(), results[1].unwrap());
        assert!(results[2].is_err());
        assert_eq!((results[0].unwrap().seq, results[3].unwrap().seq), (1, 2));
    }
    let snapshot = trail.read(&request).await;
    verify(&snapshot).unwrap();
    assert_eq!(snapshot.records.len(), 2);
}

#[tokio::test]
async fn a_batch_larger_than_one_statement_lands_whole_and_is_read_whole() {
    let trail = Trail::new().await;
    let request = RequestId::from_host("long");
    let mut batch = records(&request, 0..1_700);
    batch.extend((0..600).map(|n| sealed(event(&RequestId::from_host(&n.to_string()), n), 9)));
    // The ids of the last 600 are those of the first: make them conflicts, save for new streams.
    let results = trail.store.append(&batch).await.unwrap();
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1_700);

    let streams: Vec<Record> = (0..1_200)
        .map(|n| sealed(event(&RequestId::from_host(&n.to_string()), 10_000 + n), 9))
        .collect();
    assert!(trail.store.append(&streams).await.unwrap().iter().all(Result::is_ok));
    let snapshot = trail.read(&request).await;
    verify(&snapshot).unwrap();
    assert_eq!(snapshot.records.len(), 1_700);
    verify(&trail.read(&RequestId::from_host("1199")).await).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_callers_of_one_stream_keep_one_unbroken_chain() {
    let trail = Trail::new().await;
    let request = RequestId::from_host("busy");
    let tasks: Vec<_> = (0..8)
        .map(|caller| {
            let (store, request) = (trail.store.clone(), request.clone());
            tokio::spawn(async move {
                for round in 0..10 {
                    let from = caller * 1_000 + round * 10;
                    let results = store.append(&records(&request, from..from + 3)).await.unwrap();
                    assert!(results.iter().all(Result::is_ok));
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let snapshot = trail.read(&request).await;
    verify(&snapshot).unwrap();
    assert_eq!(snapshot.records.len(), 240);
}

/// Drops the future after 1, 2, 3, … polls, so that the cut falls into every phase of the append.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_append_still_lands_and_the_next_one_works() {
    const CUTS: u64 = 60;
    let trail = Trail::new().await;
    let request = RequestId::from_host("r");
    for n in 0..CUTS {
        let batch = records(&request, [n]);
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
            trail.store.append(&records(&request, [1_000 + n])).await.unwrap().remove(0).unwrap();
        }
    }
    let snapshot = landed(&trail, &request, 66).await;
    verify(&snapshot).unwrap();
    assert_eq!(snapshot.records.len(), 66);
}

/// What was dropped lands in its own time: waits for it.
async fn landed(trail: &Trail, request: &RequestId, count: usize) -> StreamSnapshot {
    for _ in 0..200 {
        let snapshot = trail.read(request).await;
        if snapshot.records.len() >= count {
            return snapshot;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    trail.read(request).await
}
