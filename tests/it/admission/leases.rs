//! Leases of effects that run: renewed by their process, and by nothing else.

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use moltbot_audit::AdmitError;
use moltbot_audit::auditor::{ControlError, Finding, Permit};
use moltbot_audit::delivery::Spool;
use moltbot_audit::store::admission::Lease;
use moltbot_audit::store::{Appended, BoxFuture, StoreError, StoreLayer};
use moltbot_audit::testing::Fault;
use tokio::time::{Instant, sleep};

use super::*;
use crate::support::records::KEY;

/// A store of which the test sees each renewal, and holds streams back from being appended to.
#[derive(Debug)]
struct Watched {
    inner: Arc<Sink>,
    renewals: Mutex<Vec<(Instant, usize)>>,
    is_held: AtomicBool,
}

impl StoreLayer for Watched {
    type Inner = Sink;

    fn inner(&self) -> &Sink {
        &self.inner
    }

    fn append<'a>(
        &'a self,
        batch: &'a [Record],
    ) -> BoxFuture<'a, Result<Vec<Appended>, StoreError>> {
        let is_of_request = |record: &Record| record.header().request_id == Some(request().uuid());
        if self.is_held.load(Ordering::SeqCst) && batch.iter().any(is_of_request) {
            return Box::pin(async { Err(StoreError::locked("append events", "on purpose")) });
        }
        StoreLayer::append(&*self.inner, batch)
    }

    fn renew_leases<'a>(&'a self, leases: &'a [Lease]) -> BoxFuture<'a, Result<(), StoreError>> {
        self.renewals.lock().expect("no panic").push((Instant::now(), leases.len()));
        StoreLayer::renew_leases(&*self.inner, leases)
    }
}

/// A host whose store is watched.
fn watched(set: impl FnOnce(AuditorBuilder) -> AuditorBuilder) -> (Host, Arc<Watched>) {
    let Host { sink, clock, .. } = host();
    let (renewals, is_held) = (Mutex::default(), AtomicBool::new(false));
    let store = Arc::new(Watched { inner: Arc::clone(&sink), renewals, is_held });
    let builder = Auditor::builder(store.clone(), KEY)
        .clock(clock.clone())
        .limits(QueueLimits::default().wait(Duration::from_millis(300)))
        .environment(|_| None);
    (Host { auditor: set(builder).build(), sink, clock }, store)
}

/// Lets time pass, by the clock of the store and by the timers.
async fn pass(host: &Host, time: Duration) {
    const STEP: Duration = Duration::from_secs(1);
    for _ in 0..time.as_secs() {
        sleep(STEP).await;
        host.clock.advance(STEP);
    }
}

async fn admitted(host: &Host) -> Permit {
    let permit = host.auditor.effect(ocr_job().idempotency_key("photo-1")).admit().await;
    permit.expect("it may run")
}

async fn in_doubt(host: &Host) -> usize {
    host.auditor.in_doubt().await.expect("the store is up").len()
}

#[tokio::test(start_paused = true)]
async fn an_effect_of_ten_minutes_with_a_lease_of_two_is_never_in_doubt() {
    let (host, store) = watched(|builder| builder);
    let permit = admitted(&host).await;
    let id = permit.effect_id().uuid();
    for _ in 0..60 {
        pass(&host, Duration::from_secs(10)).await;
        assert_eq!(in_doubt(&host).await, 0);
    }
    let again = host.run(ocr_job().idempotency_key("photo-1")).await.expect_err("it runs");
    assert!(
        matches!(again, EffectError::NotAdmitted(AdmitError::InProgress { effect_id, .. }) if effect_id == id)
    );
    let resolved = host.auditor.resolve(id, Finding::NotPerformed, "aline", "it takes long").await;
    assert!(matches!(resolved, Err(ControlError::Running { .. })), "{resolved:?}");
    permit.succeeded(&json!({ "text": "a receipt" })).await.expect("recorded");
    let renewals = store.renewals.lock().expect("no panic").len();
    assert!((13..=16).contains(&renewals), "every third of a lease: {renewals}");
    assert!(host.events("effect.expired").is_empty());
    // What has ended is renewed no more.
    pass(&host, Duration::from_mins(5)).await;
    assert_eq!(store.renewals.lock().expect("no panic").len(), renewals);
}

#[tokio::test(start_paused = true)]
async fn leases_of_all_lengths_and_beginnings_are_renewed_in_few_statements() {
    let (host, store) = watched(|builder| builder);
    let mut permits = Vec::new();
    for nth in 0..1_500 {
        let lease = Duration::from_secs(if nth % 3 == 0 { 90 } else { 120 });
        let effect = Effect::custom(EventType::DISCOVERY_CALL, Actor::System, json!({}));
        permits.push(host.auditor.effect(effect.lease(lease)).admit().await.expect("it may run"));
        if nth % 10 == 0 {
            pass(&host, Duration::from_secs(1)).await;
        }
    }
    pass(&host, Duration::from_mins(10)).await;
    assert_eq!(in_doubt(&host).await, 0);
    let renewals = store.renewals.lock().expect("no panic").clone();
    assert!(renewals.len() < 120, "{} statements for 1,500 effects", renewals.len());
    assert!(renewals.iter().all(|(_, effects)| *effects <= 1_000));
    // Dropped together they are in doubt at once, and that is all.
    drop(permits);
    host.settled("discovery.call", 1_500).await;
}

