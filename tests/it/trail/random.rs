//! Property: whatever trail was accepted, by whichever way, it is read as it was sealed, exported and
//! verified.
//!
//! A trail that fails is named by its seed and number.

use std::io::Write as _;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use moltbot_audit::delivery::Spool;
use moltbot_audit::json::parse;
use moltbot_audit::pack::{Unchecked, export_request_pack, verify_request_pack};
use moltbot_audit::proof::sanitise;
use moltbot_audit::record::Record;
use moltbot_audit::store::AuditStore;
use moltbot_audit::testing::{Fault, FaultySink};
use moltbot_audit::{AuditEvent, Auditor};
use serde_json::{Value, json};
use sqlx::PgPool;

use super::generator::Trail;
use super::{CHUNK, settings};
use crate::support::records::{KEY, assert_unbroken, sealed, stream};
use crate::support::stores::{self, Fresh};
use crate::support::wait::until;
use crate::typescript;

/// The trails of this run, some at a time.
fn trails() -> impl Iterator<Item = Vec<(String, Trail)>> {
    let (count, seed) = settings();
    let name = move |nth| format!("trail {nth} of MOLTBOT_AUDIT_SEED={seed}");
    (0..count).step_by(usize::try_from(CHUNK).expect("a small number")).map(move |first| {
        let chunk = first..count.min(first + CHUNK);
        chunk.map(|nth| (name(nth), Trail::nth(seed, nth))).collect()
    })
}

/// What is read back of an event: its type, the four parts, and how it ended.
#[derive(Debug, PartialEq)]
struct Kept {
    event_type: String,
    ended: (String, Option<String>),
    parts: [Option<Value>; 2],
    key: Option<String>,
    host_ids: Option<Value>,
}

impl Kept {
    fn of(record: &Record) -> Self {
        let header = record.header();
        Self {
            event_type: header.event_type.clone(),
            ended: (header.outcome.clone(), header.error_code.clone()),
            parts: [record.input(), record.output()],
            key: record.idempotency_key().map(str::to_owned),
            host_ids: record.host_ids(),
        }
    }
}

/// What sealing keeps of an event: all of it but for what [`sanitise`] changes, and secrets.
fn kept(name: &str, event: &AuditEvent) -> Kept {
    let record = sealed(event.clone());
    for (part, given) in [(record.input(), &event.input), (record.output(), &event.output)] {
        let sanitised = given.clone().filter(|given| !given.is_null()).map(sanitise);
        let is_marked = |part: &Value| {
            ["[secret ", "[media ", "[signed_url "]
                .iter()
                .any(|kind| part.to_string().contains(kind))
        };
        assert!(part == sanitised || part.as_ref().is_some_and(is_marked), "{name}: {part:?}");
    }
    Kept::of(&record)
}

/// Reads a trail back as it was kept, exports it for both readers, and verifies each pack.
async fn check(store: &dyn AuditStore, name: &str, trail: &Trail, expected: Vec<Kept>) {
    let snapshot = store.read_stream(stream(&trail.request)).await;
    let snapshot = snapshot.unwrap_or_else(|error| panic!("{name}: {error}")).expect("events");
    let read = snapshot.records.iter().map(|stored| Kept {
        event_type: stored.header.event_type.clone(),
        ended: (stored.header.outcome.clone(), stored.header.error_code.clone()),
        parts: [stored.input.clone(), stored.output.clone()],
        key: stored.idempotency_key.clone(),
        host_ids: stored.host_ids.clone(),
    });
    assert_eq!(read.collect::<Vec<_>>(), expected, "{name}");
    assert_unbroken(&snapshot);
    for profile in trail.profiles() {
        let pack = export_request_pack(store, &trail.request, &profile).await;
        let pack = pack.unwrap_or_else(|error| panic!("{name}: {error}"));
        let compact = serde_json::to_vec(&pack).expect("a pack is JSON");
        for json in [pack.to_json_pretty().as_bytes(), &compact] {
            let verified = verify_request_pack(json).unwrap_or_else(|error| {
                panic!("{name}, {}, {:?}: {error}", profile.name(), trail.additions)
            });
            assert_eq!(verified.events(), trail.events.len(), "{name}");
            let set_aside = |one: &Unchecked| matches!(one, Unchecked::SetAside(_));
            assert!(!verified.unchecked().iter().any(set_aside), "{name}");
        }
    }
}

