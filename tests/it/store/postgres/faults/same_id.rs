//! Events that somebody stores under the id of another event, and another time: the unique key is over both.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use moltbot_audit::EventId;
use moltbot_audit::record::{Receipt, Record};
use moltbot_audit::store::admission::{Claim, Conclusion, Decision};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Tampered;
use crate::support::claims::{Case, id_at, outcome, told};
use crate::support::records::{event, fresh_request, morning, sealed};
use crate::support::rows::Row;

/// Stores events of another request under this id, as a role may that has the library's functions: dated before the real one,
/// in its month and in others.
async fn forge(tampered: &Tampered, id: Uuid) {
    let real = EventId::from_uuid(id).expect("an event id").created_at();
    for earlier in [TimeDelta::days(300), TimeDelta::days(40), TimeDelta::microseconds(1)] {
        let created_at = real - earlier;
        let other = sealed(event(&fresh_request()).output(json!("forged")));
        let row = Row { id, created_at, ..Row::of(&other) };
        let refused = row.call_with_arrays(&tampered.database, "append", "").await;
        let refused = refused.expect_err("a host's own events carry their time").to_string();
        assert!(refused.contains("does not carry its time"), "{refused}");
        row.call_with_arrays(&tampered.database, "append_batch", "").await.expect("appended");
    }
}

fn is_of(receipt: &Receipt, record: &Record) -> bool {
    receipt.event_hash == record.event_hash() && receipt.stream_id == record.stream_id()
}

async fn open() -> (Tampered, Case) {
    let tampered = Tampered::with("select 1").await;
    let case = Case::new(Arc::new(tampered.store.clone()));
    (tampered, case)
}

#[tokio::test]
async fn what_is_replayed_is_the_outcome_that_settled_the_effect() {
    let (tampered, case) = open().await;
    let first = case.keyed("a key");
    case.admit(&first).await;
    forge(&tampered, first.effect_id).await;
    case.succeed(&first, json!("true")).await;
    forge_again(&tampered, first.effect_id).await;
    let Decision::Replay { effect_id, output } = case.ask(&case.keyed("a key")).await else {
        panic!("the key is used");
    };
    assert_eq!((effect_id, output), (first.effect_id, Some(Value::from("true"))));
}

/// Dated so that it stands in another partition again.
async fn forge_again(tampered: &Tampered, id: Uuid) {
    let created_at = morning() - TimeDelta::days(9_000);
    let row = Row { id, created_at, ..Row::of(&sealed(event(&fresh_request()))) };
    row.call_with_arrays(&tampered.database, "append_batch", "").await.expect("it is appended");
}

#[tokio::test]
async fn a_claim_that_is_told_again_gets_the_receipt_of_its_own_intent() {
    let (tampered, case) = open().await;
    let claim = told(&case.claim());
    case.admission().admit(&claim).await.expect("it is admitted");
    forge(&tampered, claim.intent.header().id).await;
    let Decision::Proceed(admission) = case.admission().admit(&claim).await.expect("decided")
    else {
        panic!("it is admitted already");
    };
    assert!(is_of(&admission.receipt, &claim.intent), "{admission:?}");
}

#[tokio::test]
async fn a_conclusion_whose_id_somebody_took_is_made() {
    let (tampered, case) = open().await;
    let claim = Claim { lease: Duration::ZERO, ..case.claim() };
    case.admit(&claim).await;
    let record = case.conclusion(&claim, Conclusion::NotPerformed);
    forge(&tampered, record.header().id).await;
    for _ in 0..2 {
        let receipt = case.conclude_by(&claim, Conclusion::NotPerformed, &record).await;
        assert!(receipt.is_some_and(|receipt| is_of(&receipt, &record)));
    }
    assert_eq!(case.open().await, []);
    let late = outcome(&claim, &case.request, |event| event.output(json!(1)));
    case.append(late).await;
}

#[tokio::test]
async fn sql_reads_the_time_of_an_id_as_the_library_does() {
    let (tampered, _case) = open().await;
    let start = morning();
    let times = (0..1_000).map(|n| start + TimeDelta::microseconds(n));
    let far = [0, 1, 999, 1_000, 253_402_300_799_999_999, 1_700_000_000_123_456];
    let far = far.map(|us| DateTime::from_timestamp_micros(us).expect("a time"));
    for at in times.chain(far) {
        let id = id_at(at).uuid();
        let read: DateTime<Utc> = sqlx::query_scalar("select moltbot_audit.time_of_id($1)")
            .bind(id)
            .fetch_one(&tampered.database)
            .await
            .expect("a time");
        assert_eq!(read, at, "{id}");
    }
}
