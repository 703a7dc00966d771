//! One event in a statement of its own.

use chrono::{DateTime, Utc};
use moltbot_audit::store::{Appended, AuditSink, AuditStore, Pooling, StoreError};
use tokio::task::JoinSet;

use super::Tampered;
use crate::support::records::{
    assert_unbroken, event, fresh_request, is_same_place, records, sealed, stream,
};

const NOTHING: &str = "select 1";

async fn append_alone(tampered: &Tampered) -> Result<Vec<Appended>, StoreError> {
    tampered.store.append(&records(&tampered.request, 1)).await
}

#[tokio::test]
async fn an_event_that_is_known_gets_its_first_receipt_and_another_under_its_id_a_conflict() {
    for pooling in [Pooling::Session, Pooling::Transaction] {
        let mut tampered = Tampered::with(NOTHING).await;
        tampered.store = tampered.store.pooling(pooling);
        let told = event(&tampered.request);
        let record = sealed(told.clone());
        let first = tampered.store.append(std::slice::from_ref(&record)).await.expect("it lands");
        // The same sealed record again is a retry of the library's; one that is sealed anew is told again.
        for (again, is_duplicate) in [(record, false), (sealed(told.clone()), true)] {
            let again = tampered.store.append(&[again]).await.expect("it is known");
            let (again, first) = (again[0].as_ref(), first[0].as_ref());
            let (again, first) = (again.expect("it is known"), first.expect("it is stored"));
            assert!(is_same_place(again, first), "{pooling:?}");
            assert_eq!(again.is_duplicate(), is_duplicate, "{pooling:?}");
        }
        let other = sealed(told.idempotency_key("another"));
        let other = tampered.store.append(&[other]).await.expect("it is known");
        assert!(other[0].is_err(), "{pooling:?}");
        append_alone(&tampered).await.expect("the connection is of use");
        let snapshot = tampered.read().await.expect("a readable stream").expect("rows");
        assert_eq!(snapshot.records.len(), 5, "{pooling:?}");
        assert_unbroken(&snapshot);
    }
}

#[tokio::test]
async fn a_locked_stream_is_retryable_and_the_retry_lands() {
    let shorter = "alter function moltbot_audit.append_alone set lock_timeout = '50ms'";
    let tampered = Tampered::with(shorter).await;
    let mut stuck = tampered.database.begin().await.expect("a transaction");
    sqlx::query("select 1 from moltbot_audit.audit_streams for update")
        .execute(&mut *stuck)
        .await
        .expect("the lock is free");
    let error = append_alone(&tampered).await.expect_err("the stream is locked");
    assert!(matches!(error, StoreError::Locked { .. }), "{error:?}");
    stuck.rollback().await.expect("the lock is given back");
    append_alone(&tampered).await.expect("the retry lands");
}

#[tokio::test]
async fn an_append_waits_for_a_lock_equally_long_on_every_way() {
    let tampered = Tampered::with(NOTHING).await;
    let limits: Vec<String> = sqlx::query_scalar(
        "select distinct coalesce(setting, 'none') from pg_proc
         left join unnest(proconfig) setting on setting like 'lock_timeout=%'
         where proname in ('append_batch', 'append_alone', 'append_effects')",
    )
    .fetch_all(&tampered.database)
    .await
    .expect("a list");
    assert_eq!(limits, ["lock_timeout=200ms"]);
}

#[tokio::test]
async fn who_begin_a_stream_together_share_one_chain() {
    // A busy machine may need longer than an append waits for a lock.
    let patient = "alter function moltbot_audit.append_alone set lock_timeout = '1min'";
    let tampered = Tampered::with(patient).await;
    for _ in 0..20 {
        let request = fresh_request();
        let mut appends = JoinSet::new();
        for _ in 0..8 {
            let (store, batch) = (tampered.store.clone(), records(&request, 1));
            appends.spawn(async move { store.append(&batch).await.expect("the event lands") });
        }
        let appended = appends.join_all().await;
        let receipts = appended.iter().flatten().flatten();
        let mut places: Vec<_> = receipts.map(|receipt| receipt.seq).collect();
        places.sort_unstable();
        assert_eq!(places, [1, 2, 3, 4, 5, 6, 7, 8]);
        let snapshot = tampered.store.read_stream(stream(&request)).await;
        assert_unbroken(&snapshot.expect("a readable stream").expect("rows"));
    }
}

#[tokio::test]
async fn a_stream_begins_with_its_first_event_and_ends_with_its_last() {
    let tampered = Tampered::with(NOTHING).await;
    let request = fresh_request();
    for _ in 0..3 {
        tampered.store.append(&records(&request, 1)).await.expect("the event lands");
    }
    let snapshot = tampered.store.read_stream(stream(&request)).await;
    let rows = snapshot.expect("a readable stream").expect("rows").records;
    let (started_at, last_at): (DateTime<Utc>, DateTime<Utc>) = sqlx::query_as(
        "select started_at, last_at from moltbot_audit.audit_streams where stream_id = $1",
    )
    .bind(stream(&request).uuid())
    .fetch_one(&tampered.database)
    .await
    .expect("one row");
    assert_eq!((started_at, last_at), (rows[0].recorded_at, rows[2].recorded_at));
}