async fn check_all(store: &dyn AuditStore, trails: &[(String, Trail)]) {
    for (name, trail) in trails {
        let expected = trail.events.iter().map(|event| kept(name, event)).collect();
        check(store, name, trail, expected).await;
    }
}

pub(super) async fn stores() -> [Fresh; 3] {
    [stores::memory().await, stores::sqlite().await, stores::postgres().await]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_trail_that_is_recorded_verifies() {
    let stores = stores().await;
    let auditors = stores.each_ref().map(|one| Auditor::builder(one.store.clone(), KEY).build());
    for (chunk, nth) in trails().zip((0..stores.len()).cycle()) {
        for (_, trail) in &chunk {
            for event in &trail.events {
                auditors[nth].record(event.clone()).await.expect("it is recorded");
            }
        }
        check_all(&*stores[nth].store, &chunk).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_trail_that_is_spooled_and_drained_verifies() {
    let stores = stores().await;
    for (chunk, nth) in trails().zip((0..stores.len()).cycle()) {
        let folder = tempfile::tempdir().expect("a folder");
        let spool = Spool::open(folder.path()).await.expect("a spool");
        let sink = Arc::new(FaultySink::new(stores[nth].store.clone()));
        sink.every_call(Fault::not_landed());
        let auditor = Auditor::builder(sink.clone(), KEY).spool(spool.clone()).build();
        for (_, trail) in &chunk {
            for event in &trail.events {
                auditor.record(event.clone()).await.expect("it is kept");
            }
        }
        sink.heal();
        until("the spool is drained", || spool.depth().events == 0).await;
        auditor.shutdown(Duration::from_mins(1)).await.expect("all is stored");
        assert_eq!(spool.set_aside_count(), 0);
        check_all(&*stores[nth].store, &chunk).await;
    }
}

/// Appends as any program can that has the sealed form, with JSON in another spelling.
async fn append_by_sql(pool: &PgPool, records: &[Record]) {
    let respelled = |canonical: Option<&str>| {
        let value = parse(canonical?).expect("canonical JSON");
        serde_json::to_string_pretty(&value).ok()
    };
    let uuids = |of: fn(&Record) -> Option<uuid::Uuid>| records.iter().map(of).collect::<Vec<_>>();
    let texts = |of: &dyn Fn(&Record) -> Option<String>| records.iter().map(of).collect::<Vec<_>>();
    let bytes = |of: fn(&Record) -> Vec<u8>| records.iter().map(of).collect::<Vec<_>>();
    let append = sqlx::query_scalar::<_, String>(
        "select status from moltbot_audit.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, \
         $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)",
    )
    .bind(uuids(|record| Some(record.header().id)))
    .bind(uuids(|record| Some(record.stream_id().uuid())))
    .bind(uuids(|record| record.header().request_id))
    .bind(uuids(|record| record.header().conversation_id))
    .bind(texts(&|record| Some(record.header().event_type.clone())))
    .bind(texts(&|record| Some(record.header().actor.clone())))
    .bind(texts(&|record| Some(record.header().outcome.clone())))
    .bind(texts(&|record| record.header().error_code.clone()))
    .bind(records.iter().map(|record| record.header().duration_ms).collect::<Vec<_>>())
    .bind(records.iter().map(|record| record.header().created_at).collect::<Vec<_>>())
    .bind(texts(&|record| record.header().trace_id.clone()))
    .bind(texts(&|record| record.header().span_id.clone()))
    .bind(uuids(|record| record.header().caused_by))
    .bind(uuids(|record| record.header().writer_id))
    .bind(texts(&|record| respelled(record.canonical_input())))
    .bind(texts(&|record| respelled(record.canonical_output())))
    .bind(texts(&|record| record.idempotency_key().map(str::to_owned)))
    .bind(texts(&|record| respelled(record.canonical_host_ids())))
    .bind(bytes(|record| record.salt().as_bytes().to_vec()))
    .bind(bytes(|record| record.commitments().input.as_bytes().to_vec()))
    .bind(bytes(|record| record.commitments().output.as_bytes().to_vec()))
    .bind(bytes(|record| record.commitments().idempotency_key.as_bytes().to_vec()))
    .bind(bytes(|record| record.commitments().host_ids.as_bytes().to_vec()))
    .bind(bytes(|record| record.event_hash().as_bytes().to_vec()));
    let statuses = append.fetch_all(pool).await.expect("it is appended");
    assert_eq!(statuses, vec!["stored"; records.len()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_trail_that_is_appended_by_sql_verifies() {
    let (fresh, url) = stores::postgres_with_url().await;
    let pool = stores::pool(&url).await;
    for chunk in trails() {
        for (_, trail) in &chunk {
            let records: Vec<_> = trail.events.iter().cloned().map(sealed).collect();
            append_by_sql(&pool, &records).await;
        }
        check_all(&*fresh.store, &chunk).await;
    }
}

/// An event as `tests/typescript/append_lines.mjs` reads it. JavaScript would round integers beyond 2⁵³−1,
/// so its host passes them as texts.
fn line(event: &AuditEvent) -> Value {
    let part = |part: &Option<Value>| part.clone().map(without_large_integers);
    json!({
        "id": event.id.map(|id| id.to_string()),
        "type": event.event_type.as_str(),
        "actor": event.actor.as_str(),
        "requestId": event.request_id.as_ref().map(ToString::to_string),
        "conversation": event.conversation_id.as_ref().and_then(|id| id.original()),
        "input": part(&event.input),
        "output": part(&event.output),
        "idempotencyKey": event.idempotency_key,
        "outcome": event.outcome.as_str(),
        "errorCode": event.error_code.map(moltbot_audit::ErrorCode::as_str),
        "durationMs": event.duration.map(|duration| duration.as_millis()),
    })
}

fn without_large_integers(value: Value) -> Value {
    match value {
        Value::Number(number) if !number.is_f64() => sanitise(number.into()),
        Value::Array(items) => items.into_iter().map(without_large_integers).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(name, member)| (name, without_large_integers(member)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other,
    }
}

/// What TypeScript keeps: it looks for no secrets.
fn kept_by_typescript(event: &AuditEvent) -> Kept {
    let part = |part: &Option<Value>| part.clone().filter(|part| !part.is_null()).map(sanitise);
    Kept {
        parts: [part(&event.input), part(&event.output)],
        key: event.idempotency_key.as_ref().map(|key| key.replace('\0', "\u{fffd}")),
        ..Kept::of(&sealed(event.clone()))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_trail_that_is_written_by_typescript_verifies() {
    let (fresh, url) = stores::postgres_with_url().await;
    for chunk in trails() {
        let events = chunk.iter().flat_map(|(_, trail)| &trail.events);
        let lines = events.map(|event| line(event).to_string()).collect::<Vec<_>>().join("\n");
        let mut node = typescript::node(&url, &["tests/typescript/append_lines.mjs"]);
        let node = node.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut node = node.expect("node starts");
        let mut stdin = node.stdin.take().expect("a pipe");
        let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
        typescript::said(&node.wait_with_output().expect("node ends"));
        writer.join().expect("no panic").expect("node reads");
        for (name, trail) in &chunk {
            let expected = trail.events.iter().map(kept_by_typescript).collect();
            check(&*fresh.store, name, trail, expected).await;
        }
    }
}
