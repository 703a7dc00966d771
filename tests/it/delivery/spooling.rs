//! What happens to events while the database is away: the way into the spool, and out of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use moltbot_audit::delivery::{QueueLimits, Spool, SpoolError, WriteError};
use moltbot_audit::event::payload::OutboundInput;
use moltbot_audit::record::{Record, Recorded};
use moltbot_audit::testing::{Fault, FaultySink, MemoryStore};
use moltbot_audit::{AuditEvent, Auditor, RecordError};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::support::records::{KEY, event, fresh_request, named_request, numbered_records, stream};
use crate::support::stores;
use crate::support::wait::until;

/// An auditor with a spool, before a store that fails on purpose.
struct Scene {
    sink: Arc<FaultySink<MemoryStore>>,
    auditor: Auditor,
    spool: Spool,
    folder: tempfile::TempDir,
}

impl Scene {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let spool = Spool::open(folder.path()).await.expect("a folder of our own");
        Self::with(stores::sink(), spool, folder)
    }

    fn with(sink: Arc<FaultySink<MemoryStore>>, spool: Spool, folder: tempfile::TempDir) -> Self {
        let limits = QueueLimits::default()
            .wait(Duration::from_millis(200))
            .call_limit(Duration::from_secs(1));
        let auditor =
            Auditor::builder(sink.clone(), KEY).spool(spool.clone()).limits(limits).build();
        Self { sink, auditor, spool, folder }
    }

    async fn record(&self, event: AuditEvent) -> Recorded {
        self.auditor.record(event).await.expect("it is durable somewhere")
    }

    /// Waits until the spool is empty, and every drain has said so.
    async fn drained(&self) {
        let said = || self.drains().iter().filter_map(|drain| drain["newest_at"].as_str()).count();
        until("all is drained", || self.spool.depth().events == 0 && said() > 0).await;
        self.auditor.shutdown(Duration::from_secs(20)).await.expect("the drain is recorded");
    }

    /// What is stored, apart from what the library says of itself.
    fn stored(&self) -> Vec<Record> {
        let mut stored = self.sink.inner().records();
        stored.retain(|record| !record.header().event_type.starts_with("audit."));
        stored
    }

    /// What the drains said of themselves.
    fn drains(&self) -> Vec<Value> {
        let records = self.sink.inner().records();
        let drains = records.iter().filter(|one| one.header().event_type == "audit.spool_drained");
        drains.map(|one| one.output().expect("counts")).collect()
    }
}

fn is_spooled(recorded: &Recorded) -> bool {
    matches!(recorded, Recorded::Spooled { .. })
}

fn ids(records: &[Record]) -> Vec<Uuid> {
    records.iter().map(|record| record.header().id).collect()
}

#[tokio::test(start_paused = true)]
async fn events_of_an_outage_are_spooled_and_stored_on_return_in_order() {
    for fault in [
        Fault::not_landed(),
        Fault::landed(),
        Fault::not_landed().hanging(),
        Fault::landed().hanging(),
    ] {
        let scene = Scene::new().await;
        let requests = [fresh_request(), fresh_request()];
        let mut order: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
        for n in 0..60 {
            match n {
                10 => scene.sink.every_call(fault),
                40 => scene.sink.heal(),
                _ => {}
            }
            let request = &requests[n % 2];
            let recorded = scene.record(event(request)).await;
            // Of what is recorded after the return, some takes the way through the spool still.
            assert!(n >= 40 || is_spooled(&recorded) == (10..40).contains(&n), "{n} {fault:?}");
            order.entry(request.uuid()).or_default().push(recorded.event_id());
        }
        scene.drained().await;
        let mut stored: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
        for record in scene.stored() {
            let request = record.header().request_id.expect("all have one");
            stored.entry(request).or_default().push(record.header().id);
        }
        assert_eq!(stored, order, "{fault:?}");
        let said: u64 =
            scene.drains().iter().filter_map(|drain| drain["stored_events"].as_u64()).sum();
        assert!((30..=50).contains(&said), "{fault:?}: {:?}", scene.drains());
    }
}

