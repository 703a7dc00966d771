//! Who wrote an event, and under what: recorded once, named by every event, and proven by the id.

use std::sync::Arc;
use std::time::Duration;

use moltbot_audit::auditor::{Clock as _, Host, SystemClock};
use moltbot_audit::pack::{Unchecked, Verdict, VerifiedPack, verify_request_pack};
use moltbot_audit::policy::Limits;
use moltbot_audit::record::StoredRecord;
use moltbot_audit::redact::Profile;
use moltbot_audit::store::AuditStore;
use moltbot_audit::testing::Fault;
use moltbot_audit::{Actor, AuditEvent, Auditor, Budget, EventId, EventType, RequestId, StreamId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{KEY, both_packs, export};
use crate::support::forger::{Chain, Forger};
use crate::support::records::fresh_request;
use crate::support::rows::Row;
use crate::support::stores::{self, Fresh};
use crate::support::wait;

fn host() -> Host {
    Host::new("orchestrator", "1.4.2")
        .commit("8f3c1d0")
        .works_by("prompt:planner", "You are Moltbot")
}

fn writing(store: &Arc<dyn AuditStore>, host: Host) -> Auditor {
    Auditor::builder(store.clone(), KEY).host(host).build()
}

fn event(request: &RequestId) -> AuditEvent {
    AuditEvent::new(EventType::DISCOVERY_CALL, Actor::System)
        .request(request)
        .input(json!({ "n": 1 }))
}

async fn system(store: &dyn AuditStore) -> Vec<StoredRecord> {
    let snapshot = store.read_stream(StreamId::SYSTEM).await.expect("it can be read");
    snapshot.map(|snapshot| snapshot.records).unwrap_or_default()
}

/// Waits until the system's stream has so many events of a type.
async fn recorded(store: &dyn AuditStore, event_type: &str, count: usize) -> Vec<StoredRecord> {
    wait::eventually(event_type, async || {
        let mut found = system(store).await;
        found.retain(|record| record.header.event_type == event_type);
        (found.len() == count).then_some(found)
    })
    .await
}

/// An auditor whose host is known, after its first event; that event's request, and the writer's id.
async fn one_event(fresh: &Fresh) -> (Auditor, RequestId, Uuid) {
    let (auditor, request) = (writing(&fresh.store, host()), fresh_request());
    auditor.record(event(&request)).await.expect("recorded");
    let writer = recorded(&*fresh.store, "audit.writer_started", 1).await[0].header.id;
    (auditor, request, writer)
}

async fn verified(fresh: &Fresh, request: &RequestId) -> (Value, VerifiedPack) {
    let json = export(&*fresh.store, request, &Profile::internal()).await.to_json_pretty();
    let verified = verify_request_pack(json.as_bytes()).expect("it is as recorded");
    (serde_json::from_str(&json).expect("JSON"), verified)
}

#[tokio::test]
async fn each_event_names_its_writer_and_a_pack_says_what_was_in_force() {
    let fresh = stores::sqlite().await;
    let request = fresh_request();
    let limits = Limits::default().per_day(Budget::TOKENS, 5_000).expect("a limit");
    let auditor = Auditor::builder(fresh.store.clone(), KEY).host(host()).budgets(limits).build();
    for _ in 0..2 {
        auditor.record(event(&request)).await.expect("recorded");
    }
    let writer = recorded(&*fresh.store, "audit.writer_started", 1).await.remove(0).header.id;
    for record in stores::read(&*fresh.store, &request).await.records {
        assert_eq!(record.header.writer_id, Some(writer));
    }
    let (pack, verified) = verified(&fresh, &request).await;
    assert_eq!(verified.verdict(), Verdict::Intact, "{:?}", verified.unchecked());
    assert!(verified.remarks().is_empty(), "{:?}", verified.remarks());
    let [said] = &pack["writers"]["content"].as_array().expect("a list")[..] else { panic!("one") };
    assert_eq!((&said["writer_id"], &said["events"]), (&json!(writer), &json!(2)));
    assert_eq!((&said["first_seq"], &said["last_seq"]), (&json!(1), &json!(2)));
    let said = &said["said"];
    assert_eq!(
        (&said["program"], &said["program_version"]),
        (&"orchestrator".into(), &"1.4.2".into())
    );
    assert_eq!(said["commit"], "8f3c1d0");
    assert_eq!(said["crate_version"], env!("CARGO_PKG_VERSION"));
    let day = json!({ "budget": "tokens", "period": "day", "limit": 5_000 });
    assert!(said["limits"].as_array().expect("a list").contains(&day), "{said:#}");
    assert_eq!(said["elapsed_max_ms"], 600_000);
    // `printf 'You are Moltbot' | sha256sum`
    let digest = "0b04dcb96f5c7e9ccaaeb494f230a07eb52b8c811086d1900c60a98818bb62b7";
    assert_eq!(said["digests"]["prompt:planner"], digest);
}

#[tokio::test]
async fn a_changed_configuration_is_another_writer_and_says_what_changed() {
    let fresh = stores::sqlite().await;
    let (auditor, request, _) = one_event(&fresh).await;
    let changed = host().works_by("prompt:planner", "You are Moltbot, and brief");
    auditor.configuration_changed(&changed).await.expect("recorded");
    auditor.record(event(&request)).await.expect("recorded");

    let (pack, verified) = verified(&fresh, &request).await;
    assert_eq!(verified.verdict(), Verdict::Intact);
    let writers = pack["writers"]["content"].as_array().expect("a list");
    let places: Vec<_> = writers.iter().map(|writer| writer["first_seq"].clone()).collect();
    assert_eq!(places, [json!(1), json!(2)]);
    assert_eq!(writers[1]["said"]["changed"], json!(["prompt:planner"]));
    assert_eq!(writers[1]["said"]["previous_writer_id"], writers[0]["writer_id"]);

    // The first is shown even if it wrote nothing of the request: without it no one could say what changed.
    let later = fresh_request();
    auditor.record(event(&later)).await.expect("recorded");
    let (pack, _) = self::verified(&fresh, &later).await;
    let writers = pack["writers"]["content"].as_array().expect("a list");
    assert_eq!((writers.len(), &writers[0]["events"]), (2, &json!(0)));
}

#[tokio::test]
async fn a_writer_that_ends_in_order_says_so_and_one_that_dies_does_not() {
    let fresh = stores::sqlite().await;
    let (ended, request, writer) = one_event(&fresh).await;
    ended.shutdown(Duration::from_mins(1)).await.expect("nothing is left");
    let dead = writing(&fresh.store, host());
    dead.record(event(&request)).await.expect("recorded");
    recorded(&*fresh.store, "audit.writer_started", 2).await;
    drop(dead);
    let stopped = recorded(&*fresh.store, "audit.writer_stopped", 1).await;
    assert_eq!(stopped[0].header.writer_id, Some(writer));
}

#[tokio::test]
async fn an_event_that_two_processes_record_is_one_event() {
    for fresh in [stores::sqlite().await, stores::postgres().await, stores::memory().await] {
        let request = fresh_request();
        let [first, second] = [host(), host()].map(|host| writing(&fresh.store, host));
        let told = event(&request).id(first.event_id().expect("an id"));
        assert!(!first.record(told.clone()).await.expect("it is new").is_duplicate());
        assert!(second.record(told).await.expect("the same event").is_duplicate());
        drop(fresh.keep);
    }
}

#[tokio::test]
async fn without_a_host_events_name_no_writer_and_the_verifier_says_so() {
    let fresh = stores::sqlite().await;
    let request = fresh_request();
    let auditor = Auditor::builder(fresh.store.clone(), KEY).build();
    auditor.record(event(&request)).await.expect("recorded");
    let (pack, verified) = verified(&fresh, &request).await;
    assert_eq!(verified.remarks(), ["1 events name no writer"]);
    assert_eq!(pack["writers"], json!({ "status": "empty" }));
    assert!(system(&*fresh.store).await.is_empty());
}

#[tokio::test]
async fn what_a_writer_said_cannot_be_changed_swapped_or_made_up() {
    let fresh = stores::sqlite().await;
    let request = fresh_request();
    for commit in ["aaaa", "bbbb"] {
        let auditor = writing(&fresh.store, Host::new("orchestrator", "1").commit(commit));
        auditor.record(event(&request)).await.expect("recorded");
    }
    recorded(&*fresh.store, "audit.writer_started", 2).await;
    for pack in both_packs(&*fresh.store, &request).await {
        let refused = |change: fn(&mut Vec<Value>)| {
            let mut forger = Forger::of(&pack);
            change(forger.pack["writer_events"].as_array_mut().expect("a list"));
            forger.verify(Chain::Untouched).expect_err("it was changed").to_string()
        };
        let changed = refused(|writers| writers[0]["input"]["value"]["lease_ms"] = json!(5));
        assert!(changed.contains("does not match its commitment"), "{changed}");
        // What both say is sealed, and each id stands for one of them.
        let swapped = refused(|writers| {
            let [first, second] =
                [writers[0]["header"]["id"].clone(), writers[1]["header"]["id"].clone()];
            (writers[0]["header"]["id"], writers[1]["header"]["id"]) = (second, first);
        });
        assert!(swapped.starts_with("writer "), "{swapped}");
        let twice = refused(|writers| writers.push(writers[0].clone()));
        assert!(twice.contains("an earlier event has its id"), "{twice}");

        // To leave one out is to know nothing of it.
        let mut forger = Forger::of(&pack);
        let left_out = forger.pack["writer_events"].as_array_mut().expect("a list").remove(0);
        let verified = forger.verify(Chain::Untouched).expect("the rest is whole");
        let writer_id: Uuid =
            serde_json::from_value(left_out["header"]["id"].clone()).expect("an id");
        assert!(verified.unchecked().contains(&Unchecked::Writer { writer_id }));
        assert_eq!(verified.verdict(), Verdict::CannotBeChecked);
    }
}

#[tokio::test]
async fn a_writer_of_another_content_under_the_same_id_is_refused() {
    let fresh = stores::sqlite().await;
    let (_auditor, request, _) = one_event(&fresh).await;
    let [pack, _] = both_packs(&*fresh.store, &request).await;
    let mut forger = Forger::of(&pack);
    // All that is computed of the event is computed again; the id stays, because the chain names it.
    forger.rewrite_writer(0, |input| input["lease_ms"] = json!(5));
    let said =
        forger.verify(Chain::Untouched).expect_err("its id was made for another").to_string();
    assert!(said.contains("what it says is not what its id was made for"), "{said}");
}

#[tokio::test]
async fn an_event_that_names_a_foreign_writer_cannot_be_checked() {
    let (fresh, url) = stores::postgres_with_url().await;
    let (_auditor, request, writer) = one_event(&fresh).await;
    let foreign = EventId::new(SystemClock::new().now(), 99).expect("a time").uuid();
    let record = crate::support::records::sealed(event(&request));
    let mut header = record.header().clone();
    header.writer_id = Some(foreign);
    let mut row = Row::of(&record);
    row.writer_id = Some(foreign);
    row.digests[4] = record.commitments().event_hash(&header).as_bytes().to_vec();
    let pool = stores::pool(&url).await;
    row.call_with_arrays(&pool, "append", "").await.expect("a role that may append may say so");
    let (_, verified) = verified(&fresh, &request).await;
    assert_eq!(verified.unchecked(), [Unchecked::Writer { writer_id: foreign }]);
    assert_ne!(writer, foreign);
    drop(fresh.keep);
}

#[tokio::test]
async fn a_writer_that_could_not_be_recorded_is_recorded_with_the_next_event() {
    let sink = stores::sink();
    let auditor = Auditor::builder(sink.clone(), KEY).host(host()).build();
    sink.every_call(Fault::not_landed());
    let request = fresh_request();
    auditor.record(event(&request)).await.expect_err("the database refuses everything");
    sink.heal();
    let started = wait::eventually("the writer is recorded", async || {
        auditor.record(event(&request)).await.ok()?;
        let found = system(&*sink).await;
        found.into_iter().find(|record| record.header.event_type == "audit.writer_started")
    });
    let id = started.await.header.id;
    // Events name it from the first on.
    let records = stores::read(&*sink, &request).await.records;
    assert!(records.iter().all(|record| record.header.writer_id == Some(id)));
}
