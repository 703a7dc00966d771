//! The spool: how fast it takes events while the database is away, and how fast they leave it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use moltbot_audit::Auditor;
use moltbot_audit::delivery::{QueueLimits, Spool};
use moltbot_audit::record::Record;
use moltbot_audit::store::PostgresStore;
use moltbot_audit::testing::{Fault, FaultySink};
use tempfile::TempDir;
use tokio::time::sleep;

use super::callers::record;
use super::cluster::Cluster;
use super::postgres::Database;
use super::rounds::{alone, compare};
use super::rows::{events, unsealed};
use super::table::Table;
use super::table::Target::AtLeast;
use super::{EVENTS_PER_BATCH, KEY, Size};

/// What the spool has to take, in events a second.
const LEAST_PUSHED: f64 = 20_000.0;

#[derive(Clone, Copy)]
enum Way {
    Live,
    Drain,
}

pub(crate) async fn measure(cluster: &Cluster, size: &Size, table: &mut Table) {
    let records = events(size.many);
    let database = Database::create(cluster).await;

    let pushed = alone(size.rounds, async || push(&fresh().await.1, &records).await).await;
    let ratio = pushed / LEAST_PUSHED;
    table.figure("spool: push, 500 a batch", pushed, "events/s");
    table.ratio("of 20,000 durable events/s", LEAST_PUSHED, "events/s", ratio, Some(AtLeast(1.0)));
    let away = alone(size.rounds, async || record_away(&database.store, size.many).await).await;
    table.figure("spool: record, 1,024 callers, database away", away, "events/s");

    let auditor = Auditor::builder(database.store.clone(), KEY).build();
    let run = async |way| {
        database.empty().await;
        match way {
            Way::Live => record(&auditor, unsealed(0..size.many), 1_024).await.per_second,
            Way::Drain => drain(&database.store, &records).await,
        }
    };
    let compared = compare(size.rounds, Way::Drain, &[Way::Live], run).await;
    let live = &compared.others[0];
    table.figure("spool: drain", compared.subject, "events/s");
    let target = Some(AtLeast(0.5));
    table.ratio("of record, 1,024 callers", live.figure, "events/s", live.ratio, target);
}

async fn fresh() -> (TempDir, Spool) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let spool = Spool::open(folder.path().join("spool")).await.expect("a new spool");
    (folder, spool)
}

/// Events a second that are durable in the spool.
async fn push(spool: &Spool, records: &[Record]) -> f64 {
    let started = Instant::now();
    for batch in records.chunks(EVENTS_PER_BATCH) {
        spool.push(batch).await.expect("the spool takes them");
    }
    records.len() as f64 / started.elapsed().as_secs_f64()
}

/// Events a second that callers record while the database does not answer.
async fn record_away(store: &Arc<PostgresStore>, count: usize) -> f64 {
    let (_folder, spool) = fresh().await;
    let sink = Arc::new(FaultySink::new(store.clone()));
    sink.every_call(Fault::not_landed());
    let limits = QueueLimits::default().wait(Duration::from_millis(200));
    let auditor = Auditor::builder(sink, KEY).spool(spool.clone()).limits(limits).build();
    // The first callers wait until the database's time is up; the outage is known from then on.
    record(&auditor, unsealed(0..1), 1).await;
    let recorded = record(&auditor, unsealed(1..count), 1_024).await;
    assert_eq!(recorded.chained, 0, "the database is away");
    assert!(spool.depth().events >= count as u64, "every event is in the spool");
    recorded.per_second
}

/// Events a second that leave the spool, from the moment on in which an auditor finds the database
/// there, as a process does that starts after the outage. One that has lived through it waits first:
/// for its next try, at most 5 seconds.
async fn drain(store: &Arc<PostgresStore>, records: &[Record]) -> f64 {
    let (_folder, spool) = fresh().await;
    push(&spool, records).await;
    let started = Instant::now();
    let auditor = Auditor::builder(store.clone(), KEY).spool(spool.clone()).build();
    while spool.depth().events > 0 {
        sleep(Duration::from_millis(1)).await;
    }
    let took = started.elapsed();
    auditor.shutdown(Duration::from_secs(10)).await.expect("nothing is left");
    assert_eq!(spool.set_aside_count(), 0, "the database takes every event");
    records.len() as f64 / took.as_secs_f64()
}