/// A wrong password, a missing schema, a pooler at its limit: no event is at fault, so none is set
/// aside, however long it lasts.
#[tokio::test(start_paused = true)]
async fn a_database_that_is_not_in_a_state_to_record_counts_as_away() {
    let scene = Scene::new().await;
    let request = fresh_request();
    scene.sink.every_call(Fault::broken());
    let mut sent = Vec::new();
    for _ in 0..20 {
        let recorded = scene.record(event(&request)).await;
        assert!(is_spooled(&recorded));
        sent.push(recorded.event_id());
    }
    let calls = scene.sink.calls();
    until("it is tried again", || scene.sink.calls() >= calls + 3).await;
    assert_eq!(scene.spool.depth().events, 20);
    scene.sink.heal();
    scene.drained().await;
    assert_eq!(ids(&scene.stored()), sent);
    assert_eq!(scene.spool.set_aside_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_spool_that_fails_does_not_keep_events_from_a_database_that_is_back() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let spool = Spool::options(folder.path()).max_bytes(1).open().await.expect("our own");
    let sink = stores::sink();
    let scene = Scene::with(sink, spool, folder);
    scene.sink.every_call(Fault::not_landed());
    let error = scene.auditor.record(event(&fresh_request())).await.expect_err("no room at all");
    assert!(matches!(error, RecordError::Write(WriteError::Spool(_))), "{error:?}");
    scene.sink.heal();
    let started = Instant::now();
    loop {
        match scene.auditor.record(event(&fresh_request())).await {
            Ok(recorded) => break assert!(!is_spooled(&recorded)),
            // The drain looks in a moment, and finds that there is nothing to wait for.
            Err(_) => assert!(started.elapsed() < Duration::from_secs(20)),
        }
    }
    scene.auditor.shutdown(Duration::from_secs(10)).await.expect("all is written");
    let records = scene.sink.inner().records();
    let counted = records.iter().find(|one| one.header().event_type == "audit.not_recorded");
    let counts = counted.expect("the failures are stated").output().expect("counts");
    assert!(counts["spool_failed_events"].as_u64() >= Some(1), "{counts}");
}

#[tokio::test(start_paused = true)]
async fn only_the_stream_that_is_locked_goes_through_the_spool() {
    let scene = Scene::new().await;
    let (locked, free) = (fresh_request(), fresh_request());
    let stream = crate::support::records::stream(&locked);
    scene.sink.lock(move |record| record.stream_id() == stream);
    for _ in 0..5 {
        assert!(is_spooled(&scene.record(event(&locked)).await));
        assert!(!is_spooled(&scene.record(event(&free)).await));
    }
    scene.sink.heal();
    scene.drained().await;
    assert_eq!(scene.stored().len(), 10);
}

#[tokio::test]
async fn a_drain_passes_by_a_locked_stream_however_much_of_it_stands_in_front() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let spool = Spool::open(folder.path()).await.expect("a folder of our own");
    let locked = fresh_request();
    spool.push(numbered_records(&locked, 0..1200)).await.unwrap();
    for n in 1200..1250 {
        spool.push(numbered_records(&fresh_request(), [n])).await.unwrap();
    }
    let sink = stores::sink();
    let stream_id = stream(&locked);
    sink.lock(move |record| record.stream_id() == stream_id);
    let scene = Scene::with(sink, spool, folder);
    let _started = Instant::now();
    until("some are stored", || scene.spool.depth().events <= 1200).await;
    assert_eq!(scene.stored().len(), 50);
    scene.sink.heal();
    scene.drained().await;
    let stored = scene.stored();
    let (others, held) = stored.split_at(50);
    assert!(others.iter().all(|record| record.stream_id() != stream_id));
    let numbers: Vec<_> = held.iter().map(|record| record.input().unwrap()["n"].as_u64()).collect();
    assert_eq!(numbers, (0..1200).map(Some).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn after_shutdown_nothing_holds_on_to_spool_or_store() {
    let scene = Scene::new().await;
    scene.sink.every_call(Fault::not_landed());
    assert!(is_spooled(&scene.record(event(&fresh_request())).await));
    let Scene { sink, auditor, spool, folder } = scene;
    let left = auditor.shutdown(Duration::from_secs(10)).await.expect("all is in the spool");
    assert_eq!(left.spooled, 1);
    drop(auditor);
    spool.close().await.expect("a writable spool");
    let _started = Instant::now();
    until("no task goes on", || Arc::strong_count(&sink) == 1).await;
    drop(folder);
}

#[tokio::test(start_paused = true)]
async fn a_slow_database_is_not_kept_busy_by_what_a_drain_says_of_itself() {
    let scene = Scene::new().await;
    scene.sink.every_call(Fault::slow(Duration::from_millis(300)));
    assert!(is_spooled(&scene.record(event(&fresh_request())).await), "0.3 s is over the limit");
    let _started = Instant::now();
    let is_drained = || scene.spool.depth().events == 0 && !scene.drains().is_empty();
    until("all is drained", is_drained).await;
    sleep(Duration::from_secs(2)).await;
    assert_eq!(scene.drains().len(), 1, "{:?}", scene.drains());
}

#[tokio::test(start_paused = true)]
async fn a_hanging_database_delays_callers_once_and_by_the_limit() {
    let scene = Scene::new().await;
    scene.sink.every_call(Fault::not_landed().hanging());
    let started = Instant::now();
    for _ in 0..20 {
        assert!(is_spooled(&scene.record(event(&fresh_request())).await));
    }
    // Twenty times the limit of 0.2 s would be 4 s.
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert!(started.elapsed() >= Duration::from_millis(200), "it never tried");
}

#[tokio::test(start_paused = true)]
async fn other_streams_are_recorded_live_while_the_spool_is_drained() {
    let scene = Scene::new().await;
    let request = fresh_request();
    scene.sink.every_call(Fault::not_landed());
    for _ in 0..3_000 {
        // Many at a time, or it takes long.
        let callers: Vec<_> = (0..50)
            .map(|_| {
                let (auditor, event) = (scene.auditor.clone(), event(&request));
                tokio::spawn(async move { auditor.record(event).await })
            })
            .collect();
        for caller in callers {
            assert!(is_spooled(&caller.await.expect("a caller ends").expect("it is durable")));
        }
        if scene.spool.depth().events >= 3_000 {
            break;
        }
    }
    // The drain takes its time; nobody else has to.
    scene.sink.heal();
    scene.sink.every_call(Fault::slow(Duration::from_millis(60)));
    let started = Instant::now();
    loop {
        assert!(started.elapsed() < Duration::from_secs(30), "nothing is recorded live");
        let recorded = scene.record(event(&fresh_request())).await;
        if !is_spooled(&recorded) {
            break;
        }
        sleep(Duration::from_millis(5)).await;
    }
    assert!(scene.spool.depth().events > 0, "the spool was empty before");
    assert!(is_spooled(&scene.record(event(&request)).await), "its stream has to wait its turn");
    scene.sink.heal();
    scene.drained().await;
}

#[tokio::test(start_paused = true)]
async fn what_the_database_refuses_is_set_aside_and_holds_up_nothing() {
    let scene = Scene::new().await;
    scene.sink.every_call(Fault::not_landed());
    let request = fresh_request();
    let known = event(&request);
    let mut sent = Vec::new();
    for n in 0..30 {
        let event = if n == 0 { known.clone() } else { event(&request) };
        sent.push(scene.record(event).await.event_id());
    }
    let refused = sent[7];
    scene.sink.refuse(move |record| record.header().id == refused);
    let conflicting = scene.record(known.output(json!("another"))).await;
    assert_eq!(conflicting.event_id(), sent[0]);
    scene.sink.heal();
    scene.sink.refuse(move |record| record.header().id == refused);
    scene.drained().await;
    sent.remove(7);
    assert_eq!(ids(&scene.stored()), sent);
    let aside = scene.spool.set_aside_records(0, 10).await.expect("a readable spool");
    let reasons: Vec<_> = aside.iter().map(|one| one.reason.as_str()).collect();
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert!(reasons[0].contains("refused"), "{reasons:?}");
    assert!(reasons[1].contains("already recorded with other content"), "{reasons:?}");
    assert_eq!(scene.drains().last().expect("a drain")["set_aside_events"], 2);
}

#[tokio::test(start_paused = true)]
async fn a_full_spool_is_the_callers_error_and_loses_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let spool = Spool::options(folder.path()).max_events(5).open().await.expect("our own");
    let sink = stores::sink();
    let scene = Scene::with(sink, spool, folder);
    scene.sink.every_call(Fault::not_landed());
    let request = fresh_request();
    let mut acknowledged = Vec::new();
    for _ in 0..5 {
        acknowledged.push(scene.record(event(&request)).await.event_id());
    }
    let error = scene.auditor.record(event(&request)).await.expect_err("there is no room");
    assert!(error.is_retryable());
    let RecordError::Write(WriteError::Spool(source)) = error else { panic!("{error:?}") };
    assert!(matches!(&*source, SpoolError::Full { .. }), "{source:?}");
    scene.sink.heal();
    scene.drained().await;
    assert_eq!(ids(&scene.stored()), acknowledged);
}

#[tokio::test(start_paused = true)]
async fn the_next_process_stores_what_the_last_one_spooled() {
    let scene = Scene::new().await;
    scene.sink.every_call(Fault::not_landed());
    let request = fresh_request();
    let mut sent = Vec::new();
    for _ in 0..10 {
        sent.push(scene.record(event(&request)).await.event_id());
    }
    let Scene { sink, auditor, spool, folder } = scene;
    let left = auditor.shutdown(Duration::from_secs(10)).await.expect("all is in the spool");
    assert_eq!(left.spooled, 10);
    spool.close().await.expect("a writable spool");
    drop(auditor);
    sink.heal();
    let spool = Spool::open(folder.path()).await.expect("nobody holds it");
    // It records nothing itself: being there is enough.
    let next = Scene::with(sink, spool, folder);
    next.drained().await;
    assert_eq!(ids(&next.stored()), sent);
}

#[tokio::test(start_paused = true)]
async fn shutdown_leaves_what_the_database_does_not_take_in_the_spool() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let spool = Spool::open(folder.path()).await.expect("our own");
    let sink = stores::sink();
    // A caller would wait for an hour.
    let auditor = Auditor::builder(sink.clone(), KEY)
        .spool(spool.clone())
        .limits(QueueLimits::default().wait(Duration::from_hours(1)))
        .build();
    sink.every_call(Fault::not_landed().hanging());
    let caller = tokio::spawn({
        let auditor = auditor.clone();
        async move { auditor.record(event(&fresh_request())).await }
    });
    until("the store is called", || sink.calls() > 0).await;
    auditor.shutdown(Duration::from_millis(500)).await.expect("it is in the spool");
    assert!(is_spooled(&caller.await.expect("a caller ends").expect("it is durable")));
    assert_eq!(spool.depth().events, 1);
}

#[tokio::test(start_paused = true)]
async fn an_effect_runs_and_its_outcome_is_kept_while_the_database_is_away() {
    let scene = Scene::new().await;
    scene.sink.every_call(Fault::not_landed());
    let effect = moltbot_audit::Effect::message(&OutboundInput::default())
        .request(&named_request("an apology"));
    let sent = scene.auditor.effect(effect).run(async || Ok::<_, String>(json!({ "id": 1 })));
    assert_eq!(sent.await.expect("it runs"), json!({ "id": 1 }));
    scene.sink.heal();
    scene.drained().await;
    let stored = scene.stored();
    assert_eq!(stored[0].header().event_type, "effect.admitted");
    assert_eq!(stored[1].header().event_type, "whatsapp.outbound_sent");
    assert_eq!(stored[1].output(), Some(json!({ "id": 1 })));
}
