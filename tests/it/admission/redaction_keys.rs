//! One redaction key a deployment, and how it is replaced.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use moltbot_audit::delivery::{Spool, WriteError};
use moltbot_audit::record::Record;
use moltbot_audit::redact::RedactionKey;
use moltbot_audit::store::StoreError;
use moltbot_audit::testing::{Fault, FaultySink, MemoryStore};
use moltbot_audit::{AdmitError, Auditor, Effect, EffectError, RecordError};
use serde_json::{Value, json};

use super::{created, custom};
use crate::support::wait::until;

fn key(byte: u8) -> RedactionKey {
    RedactionKey::from_bytes([byte; 32])
}

fn auditor(store: &Arc<MemoryStore>, key: RedactionKey) -> Auditor {
    Auditor::builder(store.clone(), key).environment(|_| None).build()
}

/// Runs an effect; whether it ran, and what it answers.
async fn run(
    auditor: &Auditor,
    effect: Effect,
) -> (usize, Result<Value, EffectError<Value, String>>) {
    let ran = AtomicUsize::new(0);
    let answer = auditor.effect(effect).run(async || {
        ran.fetch_add(1, Ordering::SeqCst);
        Ok(json!({ "sent": true }))
    });
    let answer = answer.await;
    (ran.load(Ordering::SeqCst), answer)
}

fn apology() -> Effect {
    custom().idempotency_key("apology")
}

fn is_of_another_key(error: &RecordError) -> bool {
    matches!(error, RecordError::Write(WriteError::Store(StoreError::KeyMismatch { .. })))
}

#[tokio::test(start_paused = true)]
async fn a_process_with_another_key_records_nothing_and_runs_nothing() {
    let store = Arc::new(MemoryStore::new());
    let (ours, other) = (auditor(&store, key(1)), auditor(&store, key(2)));
    ours.record(created()).await.expect("the first key is the database's");
    let error = other.record(created()).await.expect_err("another key");
    assert!(is_of_another_key(&error) && !error.is_retryable(), "{error:?}");
    let said = error.to_string();
    assert!(said.contains(&key(1).fingerprint().to_string()), "{said}");
    assert!(said.contains(&key(2).fingerprint().to_string()), "{said}");
    assert!(said.contains("with_previous"), "it says what to do: {said}");
    assert_eq!(run(&ours, apology()).await.0, 1);
    let (ran, answer) = run(&other, apology()).await;
    let Err(EffectError::NotAdmitted(AdmitError::NotRun(error))) = answer else {
        panic!("{answer:?}")
    };
    assert!(ran == 0 && is_of_another_key(&error), "{error:?}");
    assert_eq!(store.len(), 3, "the other left nothing");
}