/// As a process that was stopped for longer than a lease, and goes on.
#[tokio::test(start_paused = true)]
async fn a_lease_that_ended_is_not_revived_and_the_late_outcome_counts() {
    let (host, _store) = watched(|builder| builder);
    let permit = admitted(&host).await;
    pass(&host, Duration::from_mins(3)).await;
    assert_eq!(in_doubt(&host).await, 0);
    host.clock.advance(Duration::from_mins(2));
    assert_eq!(in_doubt(&host).await, 1);
    assert_eq!(host.events("effect.expired").len(), 1);
    pass(&host, Duration::from_mins(3)).await;
    assert_eq!(in_doubt(&host).await, 1, "it runs, and that is not known for certain any more");
    permit.succeeded(&json!({ "text": "late" })).await.expect("recorded");
    assert_eq!(in_doubt(&host).await, 0);
    let replayed = host.run(ocr_job().idempotency_key("photo-1")).await.expect("it succeeded");
    assert_eq!(replayed, json!({ "text": "late" }));
    assert_eq!(host.events("effect.expired").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_outage_shorter_than_what_is_left_of_a_lease_leaves_nothing_in_doubt() {
    let (host, store) = watched(|builder| builder);
    let permit = admitted(&host).await;
    for _ in 0..4 {
        pass(&host, Duration::from_secs(39)).await;
        host.sink.every_call(Fault::not_landed());
        pass(&host, Duration::from_mins(1)).await;
        host.sink.heal();
        pass(&host, Duration::from_secs(11)).await;
        assert_eq!(in_doubt(&host).await, 0);
    }
    let tries = store.renewals.lock().expect("no panic").len();
    assert!(tries < 60, "it is tried again, and not all the time: {tries}");
    permit.succeeded(&json!({})).await.expect("recorded");
}

#[tokio::test(start_paused = true)]
async fn what_hangs_for_a_day_is_renewed_no_more() {
    let (host, store) = watched(|builder| builder);
    let permit = admitted(&host).await;
    pass(&host, Duration::from_hours(24) - Duration::from_mins(1)).await;
    assert_eq!(in_doubt(&host).await, 0);
    pass(&host, Duration::from_mins(4)).await;
    assert_eq!(in_doubt(&host).await, 1);
    let renewals = store.renewals.lock().expect("no panic").len();
    pass(&host, Duration::from_mins(9)).await;
    assert_eq!(store.renewals.lock().expect("no panic").len(), renewals);
    permit.succeeded(&json!({})).await.expect("recorded");
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_renews_while_it_waits_for_effects_and_not_after_it() {
    let (host, store) = watched(|builder| builder);
    let permit = admitted(&host).await;
    let shutdown = tokio::spawn({
        let auditor = host.auditor.clone();
        async move { auditor.shutdown(Duration::from_mins(20)).await }
    });
    pass(&host, Duration::from_mins(9)).await;
    // Another process looks.
    let other = host_on(&host);
    assert_eq!(other.in_doubt().await.expect("the store is up").len(), 0);
    pass(&host, Duration::from_mins(2)).await;
    let left = shutdown.await.expect("it ends").expect_err("an effect runs");
    assert_eq!(left.effects, 1);
    let renewals = store.renewals.lock().expect("no panic").len();
    assert!(renewals > 10, "{renewals}");
    pass(&host, Duration::from_mins(3)).await;
    assert_eq!(store.renewals.lock().expect("no panic").len(), renewals);
    assert_eq!(other.in_doubt().await.expect("the store is up").len(), 1);
    drop(permit);
}

/// Another process with the same store.
fn host_on(host: &Host) -> Auditor {
    Auditor::builder(host.sink.clone(), KEY).clock(host.clock.clone()).environment(|_| None).build()
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_waits_in_the_spool_is_not_overtaken_by_an_expiry() {
    let folder = tempfile::tempdir().expect("a folder");
    let spool = Spool::open(folder.path().join("spool")).await.expect("a folder");
    let (host, store) = watched(|builder| builder.spool(spool.clone()));
    let permit = admitted(&host).await;
    store.is_held.store(true, Ordering::SeqCst);
    permit.succeeded(&json!({ "text": "a receipt" })).await.expect("it is in the spool");
    assert_eq!(spool.depth().events, 1);
    // The database is there, and takes what is said of others.
    let of_nobody = Effect::custom(EventType::DISCOVERY_CALL, Actor::System, json!({}));
    host.auditor.effect(of_nobody).run(async || Ok::<_, String>(())).await.expect("it runs");
    pass(&host, Duration::from_mins(5)).await;
    assert_eq!(in_doubt(&host).await, 1, "it is listed");
    assert!(host.events("effect.expired").is_empty(), "its outcome is in the spool");
    store.is_held.store(false, Ordering::SeqCst);
    host.settled("ocr.job_done", 1).await;
    assert_eq!(in_doubt(&host).await, 0);
    assert!(host.events("effect.expired").is_empty());
}
