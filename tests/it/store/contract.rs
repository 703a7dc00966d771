//! What every store has to do, tested on each of them.

use std::sync::Arc;
use std::time::Duration;

use moltbot_audit::record::Receipt;
use moltbot_audit::store::{Appended, AuditStore, Conflict};
use moltbot_audit::{
    Actor, AuditEvent, ErrorCode, EventId, EventType, Outcome, StreamId, TraceContext,
};
use serde_json::json;

use crate::support::records::{
    assert_unbroken, event, fresh_request, is_first_receipt, is_same_place, morning,
    named_conversation, named_request, numbered, records, sealed, stream, unique,
};
use crate::support::stores::read;

/// Instantiates the suite for one store: `$open` is an async function that returns a `Fresh`.
macro_rules! store_contract {
    ($store:ident, $open:path) => {
        mod $store {
            store_contract!(@tests $open:
                receipts_stand_in_the_order_of_the_batch
                an_empty_batch_is_a_no_op
                interleaved_streams_each_count_from_one
                the_chain_recomputed_is_the_chain_stored
                every_column_comes_back_as_it_was_sealed
                the_same_record_again_gets_its_first_receipt
                an_event_sealed_again_gets_its_first_receipt
                an_event_without_parts_that_is_sealed_again_is_a_duplicate
                a_known_event_among_new_ones_costs_no_place
                other_content_under_a_known_id_is_a_conflict_and_the_rest_lands
                one_id_twice_in_a_batch_is_stored_once
                one_id_with_two_contents_in_a_batch_is_a_conflict
                an_unknown_stream_reads_as_none
                a_head_is_that_of_the_stream_as_it_is_read
                a_stream_of_2500_events_reads_completely
                concurrent_appends_leave_one_unbroken_chain
                concurrent_retries_of_one_batch_store_it_once
                one_id_claimed_by_two_streams_at_once_is_stored_once
            );

            #[test]
            fn json_comes_back_with_the_same_canonical_bytes() {
                crate::store::json_round_trip::check($open);
            }
        }
    };
    (@tests $open:path: $($name:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let fresh = $open().await;
                super::$name(fresh.store.clone()).await;
                drop(fresh.keep);
            }
        )*
    };
}

store_contract!(postgres, crate::support::stores::postgres);
store_contract!(pgbouncer, crate::support::stores::pgbouncer);
store_contract!(pgbouncer_session, crate::support::stores::pgbouncer_session);
store_contract!(sqlite, crate::support::stores::sqlite);
store_contract!(memory, crate::support::stores::memory);

async fn append(
    store: &Arc<dyn AuditStore>,
    batch: &[moltbot_audit::record::Record],
) -> Vec<Appended> {
    let appended = store.append(batch).await.expect("the batch lands");
    assert_eq!(appended.len(), batch.len(), "one result for each record");
    appended
}

async fn receipts_stand_in_the_order_of_the_batch(store: Arc<dyn AuditStore>) {
    let request = fresh_request();
    let first = records(&request, 1);
    let rest = records(&request, 7);
    let mut receipts = append(&store, &first).await;
    receipts.extend(append(&store, &rest).await);
    for ((receipt, record), seq) in receipts.iter().zip(first.iter().chain(&rest)).zip(1..) {
        let receipt = receipt.as_ref().expect("a new event is stored");
        assert_eq!(receipt.event_id, record.header().id);
        assert_eq!(receipt.stream_id, record.stream_id());
        assert_eq!(receipt.event_hash, record.event_hash());
        assert_eq!(receipt.seq, seq);
    }
    let stored = read(&*store, &request).await.records;
    for (receipt, stored) in receipts.iter().zip(&stored) {
        let receipt = receipt.as_ref().expect("a new event is stored");
        assert_eq!(receipt.event_id, stored.header.id);
        assert_eq!(receipt.recorded_at, stored.recorded_at);
        assert_eq!(receipt.chain_hash, stored.chain_hash);
    }
}

async fn an_empty_batch_is_a_no_op(store: Arc<dyn AuditStore>) {
    assert!(append(&store, &[]).await.is_empty());
}

async fn interleaved_streams_each_count_from_one(store: Arc<dyn AuditStore>) {
    let requests = [fresh_request(), fresh_request(), fresh_request()];
    for _ in 0..3 {
        let batch: Vec<_> = (0..30).map(|n| sealed(event(&requests[n % 3]))).collect();
        append(&store, &batch).await;
    }
    for request in &requests {
        let snapshot = read(&*store, request).await;
        assert_eq!(snapshot.records.len(), 30);
        assert_unbroken(&snapshot);
    }
}

