//! Names that `serde_json` takes for its own, if a feature of it is on: the tests turn one on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use moltbot_audit::delivery::Spool;
use moltbot_audit::event::payload::{
    MoltbotCalled, MoltbotInput, MoltbotOutput, OcrOutput, RejectionInput, RequestInput,
};
use moltbot_audit::json::parse;
use moltbot_audit::record::Record;
use moltbot_audit::redact::mask_json;
use moltbot_audit::store::AuditStore;
use moltbot_audit::testing::{Fault, MemoryStore};
use moltbot_audit::{Actor, AuditEvent, Auditor, Effect, EffectError, EventType};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::verified_packs;
use crate::support::records::{KEY, event, fresh_request, sealed, stream};
use crate::support::stores;
use crate::support::wait::until;

const NAMES: [&str; 2] = ["$serde_json::private::RawValue", "$serde_json::private::Number"];

fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    members
        .map(|(name, member)| (name.to_owned(), member))
        .into_iter()
        .collect::<Map<_, _>>()
        .into()
}

/// Objects with such a name: one that would be read as another value, one that could not be read, among
/// other members, and within other values.
fn payloads() -> Vec<Value> {
    let mut payloads = Vec::new();
    for name in NAMES {
        for member in ["[1]".into(), "no JSON".into(), "12".into(), 5.into(), object([])] {
            let alone = object([(name, member)]);
            payloads.push(object([("text", alone.to_string().into())]));
            payloads.push(object([("text", alone.clone()), ("to", "x".into())]));
            payloads.push(vec![alone.clone(), object([(name, alone.clone())])].into());
            payloads.push(alone);
        }
    }
    payloads
}

fn sent() -> EventType {
    EventType::new("message.sent").expect("well formed")
}

fn is_unchanged(record: &Record, payload: &Value) {
    assert_eq!(record.input().as_ref(), Some(payload));
    assert_eq!(record.output().as_ref(), Some(payload));
    assert_eq!(parse(record.canonical_input().expect("an input")).as_ref(), Ok(payload));
    let read_back = Record::from_bytes(&record.to_bytes()).expect("it is read back");
    assert_eq!(read_back.input(), record.input());
    assert_eq!(read_back.event_hash(), record.event_hash());
}

async fn are_stored_and_exported(store: Arc<dyn AuditStore>) {
    let request = fresh_request();
    let payloads = payloads();
    let of = |payload: &Value| event(&request).input(payload.clone()).output(payload.clone());
    let records: Vec<_> = payloads.iter().map(|payload| sealed(of(payload))).collect();
    for (record, payload) in records.iter().zip(&payloads) {
        is_unchanged(record, payload);
    }
    for appended in store.append(&records).await.expect("the batch lands") {
        appended.expect("it is stored");
    }
    let snapshot = store.read_stream(stream(&request)).await.expect("readable").expect("events");
    for (stored, payload) in snapshot.records.iter().zip(&payloads) {
        assert_eq!(stored.input.as_ref(), Some(payload));
        assert_eq!(stored.output.as_ref(), Some(payload));
    }
    let [internal, _] = verified_packs(&*store, &request).await;
    for (shown, payload) in internal.events.iter().zip(&payloads) {
        assert_eq!(&shown.output.value, payload);
    }
}

#[tokio::test]
async fn are_stored_read_and_exported_by_every_store() {
    for fresh in [stores::memory().await, stores::sqlite().await, stores::postgres().await] {
        are_stored_and_exported(fresh.store.clone()).await;
    }
}

#[tokio::test]
async fn are_spooled_and_drained() {
    let folder = tempfile::tempdir().expect("a folder");
    let spool = Spool::open(folder.path()).await.expect("a spool");
    let sink = stores::sink();
    sink.every_call(Fault::not_landed());
    let auditor = Auditor::builder(sink.clone(), KEY).spool(spool.clone()).build();
    let request = fresh_request();
    for payload in payloads() {
        auditor.record(event(&request).input(payload.clone()).output(payload)).await.expect("kept");
    }
    sink.heal();
    until("the spool is drained", || spool.depth().events == 0).await;
    auditor.shutdown(Duration::from_mins(1)).await.expect("everything is stored");
    assert_eq!(spool.set_aside_count(), 0);
    let packs = verified_packs(&**sink.inner(), &request).await;
    for (shown, payload) in packs[0].events.iter().zip(payloads()) {
        assert_eq!(shown.output.value, payload);
    }
}

#[tokio::test]
async fn are_replayed_as_they_were_or_not_at_all() {
    for fresh in [stores::sqlite().await, stores::postgres().await] {
        let auditor = Auditor::builder(fresh.store.clone(), KEY).build();
        for (nth, payload) in payloads().into_iter().enumerate() {
            let calls = AtomicUsize::new(0);
            let call = async || {
                calls.fetch_add(1, Ordering::Relaxed);
                Ok::<_, std::io::Error>(payload.clone())
            };
            let request = fresh_request();
            let effect = |key| {
                let effect = Effect::custom(sent(), Actor::System, payload.clone());
                auditor.effect(effect.request(&request).idempotency_key(key))
            };
            let key = format!("key {nth}");
            assert_eq!(effect(key.clone()).run(call).await.expect("it runs"), payload);
            match effect(key).run(call).await {
                // The host's own `Value` reads such a name as it likes.
                Err(EffectError::ReplayUnreadable(replay)) => {
                    assert_eq!(replay.output.as_ref(), Some(&payload));
                }
                replayed => assert_eq!(replayed.expect("it is replayed"), payload),
            }
            assert_eq!(calls.load(Ordering::Relaxed), 1);
        }
    }
}

