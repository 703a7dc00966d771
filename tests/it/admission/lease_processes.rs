//! Leases of real processes: one that runs for long, one that is stopped for longer than its lease and goes on, one
//! that is killed. A test starts itself again as a host that runs an effect until it is told to end it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use moltbot_audit::auditor::{ControlError, Finding};
use moltbot_audit::store::admission::OpenEffect;
use moltbot_audit::store::{self, AuditStore};
use moltbot_audit::{Actor, AdmitError, Auditor, Effect, EffectError, EventType};
use serde_json::json;
use tokio::time::sleep;
use uuid::Uuid;

use crate::support::process::{self, this_test};
use crate::support::records::{KEY, assert_unbroken, named_request, stream};
use crate::support::stores::{self, Fresh};
use crate::support::wait::eventually;

/// Renewed every two seconds: a busy machine may be late by four.
const LEASE: Duration = Duration::from_secs(6);
const LATER: &str = "it ran for long";

fn effect(key: &str) -> Effect {
    Effect::custom(EventType::DISCOVERY_CALL, Actor::System, json!({ "of": key }))
        .request(&named_request("a long call"))
        .lease(LEASE)
        .idempotency_key(key)
}

fn auditor(store: Arc<dyn AuditStore>) -> Auditor {
    Auditor::builder(store, KEY.clone()).build()
}

/// The part of a host: runs an effect with the key until a line comes.
async fn run_until_told(part: &str) {
    let (key, url) = part.split_once(' ').expect("a key and a URL");
    let auditor = auditor(store::open(url).await.expect("the store is there"));
    let permit = auditor.effect(effect(key)).admit().await.expect("it may run");
    writeln!(std::io::stdout(), "\nadmitted: {}", permit.effect_id()).expect("it is read");
    tokio::task::spawn_blocking(|| std::io::stdin().lines().next()).await.expect("no panic");
    permit.succeeded(&LATER).await.expect("recorded");
}

struct Host {
    process: Child,
    effect_id: Uuid,
}

impl Host {
    fn start(test: &str, key: &str, url: &str) -> Self {
        let mut process = process::again(test, &format!("{key} {url}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let lines = BufReader::new(process.stdout.as_mut().expect("a pipe")).lines();
        let mut lines = lines.map_while(Result::ok);
        let id = lines.find_map(|line| line.strip_prefix("admitted: ").map(str::to_owned));
        let effect_id = id.expect("it runs").parse().expect("an id");
        Self { process, effect_id }
    }

    fn signal(&self, signal: &str) {
        let kill = Command::new("kill").args([signal, &self.process.id().to_string()]).status();
        assert!(kill.expect("it starts").success(), "{signal}");
    }

    fn end(mut self) {
        let mut told = self.process.stdin.take().expect("a pipe");
        writeln!(told, "end").expect("it listens");
        assert!(self.process.wait().expect("our own child").success());
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

async fn open(store: &dyn AuditStore, id: Uuid) -> OpenEffect {
    let admission = store.admission().expect("it decides");
    admission.open_effect(id).await.expect("readable").expect("it is open")
}

async fn until_in_doubt(auditor: &Auditor, id: Uuid) {
    let is_in_doubt = async || {
        let listed = auditor.in_doubt().await.expect("readable");
        listed.iter().any(|one| one.effect_id == id && !one.is_expiring).then_some(())
    };
    eventually("it is in doubt", is_in_doubt).await;
}

async fn types(store: &dyn AuditStore) -> Vec<String> {
    let read = store.read_stream(stream(&named_request("a long call"))).await.expect("readable");
    let snapshot = read.expect("a stream");
    assert_unbroken(&snapshot);
    snapshot.records.into_iter().map(|row| row.header.event_type).collect()
}

async fn live_stop_and_die(test: &str, fresh: Fresh, url: &str) {
    let store = fresh.store;
    let auditor = auditor(store.clone());

    let host = Host::start(test, "a", url);
    let id = host.effect_id;
    let first = open(&*store, id).await.lease_until;
    while open(&*store, id).await.lease_until < first + LEASE {
        assert!(auditor.in_doubt().await.expect("readable").is_empty(), "it runs");
        sleep(Duration::from_millis(100)).await;
    }
    let resolved = auditor.resolve(id, Finding::NotPerformed, "aline", "it takes long").await;
    assert!(matches!(resolved, Err(ControlError::Running { .. })), "{resolved:?}");

    host.signal("-STOP");
    until_in_doubt(&auditor, id).await;
    let ended = open(&*store, id).await;
    host.signal("-CONT");
    sleep(LEASE).await;
    assert_eq!(open(&*store, id).await, ended, "it is not revived");
    host.end();
    assert_eq!(types(&*store).await, ["effect.admitted", "effect.expired", "discovery.call"]);
    assert_eq!(auditor.in_doubt().await.expect("readable"), []);
    let replayed = auditor.effect(effect("a")).run(async || Err::<String, _>("not again")).await;
    assert_eq!(replayed.expect("its outcome is known"), LATER);

    let host = Host::start(test, "b", url);
    let id = host.effect_id;
    let first = open(&*store, id).await.lease_until;
    let is_renewed = async || (open(&*store, id).await.lease_until > first).then_some(());
    eventually("its lease is renewed", is_renewed).await;
    host.signal("-KILL");
    drop(host);
    until_in_doubt(&auditor, id).await;
    let again = auditor.effect(effect("b")).run(async || Ok::<_, String>(String::new())).await;
    assert!(
        matches!(again, Err(EffectError::NotAdmitted(AdmitError::InDoubt { .. }))),
        "{again:?}"
    );
    auditor.resolve(id, Finding::NotPerformed, "aline", "it was killed").await.expect("in doubt");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_lives_renews_on_postgres_and_one_that_was_stopped_or_killed_does_not() {
    if let Some(part) = process::part() {
        return run_until_told(&part).await;
    }
    let (fresh, url) = stores::postgres_with_url().await;
    live_stop_and_die(this_test!(), fresh, &url).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_lives_renews_on_sqlite_and_one_that_was_stopped_or_killed_does_not() {
    if let Some(part) = process::part() {
        return run_until_told(&part).await;
    }
    let (fresh, url) = stores::sqlite_with_url().await;
    live_stop_and_die(this_test!(), fresh, &url).await;
}
