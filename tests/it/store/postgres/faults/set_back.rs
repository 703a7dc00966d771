//! A stream's row that was deleted or set back, and a database clock that was.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use moltbot_audit::store::StoreError;
use moltbot_audit::store::admission::{Claim, Conclusion};
use serde_json::json;

use super::{Tampered, said};
use crate::support::claims::{Case, outcome, told};
use crate::support::records::{assert_unbroken, records, stream};

/// What appends to the stream, each on a way of its own.
async fn ways(case: &Case, claims: &[Claim; 3]) -> Vec<Result<(), StoreError>> {
    let [open, outcome_alone, outcome_batched] = claims;
    let settle = |claim| outcome(claim, &case.request, |event| event.output(json!(1)));
    let batch = [settle(outcome_batched), records(&case.request, 1).remove(0)];
    vec![
        case.store.append(&records(&case.request, 1)).await.map(drop),
        case.store.append(&records(&case.request, 2)).await.map(drop),
        case.store.append(&[settle(outcome_alone)]).await.map(drop),
        case.store.append(&batch).await.map(drop),
        case.admission().admit(&told(&case.claim())).await.map(drop),
        case.admission()
            .conclude(
                open.effect_id,
                Conclusion::Expired,
                &case.conclusion(open, Conclusion::Expired),
            )
            .await
            .map(drop),
    ]
}

/// The case's stream, whose events are of this month or, with `dated`, of another.
async fn prepared(tampered: &Tampered, dated: &str) -> (Case, [Claim; 3]) {
    let case = Case { store: Arc::new(tampered.store.clone()), request: tampered.request.clone() };
    let claims = [0; 3].map(|_| Claim { lease: Duration::ZERO, ..case.claim() });
    for claim in &claims {
        case.admit(claim).await;
    }
    tampered.execute(dated).await;
    (case, claims)
}

/// A month of its own for what happened long ago.
const LONG_AGO: &str = "
    create table moltbot_audit.audit_events_2020_01 partition of moltbot_audit.audit_events
        for values from ('2020-01-01') to ('2020-02-01');
    create unique index on moltbot_audit.audit_events_2020_01 (stream_id, seq)";

#[tokio::test]
async fn no_place_is_given_out_twice() {
    let streams = "moltbot_audit.audit_streams";
    let back = |n: i64, last_at: &str| {
        format!(
            "update {streams} s set seq = seq - {n}, last_at = {last_at}, head = (
                 select chain_hash from moltbot_audit.audit_events e
                 where e.stream_id = s.stream_id and e.seq = s.seq - {n})"
        )
    };
    let of_long_ago = "update moltbot_audit.audit_events set created_at = '2020-01-01'";
    for (change, dated) in [
        (format!("delete from {streams}"), "select 1"),
        (back(1, "last_at"), "select 1"),
        (back(4, "last_at"), "select 1"),
        // What is there already is of other months.
        (format!("delete from {streams}"), of_long_ago),
        (back(1, "'2020-01-01'"), of_long_ago),
    ] {
        let tampered = Tampered::with(LONG_AGO).await;
        let (case, claims) = prepared(&tampered, dated).await;
        tampered.execute(&change).await;
        for (way, done) in ways(&case, &claims).await.into_iter().enumerate() {
            let error = done.expect_err(&format!("way {way} after {change}"));
            assert!(matches!(error, StoreError::Refused { .. }), "way {way}: {error:?}");
            let is_told = ["beyond its row", "one_event_per_place"]
                .iter()
                .any(|it| said(&error).contains(it));
            assert!(is_told, "way {way}: {error:?}");
        }
        let rows: i64 = sqlx::query_scalar("select count(*) from moltbot_audit.audit_events")
            .fetch_one(&tampered.database)
            .await
            .expect("a number");
        assert_eq!(rows, 6, "{change}");
    }
}

#[tokio::test]
async fn time_never_goes_back_within_a_stream() {
    let tampered = Tampered::with("select 1").await;
    let (case, claims) = prepared(&tampered, "select 1").await;
    // As before a failover to a server whose clock is behind.
    let ahead = "update moltbot_audit.audit_streams set last_at = last_at + interval '1 hour'";
    tampered.execute(ahead).await;
    let last_at: DateTime<Utc> =
        sqlx::query_scalar("select last_at from moltbot_audit.audit_streams")
            .fetch_one(&tampered.database)
            .await
            .expect("a time");
    for done in ways(&case, &claims).await {
        done.expect("it lands");
    }
    let snapshot = tampered.read().await.expect("readable").expect("rows");
    assert_eq!(snapshot.records.len(), 14);
    assert!(snapshot.records[6..].iter().all(|row| row.recorded_at == last_at));
    assert_unbroken(&snapshot);
    assert_eq!(
        case.store.head(stream(&case.request)).await.expect("readable").map(|head| head.last_at),
        Some(last_at)
    );
}

#[tokio::test]
async fn the_last_word_of_a_stream_is_that_with_the_highest_place() {
    use moltbot_audit::EventType;
    use moltbot_audit::store::admission::{ConsentClaim, Obstacle};

    use crate::support::records::morning;
    let tampered = Tampered::with("select 1").await;
    let (case, _) = prepared(&tampered, "select 1").await;
    let consent = json!({ "consent_id": "consent-1" });
    case.record(EventType::CALL_CONSENT_GRANTED, morning(), consent.clone()).await;
    case.record(EventType::CALL_CONSENT_DENIED, morning(), consent).await;
    tampered
        .execute(
            "update moltbot_audit.audit_events set recorded_at = recorded_at - interval '1 hour'
             where event_type = 'call.consent_denied'",
        )
        .await;
    let lifetime = Duration::from_hours(24);
    let consent = ConsentClaim { consent_id: "consent-1".to_owned(), lifetime };
    let claim = Claim { consent: Some(consent), ..case.claim() };
    assert_eq!(case.refusal(&claim).await, Obstacle::ConsentDenied);
}
