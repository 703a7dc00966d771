//! What only shows after a while: an outage of an hour, a million events.
//!
//! The sizes are small here. `scripts/proofs` runs the same tests at full size, by
//! `MOLTBOT_AUDIT_EVENTS`. Each plays in a process of its own, started from this binary, so that what
//! its memory does is its own doing.

use std::sync::Arc;
use std::time::Duration;

use moltbot_audit::delivery::{QueueLimits, Spool};
use moltbot_audit::record::Recorded;
use moltbot_audit::store::{AuditStore, PostgresStore};
use moltbot_audit::testing::FaultProxy;
use moltbot_audit::{Auditor, RequestId};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::observe::metrics::recorder;
use crate::support::cluster::Cluster;
use crate::support::process::{is_alone, this_test};
use crate::support::records::{KEY, assert_unbroken, event, fresh_request, stream};
use crate::support::stores;

const EVENTS: &str = "MOLTBOT_AUDIT_EVENTS";
const CALLERS: usize = 64;

fn events(small: usize) -> usize {
    std::env::var(EVENTS).map_or(small, |events| events.parse().expect("a number of events"))
}

/// Resident memory of this process, in KiB.
fn resident_kib() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a line");
    line.split_whitespace().nth(1).expect("a number").parse().expect("a number")
}

/// Records so many events by callers who each write one stream after the other; returns, for each
/// stream, its events in order, and how many of all were spooled.
async fn load(auditor: &Auditor, count: usize) -> (Vec<(RequestId, Vec<Uuid>)>, usize) {
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let auditor = auditor.clone();
            tokio::spawn(async move {
                let (mut streams, mut spooled) = (Vec::new(), 0);
                let mut left = count / CALLERS;
                while left > 0 {
                    let request = fresh_request();
                    let mut sent = Vec::new();
                    for _ in 0..left.min(50) {
                        let recorded = auditor.record(event(&request)).await.expect("durable");
                        spooled += usize::from(matches!(recorded, Recorded::Spooled { .. }));
                        sent.push(recorded.event_id());
                    }
                    left -= sent.len();
                    streams.push((request, sent));
                }
                (streams, spooled)
            })
        })
        .collect();
    let (mut streams, mut spooled) = (Vec::new(), 0);
    for caller in callers {
        let (more, more_spooled) = caller.await.expect("a caller ends");
        streams.extend(more);
        spooled += more_spooled;
    }
    (streams, spooled)
}

/// An hour in which the database swallows whatever it is sent: 360,000 events, a hundred a second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_hour_of_outage_loses_nothing_and_keeps_the_order() {
    if !is_alone(this_test!()) {
        return;
    }
    let count = events(6_400);
    let cluster = Cluster::start(&[]);
    let url = cluster.create_database().await;
    let (place, _) = url.split_once('?').expect("the socket's folder");
    let (_, database) = place.rsplit_once('/').expect("a database");
    let store = stores::migrated(&url).await;
    let proxy = FaultProxy::start(cluster.folder().join(".s.PGSQL.5432").as_path()).await;
    let proxy = proxy.expect("a free port");
    let through = format!("postgres://postgres@{}/{database}?pooler=none", proxy.address());
    let through = PostgresStore::connect(&through).await.expect("the proxy passes");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let spool = Spool::open(folder.path()).await.expect("our own");
    let wait = Duration::from_millis(500);
    let through = Arc::new(through);
    let waiting = |wait| {
        Auditor::builder(through.clone(), KEY)
            .spool(spool.clone())
            .limits(QueueLimits::default().wait(wait))
            .build()
    };
    // However busy the machine is: what the database takes while it is there is not spooled.
    let patient = waiting(Duration::from_mins(5));
    let (mut streams, spooled) = load(&patient, count / 10).await;
    assert_eq!(spooled, 0, "the database is there");
    patient.shutdown(Duration::from_secs(30)).await.expect("all is written");
    let auditor = waiting(wait);
    proxy.black_hole();
    let started = Instant::now();
    let first = auditor.record(event(&fresh_request())).await.expect("durable");
    let delayed = started.elapsed();
    assert!(matches!(first, Recorded::Spooled { .. }), "{first:?}");
    assert!(delayed < wait + Duration::from_secs(30), "a caller was held for {delayed:?}");
    let before = resident_kib();
    let outage = Instant::now();
    let (more, spooled) = load(&auditor, count).await;
    let outage = outage.elapsed();
    let grown = resident_kib() - before;
    assert_eq!(spooled, more.iter().map(|(_, sent)| sent.len()).sum::<usize>());
    streams.extend(more);
    proxy.pass();
    // The drain, beside live traffic.
    let draining = Instant::now();
    let (more, _) = load(&auditor, count / 10).await;
    streams.extend(more);
    while spool.depth().events > 0 {
        assert!(draining.elapsed() < Duration::from_mins(30), "{:?}", spool.depth());
        sleep(Duration::from_millis(10)).await;
    }
    let drained = draining.elapsed();
    auditor.shutdown(Duration::from_secs(30)).await.expect("all is written");
    assert_eq!(spool.set_aside_count(), 0);
    for (request, sent) in &streams {
        let snapshot = store.read_stream(stream(request)).await.expect("readable").expect("events");
        assert_unbroken(&snapshot);
        let stored: Vec<_> = snapshot.records.iter().map(|record| record.header.id).collect();
        assert_eq!(&stored, sent);
    }
    eprintln!(
        "{spooled} events in {outage:?} of outage, memory grew by {grown} KiB; drained within \
         {drained:?}"
    );
    assert!(grown < 64 * 1_024, "memory grew by {grown} KiB");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_million_events_leave_memory_where_it_was() {
    if !is_alone(this_test!()) {
        return;
    }
    let count = events(20_000);
    let cluster = Cluster::start(&["synchronous_commit=off", "fsync=off"]);
    let url = cluster.create_database().await;
    let store = stores::migrated(&url).await;
    // Whatever is observed must not gather either.
    let scraped = recorder().install_recorder().expect("the process is ours alone");
    let auditor = Auditor::builder(Arc::new(store), KEY).build();
    // Caches, plans and queues grow to their size first. The list of what was sent is not kept.
    drop(load(&auditor, 10_000).await);
    let before = resident_kib();
    let started = Instant::now();
    for _ in 0..count.div_ceil(10_000) {
        drop(load(&auditor, 10_000).await);
        scraped.run_upkeep();
    }
    let grown = resident_kib() - before;
    eprintln!("{count} events in {:?}, memory grew by {grown} KiB", started.elapsed());
    assert!(grown < 20_000, "memory grew by {grown} KiB");
    let counted = format!("{{event_type=\"{}\"}} ", event(&fresh_request()).event_type);
    let exposed = scraped.render();
    let counted = exposed.lines().find_map(|line| line.split_once(&counted));
    assert!(counted.is_some_and(|(_, events)| events != "0"), "they are counted:\n{exposed}");
}