async fn the_chain_recomputed_is_the_chain_stored(store: Arc<dyn AuditStore>) {
    let request = fresh_request();
    for size in [1, 2, 1, 20, 1] {
        append(&store, &records(&request, size)).await;
    }
    assert_unbroken(&read(&*store, &request).await);
}

async fn every_column_comes_back_as_it_was_sealed(store: Arc<dyn AuditStore>) {
    let request = named_request("fallback");
    let full = numbered(&request, 1);
    let bare = AuditEvent::new(EventType::CALL_STARTED, Actor::Vendor).request(&request);
    let batch = [sealed(full), sealed(bare)];
    append(&store, &batch).await;
    let snapshot = read(&*store, &request).await;
    assert_eq!(snapshot.records.len(), batch.len());
    for (stored, record) in snapshot.records.iter().zip(&batch) {
        assert_eq!(&stored.header, record.header());
        assert_eq!(stored.input, record.input());
        assert_eq!(stored.output, record.output());
        assert_eq!(stored.idempotency_key.as_deref(), record.idempotency_key());
        assert_eq!(stored.host_ids, record.host_ids());
        assert_eq!(stored.salt, record.salt());
        assert_eq!(&stored.commitments, record.commitments());
        assert_eq!(stored.event_hash, record.event_hash());
    }
    let names = json!({ "conversation_id": "conv_001", "request_id": "fallback" });
    assert_eq!(snapshot.records[0].host_ids, Some(names));
    assert_unbroken(&snapshot);
}

async fn the_same_record_again_gets_its_first_receipt(store: Arc<dyn AuditStore>) {
    let request = fresh_request();
    let (one, many) = (records(&request, 1), records(&request, 5));
    let first = [append(&store, &one).await, append(&store, &many).await];
    let again = [append(&store, &one).await, append(&store, &many).await];
    assert_eq!(first, again);
    assert_unbroken(&read(&*store, &request).await);
}

async fn an_event_sealed_again_gets_its_first_receipt(store: Arc<dyn AuditStore>) {
    let request = named_request("sealed again");
    for count in [1, 4] {
        let events: Vec<_> = (0..count).map(|_| event(&request)).collect();
        let seal_all = || events.iter().cloned().map(sealed).collect::<Vec<_>>();
        let (first, again) = (seal_all(), seal_all());
        assert_ne!(first[0].event_hash(), again[0].event_hash(), "the salt is another");
        let (first, again) = (append(&store, &first).await, append(&store, &again).await);
        for (first, again) in first.iter().flatten().zip(again.iter().flatten()) {
            assert_eq!((first.is_duplicate(), again.is_duplicate()), (false, true));
            let told = |one: &Receipt| (one.event_id, one.stream_id, one.seq, one.recorded_at);
            assert_eq!(told(first), told(again));
            let proven = |one: &Receipt| (one.event_hash, one.chain_hash);
            assert_eq!(proven(first), proven(again));
        }
        assert_eq!(again.iter().flatten().count(), count);
    }
    let snapshot = read(&*store, &request).await;
    assert_eq!(snapshot.records.len(), 5);
    assert_unbroken(&snapshot);
}

/// Its hash holds no salt, so it is the same each time.
async fn an_event_without_parts_that_is_sealed_again_is_a_duplicate(store: Arc<dyn AuditStore>) {
    let request = fresh_request();
    let bare = AuditEvent::new(EventType::DISCOVERY_CALL, Actor::System)
        .request(&request)
        .id(EventId::new(morning(), unique()).expect("a time of this century"));
    let record = sealed(bare.clone());
    let [first] = append(&store, std::slice::from_ref(&record)).await[..] else { panic!("one") };
    let first = first.expect("it is new");
    for batch in [vec![record.clone()], vec![sealed(event(&request)), record.clone()]] {
        let sent_again = append(&store, &batch).await.pop().expect("one").expect("it is known");
        assert!(!sent_again.is_duplicate(), "its own answer was lost");
        assert!(is_same_place(&sent_again, &first));
    }
    for batch in [vec![sealed(bare.clone())], vec![sealed(event(&request)), sealed(bare)]] {
        let sealed_again = append(&store, &batch).await.pop().expect("one").expect("it is known");
        assert_eq!(sealed_again.event_hash, first.event_hash);
        assert!(is_first_receipt(&sealed_again, &first));
    }
}