#[tokio::test(start_paused = true)]
async fn an_effect_may_be_the_first_that_is_asked_under_another_key() {
    let store = Arc::new(MemoryStore::new());
    assert_eq!(run(&auditor(&store, key(1)), apology()).await.0, 1);
    let permit = auditor(&store, key(2)).effect(apology()).admit().await;
    let Err(AdmitError::NotRun(error)) = permit else { panic!("{permit:?}") };
    assert!(is_of_another_key(&error), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_key_is_replaced_by_a_process_that_knows_both_and_answers_stay() {
    let store = Arc::new(MemoryStore::new());
    let old = auditor(&store, key(1));
    assert_eq!(run(&old, apology()).await.0, 1);
    // What a secret leaves in a sealed input is a keyed hash, too.
    let secret = || {
        let input = json!({ "text": "token=sk_live_4eC39HqLyjWDarjtT1zdp7dc" });
        Effect::custom(
            moltbot_audit::EventType::DISCOVERY_CALL,
            moltbot_audit::Actor::System,
            input,
        )
        .request(&super::request())
        .idempotency_key("search")
    };
    assert_eq!(run(&old, secret()).await.0, 1);

    let new = auditor(&store, key(2).with_previous([key(1)]));
    for effect in [apology(), secret()] {
        let (ran, answer) = run(&new, effect).await;
        assert_eq!(
            (ran, answer.expect("answered")),
            (0, json!({ "sent": true })),
            "from its record"
        );
    }
    let rotated = store.records().into_iter();
    let rotated: Vec<_> =
        rotated.filter(|one| one.header().event_type == "audit.key_rotated").collect();
    let expected = json!({
        "previous_fingerprint": key(1).fingerprint().to_string(),
        "fingerprint": key(2).fingerprint().to_string(),
    });
    assert_eq!(rotated.iter().map(Record::input).collect::<Vec<_>>(), [Some(expected)]);

    // The old process may go on recording what it did, and decides nothing.
    old.record(created()).await.expect("what was done is recorded");
    let (ran, answer) = run(&old, custom().idempotency_key("another")).await;
    assert!(
        ran == 0 && matches!(answer, Err(EffectError::NotAdmitted(AdmitError::NotRun(_)))),
        "{answer:?}"
    );
    // A process that would bring the old key back is refused, and so is one that knows neither.
    for wrong in [key(1).with_previous([key(2)]), key(3)] {
        let error = auditor(&store, wrong).record(created()).await.expect_err("another key");
        assert!(is_of_another_key(&error), "{error:?}");
    }
    // Two rotations later, with all three: found still.
    let newest = auditor(&store, key(4).with_previous([key(2), key(1)]));
    assert_eq!(run(&newest, apology()).await.0, 0);
}

#[test]
fn ids_stay_until_the_oldest_key_is_dropped() {
    let id = |key: &RedactionKey| key.request_id("req-7").expect("a name").uuid();
    let rotated = key(3).with_previous([key(2), key(1)]);
    assert_eq!(id(&rotated), id(&key(1)));
    assert_eq!(id(&key(3).with_previous([key(2)])), id(&key(2)));
    assert_eq!(
        rotated.conversation_id("conv_001").expect("a name"),
        key(1).conversation_id("conv_001").expect("a name")
    );
    // Pseudonyms are the newest's.
    assert_eq!(rotated.pseudonym("phone", "788123456"), key(3).pseudonym("phone", "788123456"));
}

#[test]
fn neither_a_key_nor_its_proof_is_printed() {
    let printed = format!("{:?} {:?}", key(65).with_previous([key(66)]), key(65).proof());
    assert_eq!(printed, "RedactionKey(***) KeyProof(***)");
    let fingerprint = key(65).fingerprint();
    assert_eq!(format!("{fingerprint:?}"), fingerprint.to_string());
    assert_eq!(fingerprint.to_string().len(), 32);
    // Made once by an independent program: HMAC, then SHA-256, cut.
    assert_eq!(key(7).fingerprint().to_string(), FINGERPRINT_OF_SEVENS);
    assert_ne!(key(7).proof().as_bytes()[..16], *key(7).fingerprint().as_bytes());
}

const FINGERPRINT_OF_SEVENS: &str = "cb176e83b6736259507b4eb9e0db8937";

#[tokio::test(start_paused = true)]
async fn what_was_spooled_before_the_key_was_known_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Arc::new(MemoryStore::new());
    auditor(&store, key(1)).record(created()).await.expect("recorded");
    let sink = Arc::new(FaultySink::new(store.clone()));
    sink.every_call(Fault::not_landed());
    let spool = Spool::open(folder.path().join("spool")).await.expect("a spool");
    // Under another key, while nobody can say so: what it acknowledged must not be lost.
    spool.push(vec![crate::support::records::sealed(created())]).await.expect("spooled");
    let other = Auditor::builder(sink.clone(), key(2)).spool(spool.clone()).build();
    sink.heal();
    until("the spool is drained", || spool.depth().events == 0).await;
    assert_eq!((spool.depth().events, spool.set_aside_count()), (0, 0));
    assert_eq!(store.len(), 2, "it is stored");
    let error = other.record(created()).await.expect_err("another key");
    assert!(is_of_another_key(&error), "{error:?}");
}
