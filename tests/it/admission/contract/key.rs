//! Whose redaction key the database goes by.

use std::time::Duration;

use moltbot_audit::event::payload::{KeyRotated, KeyRotationInput, Nothing};
use moltbot_audit::record::Record;
use moltbot_audit::redact::{KeyFingerprint, RedactionKey};
use moltbot_audit::store::StoreError;
use moltbot_audit::store::admission::{Claim, Decision, KeyedHashes};
use moltbot_audit::{Actor, AuditEvent, ErrorCode, Outcome, StreamId};
use serde_json::json;

use crate::support::claims::{Case, hash, id_at, told};
use crate::support::records::{morning, sealed};

fn key(byte: u8) -> RedactionKey {
    RedactionKey::from_bytes([byte; 32])
}

fn mark(byte: u8) -> KeyFingerprint {
    key(byte).fingerprint()
}

fn under(case: &Case, byte: u8) -> Claim {
    told(&Claim { key: mark(byte), ..case.claim() })
}

fn rotation(from: u8, to: u8) -> Record {
    let input = KeyRotationInput {
        previous_fingerprint: Some(mark(from).to_string()),
        fingerprint: Some(mark(to).to_string()),
        ..Default::default()
    };
    let event = AuditEvent::typed::<KeyRotated>(Actor::System, &input, &Nothing::default());
    sealed(event.expect("an input is JSON").id(id_at(morning())))
}

async fn in_use(case: &Case) -> KeyFingerprint {
    case.admission().use_key(mark(99)).await.expect("a readable store")
}

async fn rotate(case: &Case, from: u8, to: u8) -> bool {
    let record = rotation(from, to);
    let receipt = match case.admission().rotate_key(key(from).proof(), mark(to), &record).await {
        // Somebody holds the table for longer than a rotation waits.
        Err(error) if error.is_retryable() => return false,
        answer => answer.expect("the store answers"),
    };
    assert!(receipt.is_none_or(|receipt| receipt.stream_id == StreamId::SYSTEM));
    receipt.is_some()
}

async fn is_refused(case: &Case, claim: &Claim, expected: KeyFingerprint) {
    match case.admission().admit(claim).await {
        Err(StoreError::KeyMismatch { in_use, given }) => {
            assert_eq!((in_use, given), (expected, claim.key));
        }
        other => panic!("expected KeyMismatch, got {other:?}"),
    }
    assert_eq!(case.open().await, [], "and nothing remains of it");
}

pub(crate) async fn the_first_key_is_kept_and_another_is_refused(case: Case) {
    let admission = case.admission();
    assert_eq!(admission.use_key(mark(1)).await.expect("the store answers"), mark(1));
    assert_eq!(admission.use_key(mark(2)).await.expect("the store answers"), mark(1));
    let events = case.event_types().await.len();
    is_refused(&case, &under(&case, 2), mark(1)).await;
    assert_eq!(case.event_types().await.len(), events);
    case.admit(&under(&case, 1)).await;
}

pub(crate) async fn a_claim_may_be_the_first_to_bring_a_key(case: Case) {
    let claim = under(&case, 1);
    case.admit(&claim).await;
    case.succeed(&claim, json!({})).await;
    is_refused(&case, &under(&case, 2), mark(1)).await;
}

pub(crate) async fn of_many_keys_at_once_one_is_kept(case: Case) {
    let callers: Vec<_> = (1..=16)
        .map(|byte| {
            let case = case.clone();
            tokio::spawn(async move { case.admission().use_key(mark(byte)).await })
        })
        .collect();
    let kept = in_use(&case).await;
    for caller in callers {
        let answer = caller.await.expect("a caller ends").expect("the store answers");
        assert_eq!(answer, kept);
    }
}

pub(crate) async fn a_rotation_is_recorded_and_the_old_key_is_refused(case: Case) {
    case.admission().use_key(mark(1)).await.expect("the store answers");
    assert!(rotate(&case, 1, 2).await);
    assert_eq!(in_use(&case).await, mark(2));
    is_refused(&case, &under(&case, 1), mark(2)).await;
    case.admit(&under(&case, 2)).await;
    // The same again, after an answer that was lost; and a process that is late.
    assert!(!rotate(&case, 1, 2).await);
    assert!(!rotate(&case, 1, 3).await);
    // A key does not come back, or two deployments would take turns.
    assert!(!rotate(&case, 2, 1).await);
    assert!(!rotate(&case, 2, 2).await);
    assert_eq!(in_use(&case).await, mark(2));
    let system = case.store.read_stream(StreamId::SYSTEM).await.expect("readable");
    let records = system.expect("a stream").records;
    let told = records.iter().filter(|row| row.header.event_type == "audit.key_rotated");
    let told: Vec<_> = told.map(|row| row.input.clone()).collect();
    let expected = json!({
        "previous_fingerprint": mark(1).to_string(), "fingerprint": mark(2).to_string(),
    });
    assert_eq!(told, [Some(expected)]);
}