async fn a_known_event_among_new_ones_costs_no_place(store: Arc<dyn AuditStore>) {
    let request = fresh_request();
    let known = records(&request, 1);
    let first = append(&store, &known).await;
    let mut batch = records(&request, 6);
    batch.insert(3, known[0].clone());
    let appended = append(&store, &batch).await;
    assert_eq!(appended[3], first[0]);
    let places: Vec<_> = appended.iter().flatten().map(|receipt| receipt.seq).collect();
    assert_eq!(places, [2, 3, 4, 1, 5, 6, 7]);
    assert_unbroken(&read(&*store, &request).await);
}

/// One change to a numbered event's content, in each column that the host fixes and the id does not.
fn changed(original: &AuditEvent) -> Vec<AuditEvent> {
    let mut changed = vec![
        original.clone().input(json!({ "text": "something else" })),
        original.clone().output(json!({ "action": "call" })),
        original.clone().idempotency_key("another"),
        original.clone().request(&fresh_request()),
        original.clone().conversation(&named_conversation("conv_002")),
        original.clone().duration(Duration::from_secs(9)),
        original.clone().ended(Outcome::Refused, ErrorCode::ProviderError),
        original.clone().ended(Outcome::Failed, ErrorCode::TimedOut),
        original.clone().trace(TraceContext::new(8, 2).expect("not zero")),
        original.clone().trace(TraceContext::new(7, 3).expect("not zero")),
        original.clone().caused_by(EventId::new(morning(), 99).expect("a time of this century")),
    ];
    let edits: [fn(&mut AuditEvent); 9] = [
        |event| event.event_type = EventType::CALL_STARTED,
        |event| event.actor = Actor::Moltbot,
        |event| event.input = None,
        |event| event.output = None,
        |event| event.idempotency_key = None,
        |event| event.conversation_id = None,
        |event| event.duration = None,
        |event| event.trace = None,
        |event| event.caused_by = None,
    ];
    changed.extend(edits.iter().map(|edit| {
        let mut event = original.clone();
        edit(&mut event);
        event
    }));
    changed
}

async fn other_content_under_a_known_id_is_a_conflict_and_the_rest_lands(
    store: Arc<dyn AuditStore>,
) {
    let request = fresh_request();
    let original = numbered(&request, 1);
    let stored = sealed(original.clone());
    append(&store, std::slice::from_ref(&stored)).await;
    for (other, count) in changed(&original).into_iter().zip(1..) {
        let other = sealed(other);
        let conflict = Conflict {
            event_id: stored.header().id,
            stored: stored.event_hash(),
            offered: other.event_hash(),
        };
        let alone = append(&store, std::slice::from_ref(&other)).await;
        assert_eq!(alone, [Err(conflict)], "change {count}");
        let batch = [sealed(event(&request)), other, sealed(event(&request))];
        let appended = append(&store, &batch).await;
        assert_eq!(appended[1], Err(conflict), "change {count}");
        let places: Vec<_> = appended.iter().flatten().map(|receipt| receipt.seq).collect();
        assert_eq!(places, [2 * count, 2 * count + 1], "change {count}");
    }
    assert_unbroken(&read(&*store, &request).await);
}

async fn one_id_twice_in_a_batch_is_stored_once(store: Arc<dyn AuditStore>) {
    let request = fresh_request();
    let twice = event(&request);
    let batch = [
        sealed(twice.clone()),
        sealed(event(&request)),
        sealed(twice.clone()),
        sealed(event(&request)),
    ];
    let appended = append(&store, &batch).await;
    let [first, second] = [0, 2].map(|nth: usize| appended[nth].expect("stored"));
    let told = |one: Receipt| (one.seq, one.recorded_at, one.event_hash, one.chain_hash);
    assert_eq!(told(first), told(second), "both get the first receipt");
    assert_eq!((first.is_duplicate(), second.is_duplicate()), (false, true));
    let places: Vec<_> = appended.iter().flatten().map(|receipt| receipt.seq).collect();
    assert_eq!(places, [1, 2, 1, 3]);
    assert_eq!(append(&store, &batch).await, appended, "as when all of it is known");
    assert_unbroken(&read(&*store, &request).await);
}