fn read<T: DeserializeOwned>(payload: &Value) -> T {
    T::deserialize(payload).unwrap_or_else(|error| panic!("{payload}: {error}"))
}

#[test]
fn stand_in_typed_payloads_as_they_are() {
    for payload in payloads() {
        let MoltbotInput { context, extra, .. } =
            read(&object([("context", payload.clone()), ("more", payload.clone())]));
        assert_eq!((context.as_ref(), &extra["more"]), (Some(&payload), &payload));
        let typed = MoltbotInput { context, extra, ..Default::default() };
        let event =
            AuditEvent::typed::<MoltbotCalled>(Actor::Moltbot, &typed, &MoltbotOutput::default());
        let input = sealed(event.expect("it is JSON").request(&fresh_request())).input();
        assert_eq!(input, Some(object([("context", payload.clone()), ("more", payload.clone())])));

        let read_action: MoltbotOutput = read(&object([("action", payload.clone())]));
        assert_eq!(read_action.action.as_ref(), Some(&payload));
        let read_raw: RejectionInput = read(&object([("raw", payload.clone())]));
        assert_eq!(read_raw.raw.as_ref(), Some(&payload));
        let read_photo: OcrOutput = read(&object([("extracted", payload.clone())]));
        assert_eq!(read_photo.extracted.as_ref(), Some(&payload));
        let read_need: RequestInput = read(&object([("requirements", payload.clone())]));
        assert_eq!(read_need.requirements, Some(payload));
    }
    for name in NAMES {
        let extra: MoltbotInput = read(&object([(name, "[1]".into())]));
        assert_eq!(extra.extra[name], "[1]");
    }
}

#[derive(Serialize)]
struct Quoting<'a> {
    raw: &'a RawValue,
    wide: u128,
    narrow: i128,
}

#[tokio::test]
async fn are_kept_within_the_raw_json_of_a_host() {
    let store = Arc::new(MemoryStore::new());
    let auditor = Auditor::builder(store.clone(), KEY).build();
    for payload in payloads() {
        let text = payload.to_string();
        let raw: &RawValue = serde_json::from_str(&text).expect("JSON");
        let value = Quoting { raw, wide: u128::MAX, narrow: i128::MIN };
        let effect = Effect::custom(sent(), Actor::System, object([]));
        let permit = auditor.effect(effect.request(&fresh_request())).admit().await.expect("runs");
        permit.succeeded(&value).await.expect("recorded");
        let output = store.records().last().expect("a record").output().expect("an output");
        assert_eq!(output["raw"], payload);
        assert_eq!(output["wide"], u128::MAX.to_string());
        assert_eq!(output["narrow"], i128::MIN.to_string());
    }
}

#[test]
fn hide_no_secret_in_the_json_of_a_text() {
    let secret = "a-word-of-no-shape";
    let member = format!(r#""access_token":"{secret}""#);
    let deep = format!("{}{{{member}}}{}", "[".repeat(100), "]".repeat(100));
    let mut texts = vec![
        format!(r#"{{{member},"n":1e400}}"#),
        format!(r#"{{{member},"n":123456789012345678901234567890}}"#),
        format!(r#"{{{member},"access_token":""}}"#),
        format!(r#"{{{member},"access_token":"","access_token":{{"a":1}}}}"#),
        deep,
    ];
    for name in NAMES {
        texts.push(format!(r#"{{"{name}":5,{member}}}"#));
        texts.push(format!(r#"{{"{name}":"{{}}",{member}}}"#));
        texts.push(format!(r#"{{"{name}":{{{member}}}}}"#));
    }
    for text in texts {
        let payload = object([("body", text.clone().into())]);
        let record = sealed(event(&fresh_request()).input(payload.clone()));
        let kept = record.canonical_input().expect("an input");
        assert!(!kept.contains(secret), "{text} is kept as {kept}");
        let mut masked = payload;
        mask_json(&mut masked);
        assert!(!masked.to_string().contains(secret), "{text} is masked as {masked}");
    }
}

#[test]
fn a_text_of_json_without_a_secret_stays_as_it_was_written() {
    for text in [
        r#"{"a":1,"a":2}"#,
        r#"{ "n": 1e400 }"#,
        r"[123456789012345678901234567890, 1.10, -0]",
        r#"{"$serde_json::private::RawValue":"[1]"}"#,
    ] {
        let payload = object([("body", text.into())]);
        let record = sealed(event(&fresh_request()).input(payload.clone()));
        assert_eq!(record.input(), Some(payload));
    }
}