/// What was admitted under the old key has landed before, however many claims are under way.
pub(crate) async fn nothing_is_admitted_under_a_key_once_it_was_replaced(case: Case) {
    case.admission().use_key(mark(1)).await.expect("the store answers");
    for from in 1..=5 {
        let hammers = (0..4).map(|_| {
            let case = case.clone();
            // Until it is refused.
            tokio::spawn(async move {
                while case.admission().admit(&under(&case, from)).await.is_ok() {
                    // A store in memory never waits, and would let no other task run.
                    tokio::task::yield_now().await;
                }
            })
        });
        let hammers: Vec<_> = hammers.collect();
        tokio::time::sleep(Duration::from_millis(20)).await;
        while !rotate(&case, from, from + 1).await {
            tokio::task::yield_now().await;
        }
        let admitted = case.open().await.len();
        for hammer in hammers {
            hammer.await.expect("it is refused in the end");
        }
        assert_eq!(case.open().await.len(), admitted);
    }
}

/// Whoever may call the store, and does not have the key.
pub(crate) async fn without_the_key_in_use_nothing_is_rotated(case: Case) {
    let admission = case.admission();
    admission.use_key(mark(1)).await.expect("the store answers");
    for from in [2, 3] {
        let record = rotation(from, 3);
        let rotated = admission.rotate_key(key(from).proof(), mark(3), &record).await;
        assert!(matches!(rotated, Ok(None)), "{rotated:?}");
    }
    // An event that says another rotation than the one that is made.
    for record in [
        rotation(2, 3),
        rotation(1, 2),
        sealed(AuditEvent::new(moltbot_audit::EventType::REQUEST_CREATED, Actor::System)),
    ] {
        let error = admission.rotate_key(key(1).proof(), mark(3), &record).await.expect_err("no");
        assert!(error.is_refusal(), "{error:?}");
    }
    assert_eq!(in_use(&case).await, mark(1));
}

fn keyed(case: &Case, text: &str) -> Claim {
    Claim { key: mark(1), key_hash: Some(hash(text)), input_hash: hash("input"), ..case.claim() }
}

/// The same effect, asked for after the rotation.
fn again(case: &Case, text: &str) -> Claim {
    let previous = KeyedHashes { key_hash: Some(hash(text)), input_hash: hash("input") };
    Claim {
        key: mark(2),
        key_hash: Some(hash(&format!("2{text}"))),
        input_hash: hash("2input"),
        previous: vec![
            KeyedHashes { key_hash: Some(hash("unknown")), input_hash: hash("unknown") },
            previous,
        ],
        ..case.claim()
    }
}

pub(crate) async fn effects_of_before_a_rotation_are_found_again(case: Case) {
    let [done, running, doubt, failed] = ["done", "running", "doubt", "failed"];
    let claim = keyed(&case, done);
    case.admit(&claim).await;
    case.succeed(&claim, json!({ "answer": 42 })).await;
    let under_way = keyed(&case, running);
    case.admit(&under_way).await;
    let cancelled = keyed(&case, doubt);
    case.admit(&cancelled).await;
    case.fail(&cancelled, Outcome::Cancelled, ErrorCode::Cancelled).await;
    let gone = keyed(&case, failed);
    case.admit(&gone).await;
    case.fail(&gone, Outcome::Failed, ErrorCode::ProviderError).await;
    assert!(rotate(&case, 1, 2).await);

    let replay =
        Decision::Replay { effect_id: claim.effect_id, output: Some(json!({ "answer": 42 })) };
    assert_eq!(case.ask(&again(&case, done)).await, replay);
    let verdict = case.ask(&again(&case, running)).await;
    assert!(
        matches!(verdict, Decision::InProgress { effect_id, .. } if effect_id == under_way.effect_id)
    );
    let in_doubt = Decision::InDoubt { effect_id: cancelled.effect_id };
    assert_eq!(case.ask(&again(&case, doubt)).await, in_doubt);
    let mut other_input = again(&case, done);
    other_input.previous[1].input_hash = hash("other input");
    let conflict = Decision::Conflict { effect_id: claim.effect_id };
    assert_eq!(case.ask(&other_input).await, conflict);
    // Its key is free, and from now on it is the new one.
    let new = again(&case, failed);
    case.admit(&new).await;
    let verdict = case.ask(&again(&case, failed)).await;
    assert!(
        matches!(verdict, Decision::InProgress { effect_id, .. } if effect_id == new.effect_id)
    );
    // Once the old key is dropped, so is what it found.
    let dropped = Claim { previous: Vec::new(), ..again(&case, done) };
    case.admit(&dropped).await;
}

/// An intent that was begun and sealed under the old key, and waited in a spool.
pub(crate) async fn an_intent_that_is_drained_after_a_rotation_is_found_by_its_old_key(case: Case) {
    case.admission().use_key(mark(1)).await.expect("the store answers");
    assert!(rotate(&case, 1, 2).await);
    let claim = keyed(&case, "apology");
    case.append(crate::support::claims::spooled(&claim, &case.request)).await;
    let verdict = case.ask(&again(&case, "apology")).await;
    assert!(
        matches!(verdict, Decision::InProgress { effect_id, .. } if effect_id == claim.effect_id)
    );
}