async fn one_id_with_two_contents_in_a_batch_is_a_conflict(store: Arc<dyn AuditStore>) {
    let request = fresh_request();
    let first = event(&request);
    let second = sealed(first.clone().output(json!("another")));
    let batch = [sealed(first), sealed(event(&request)), second];
    let appended = append(&store, &batch).await;
    assert_eq!(appended[0].expect("the first is stored").seq, 1);
    assert_eq!(appended[1].expect("the rest lands").seq, 2);
    assert_eq!(appended[2].expect_err("the second is not").stored, batch[0].event_hash());
    assert_eq!(append(&store, &batch).await, appended, "as when all of it is known");
    assert_unbroken(&read(&*store, &request).await);
}

async fn an_unknown_stream_reads_as_none(store: Arc<dyn AuditStore>) {
    append(&store, &records(&fresh_request(), 3)).await;
    let unknown = store.read_stream(StreamId::SYSTEM).await.expect("a readable store");
    assert!(unknown.is_none());
}

async fn a_head_is_that_of_the_stream_as_it_is_read(store: Arc<dyn AuditStore>) {
    let request = fresh_request();
    let head = async || store.head(stream(&request)).await.expect("a readable store");
    assert_eq!(head().await, None, "nothing was appended yet");
    append(&store, &records(&fresh_request(), 2)).await;
    assert_eq!(head().await, None, "another stream is not this one");
    for count in [1, 3] {
        append(&store, &records(&request, count)).await;
        assert_eq!(head().await, Some(read(&*store, &request).await.head));
    }
}

async fn a_stream_of_2500_events_reads_completely(store: Arc<dyn AuditStore>) {
    let request = fresh_request();
    for _ in 0..5 {
        append(&store, &records(&request, 500)).await;
    }
    append(&store, &records(&fresh_request(), 5)).await;
    let snapshot = read(&*store, &request).await;
    assert_eq!(snapshot.records.len(), 2_500);
    assert_unbroken(&snapshot);
}

async fn concurrent_appends_leave_one_unbroken_chain(store: Arc<dyn AuditStore>) {
    let requests = [fresh_request(), fresh_request(), fresh_request()];
    let tasks = (0..16).map(|task: usize| {
        let (store, requests) = (store.clone(), requests.clone());
        tokio::spawn(async move {
            for round in 0..10 {
                // Streams in another order in each task: a circle of waiting writers would show.
                let stream = |n: usize| &requests[(task + n) % requests.len()];
                let batch: Vec<_> = (0..=round).map(|n| sealed(event(stream(n)))).collect();
                assert!(append(&store, &batch).await.iter().all(Result::is_ok));
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("no append fails");
    }
    let mut events = 0;
    for request in &requests {
        let snapshot = read(&*store, request).await;
        events += snapshot.records.len();
        assert_unbroken(&snapshot);
    }
    assert_eq!(events, 16 * 55);
}

async fn concurrent_retries_of_one_batch_store_it_once(store: Arc<dyn AuditStore>) {
    let request = fresh_request();
    for size in [1, 40] {
        let batch = Arc::new(records(&request, size));
        let tasks = (0..8).map(|_| {
            let (store, batch) = (store.clone(), batch.clone());
            tokio::spawn(async move { append(&store, &batch).await })
        });
        let mut receipts = Vec::new();
        for task in tasks.collect::<Vec<_>>() {
            receipts.push(task.await.expect("no append fails"));
        }
        assert!(receipts.iter().all(|other| other == &receipts[0]), "all get the same receipts");
    }
    let snapshot = read(&*store, &request).await;
    assert_eq!(snapshot.records.len(), 41);
    assert_unbroken(&snapshot);
}

async fn one_id_claimed_by_two_streams_at_once_is_stored_once(store: Arc<dyn AuditStore>) {
    let requests = [fresh_request(), fresh_request()];
    for _ in 0..10 {
        // With a known event in front, both batches are checked against what is stored; what the
        // other stores meanwhile is found only when the claimed id turns out to be taken.
        let claimed = event(&requests[0]);
        let tasks = requests.clone().map(|request| {
            let mut batch = records(&request, 1);
            let known = batch.clone();
            batch.push(sealed(claimed.clone().request(&request)));
            batch.extend(records(&request, 20));
            let store = store.clone();
            tokio::spawn(async move {
                append(&store, &known).await;
                let appended = append(&store, &batch).await;
                appended.iter().filter(|result| result.is_err()).count()
            })
        });
        let mut conflicts = 0;
        for task in tasks {
            conflicts += task.await.expect("no append fails");
        }
        assert_eq!(conflicts, 1);
    }
    for request in &requests {
        assert_unbroken(&read(&*store, request).await);
    }
}
